"""The output projection, D → V."""

from torch import Tensor, nn


class Projection(nn.Linear):
    """A linear map whose weight may be an embedding's.

    Embeddings start from N(0, 1), so states times a tied weight would give logits of size √D; the
    states are then scaled by 1/√D (Raffel et al. 2020 do the same), which leaves the embedding alone.
    """

    scale: float = 1.0

    def tie(self, embedding: nn.Embedding) -> None:
        """Use the embedding's weight (V, D) from now on."""
        self.weight = embedding.weight
        self.scale = self.in_features**-0.5

    def forward(self, input: Tensor) -> Tensor:
        """Map states (..., D) to logits (..., V)."""
        return super().forward(input if self.scale == 1.0 else input * self.scale)
