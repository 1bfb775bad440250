"""Quasi-recurrent encoder-decoder with a fixed context vector: convolutions, then a parallel scan.

B batch, N positions, F input features, D width, K kernel, W = (K - 1) x F the inputs just before, G
pre-activations (3 x D).

Bradbury, Merity, Xiong & Socher 2017, "Quasi-Recurrent Neural Networks", section 2: candidate and gates
come from a masked convolution over the last K inputs, and an elementwise recurrence joins them ("fo-
pooling", equation 4). Around the layers everything is as in models.minimal_recurrent.
"""

from dataclasses import replace
from typing import Any, cast

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from models.base import Memory
from models.cost import Cost
from models.layer import Layer
from models.minimal_recurrence import Candidate, MinimalRecurrence, ScannedLayer, doubled, scan_depth
from models.minimal_recurrent import MinimalConfig, MinimalSeq2Seq
from models.problem import Problem
from models.recurrence import at_last
from models.scan import linear_scan
from models.search import Choice, Space


class QRNNConfig(MinimalConfig):
    """Options of the quasi-recurrent network."""

    candidate: Candidate = Field("tanh", description="what enters the state: tanh, as the paper has it")
    kernel_size: int = Field(2, gt=0, description="K: inputs that candidate and gates see")


class QuasiRecurrence(MinimalRecurrence):
    """c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ z_t and h_t = o_t ⊙ c_t.

    z, f and o are tanh and σ of affine maps of x_{t-K+1} ... x_t, zeros before the first position. The
    state is h (B, D), c (B, D) and the inputs just before (B, W), the latest last.
    """

    gates = 3

    def __init__(self, inputs: int, config: QRNNConfig) -> None:
        kernel = config.kernel_size
        super().__init__(kernel * inputs, config.width, config.candidate, config.forget_bias)
        self.inputs, self.kernel_size = inputs, kernel

    def lengthen(self, bias_G: Tensor, forget_bias: float) -> None:
        """Add to the forget gate's bias."""
        bias_G[: self.width] += forget_bias

    def coefficients(self, maps_BG: Tensor) -> tuple[Tensor, Tensor]:
        """Return f and (1 - f) ⊙ z."""
        f_BD, z_BD = maps_BG[..., : 2 * self.width].chunk(2, dim=-1)
        return torch.sigmoid(f_BD), torch.sigmoid(-f_BD) * self.content(z_BD)

    def opened(self, maps_BG: Tensor) -> Tensor:
        """Return the output gate o."""
        return torch.sigmoid(maps_BG[..., 2 * self.width :])

    def windows(self, x_BNF: Tensor, before_BW: Tensor | None = None) -> Tensor:
        """Return the last K inputs at every position, (B, N, K·F), the latest last."""
        if before_BW is None:
            x_BMF = functional.pad(x_BNF, (0, 0, self.kernel_size - 1, 0))
        else:
            x_BMF = torch.cat([before_BW.unflatten(-1, (-1, self.inputs)), x_BNF], dim=1)
        return x_BMF.unfold(1, self.kernel_size, 1).transpose(2, 3).flatten(2)

    def forward(
        self, x_BNF: Tensor, state: Any = None, mask_BN: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run over whole sequences; see ``MinimalRecurrence.forward``."""
        _, c_BD, before_BW = (None, None, None) if state is None else state
        window_BNX = self.windows(x_BNF, before_BW)
        maps_BNG = self.project(window_BNX)
        c_BND = linear_scan(*self.coefficients(maps_BNG), c_BD)
        h_BND = (self.opened(maps_BNG) * c_BND).to(x_BNF.dtype)
        parts = (h_BND, c_BND.to(x_BNF.dtype), window_BNX[..., self.inputs :])
        return h_BND, tuple(at_last(part, mask_BN) for part in parts)

    def step(self, x_BF: Tensor, state: Any) -> Any:
        """Advance by one position (B, F); any leading dimensions in place of B."""
        _, c_BD, before_BW = state
        window_BX = torch.cat([before_BW, x_BF], dim=-1)
        maps_BG = self.project(window_BX)
        a_BD, b_BD = self.coefficients(maps_BG)
        c_BD = a_BD * c_BD + b_BD
        h_BD = self.opened(maps_BG) * c_BD
        return h_BD.to(x_BF.dtype), c_BD.to(x_BF.dtype), window_BX[..., self.inputs :]

    def start(self, x_BD: Tensor) -> Any:
        """Return the zero state for inputs with these leading dimensions."""
        sizes = (self.width, self.width, (self.kernel_size - 1) * self.inputs)
        return tuple(x_BD.new_zeros(*x_BD.shape[:-1], size) for size in sizes)


class QuasiLayer(ScannedLayer):
    """A quasi-recurrent layer as a measured one (see models.layer)."""

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Compute the gates, then scan as ``ScannedLayer`` does; the output gate opens every state."""
        layer = cast(QuasiRecurrence, self.recurrence)
        if state is None:
            maps_BNG = layer.project(layer.windows(x_BND))
            a_BND, b_BND = layer.coefficients(maps_BNG)
            scanned, o_BND = (a_BND, b_BND, 1), layer.opened(maps_BNG)
            return o_BND * b_BND, (scanned, o_BND)
        (scanned, o_BND) = state
        c_BND, scanned = doubled(*scanned)
        return o_BND * c_BND, (scanned, o_BND)


class QRNN(MinimalSeq2Seq):
    """Convolutions give candidate and gates of an elementwise recurrence; parallel in training."""

    Config = QRNNConfig
    config: QRNNConfig
    citation = "Bradbury et al. 2017, Quasi-Recurrent Neural Networks"
    cell_name = "quasi-recurrent"
    gates = QuasiRecurrence.gates

    @classmethod
    def recurrence(cls, config: QRNNConfig, inputs: int) -> QuasiRecurrence:
        """Return one layer."""
        return QuasiRecurrence(inputs, config)

    @classmethod
    def seen(cls, config: QRNNConfig) -> int:
        """Return K."""
        return config.kernel_size

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: as for minimal recurrences, and how far the gates see."""
        widths = Choice((1, 2, 4), why="Bradbury et al. 2017, section 3")
        return super().own_search_space() | {"model.kernel_size": widths}

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [*super().variants(), {"kernel_size": 1}, {"kernel_size": 4, "layers": 2}]

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Run the encoder; the decoder's convolutions see nothing of the source (section 2.1)."""
        memory = super().encode(source_BSD, mask_BS)
        if not self.has_decoder:
            return memory
        fresh = self.decoder.start(memory.states[:, 0])
        final = [(h, c, new[2]) for (h, c, _), new in zip(memory.final, fresh, strict=True)]
        return memory._replace(final=final)

    @classmethod
    def cost(cls, config: QRNNConfig, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example; kept are h, c and the inputs just before."""
        cost = super().cost(config, problem, source_length, target_length)
        return replace(cost, state_size=config.layers * (config.kernel_size + 1) * config.width)

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return one layer: what lies within the kernel is seen by the first update."""
        return {
            name: replace(
                layer,
                build=lambda config: QuasiLayer(cls.recurrence(config, config.width)),
                path_by_options=lambda config, k: scan_depth(max(0, k - config.kernel_size + 1) + 1),
            )
            for name, layer in super().layers().items()
        }
