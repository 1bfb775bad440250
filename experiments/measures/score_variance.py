"""Measure ``score_variance``: how q·k, and the softmax over it, change with the width of a head.

Vaswani et al. 2017, section 3.2.1 and its footnote 4: if the components of q and k are independent
with mean 0 and variance 1, q·k has mean 0 and variance d_k.

T queries, S keys, E = d_k width of a head, D width.
"""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from experiments.cell import Cell
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.attention_identities import softmax_jacobian_norm
from experiments.measures.base import Context, Measure, Outcome
from experiments.tasks.base import Positive, distinct
from models.attention import Masking, SelfAttention, attention_weights, split_heads


class ScoreVariance(Measure):
    """Variance of q·k, and entropy and slope of the softmax over it, against the width of a head."""

    class Options(base.Options):
        """Which head widths, and where queries and keys come from."""

        widths: Annotated[tuple[Positive, ...], Field(min_length=2), AfterValidator(distinct)] = Field(
            (4, 16, 64, 256), description="d_k"
        )
        keys: int = Field(64, gt=1, description="positions; as many queries")
        vectors: Literal["normal", "layer"] = Field(
            "normal",
            description="normal: components of variance 1; layer: self-attention at initialisation, on "
            "input of variance 1",
        )

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return curves over d_k: ``variance`` of q·k, and ``entropy`` and ``jacobian`` of the softmax.

        Entropy in nats, ``jacobian`` the mean Frobenius norm of ∂softmax/∂scores; each without the
        scale, and ``_scaled`` with 1/√d_k.
        """
        options = self.Options.model_validate(cell.options)
        seed = scoped_seed(cell.seed, "scores") % 2**31
        heads = int(cell.model.get("heads", 1))
        curves: dict[str, list[list[float]]] = {}
        for width in options.widths:
            found = _statistics(options.vectors, width, options.keys, heads, seed)
            for name, value in found.items():
                curves.setdefault(name, []).append([width, value])
        return Outcome(curves=curves)


def _statistics(vectors: str, width: int, keys: int, heads: int, seed: int) -> dict[str, float]:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        q_BHTE, k_BHSE = _vectors(vectors, width, keys, heads)
        found = {"variance": float((q_BHTE @ k_BHSE.transpose(2, 3)).var())}
        for suffix, scale in (("", 1.0), ("_scaled", None)):
            weights_XS = attention_weights(q_BHTE, k_BHSE, Masking("explicit", scale=scale))
            entropy = -torch.special.xlogy(weights_XS, weights_XS).sum(dim=-1)
            found[f"entropy{suffix}"] = float(entropy.mean())
            found[f"jacobian{suffix}"] = float(softmax_jacobian_norm(weights_XS).mean())
    return found


def _vectors(vectors: str, width: int, keys: int, heads: int) -> tuple[Tensor, Tensor]:
    """Return queries and keys (1, H, T, E), float64."""
    if vectors == "normal":
        q, k = (torch.randn(1, heads, keys, width, dtype=torch.float64) for _ in range(2))
        return q, k
    layer = SelfAttention(heads * width, heads).double()
    x_BND = torch.randn(1, keys, heads * width, dtype=torch.float64)
    q, k, _ = split_heads(layer.query_key_value(x_BND), 3, heads)
    return q, k
