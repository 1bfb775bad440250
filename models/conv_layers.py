"""The layers of convolutional seq2seq, as they are used and as they are measured.

B batch, N positions, T target positions, S source positions, D width, k kernel size.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.dropout import Dropout
from models.gated_convolution import (
    HALF,
    GatedConvolution,
    convolution_flops,
    convolution_parameters,
)
from models.layer import Layer
from models.multi_step_attention import MultiStepAttention, Source

if TYPE_CHECKING:
    from models.conv import ConvConfig


class ConvLayer(nn.Module):
    """Dropout, a gated convolution, attention to the source if asked for, and the scaled residual."""

    def __init__(
        self, config: "ConvConfig", dilation: int, *, causal: bool, attends: bool = False
    ) -> None:
        super().__init__()
        self.dropout = Dropout(config.dropout)
        self.convolution = GatedConvolution(
            config.width,
            config.kernel_size,
            dilation,
            causal=causal,
            channels=config.channels,
            keep=1 - config.dropout,
        )
        self.attention = MultiStepAttention(config.width) if attends else None

    def forward(
        self, x_BND: Tensor, embedded_BND: Tensor | None = None, source: Source | None = None
    ) -> Tensor:
        """Map (B, N, D) to (B, N, D), all positions at once."""
        return self._rest(x_BND, self.convolution(self.dropout(x_BND)), embedded_BND, source)

    def step(
        self, x_ND: Tensor, past_NMD: Tensor, embedded_ND: Tensor, source: Source | None
    ) -> tuple[Tensor, Tensor]:
        """Map the next position (N rows, D), and return the inputs that later ones need."""
        h_ND, past_NMD = self.convolution.step(self.dropout(x_ND), past_NMD)
        if source is None:
            return self._rest(x_ND, h_ND, None, None), past_NMD
        x, h, embedded = (  # (B, K, D): the K rows of a source are its queries
            rows_ND.view(len(source.keys_B1SD), -1, rows_ND.shape[1])
            for rows_ND in (x_ND, h_ND, embedded_ND)
        )
        return self._rest(x, h, embedded, source).view_as(x_ND), past_NMD

    def source_weights(self, x_BTD: Tensor, embedded_BTD: Tensor, source: Source) -> Tensor:
        """Return what ``forward`` of the same arguments attends to in the source: (B, T, S)."""
        if self.attention is None:
            raise ValueError("this layer does not attend to a source")
        return self.attention.weights(self.convolution(x_BTD), embedded_BTD, source)

    def _rest(self, x: Tensor, h: Tensor, embedded: Tensor | None, source: Source | None) -> Tensor:
        if self.attention is not None and embedded is not None and source is not None:
            h = self.attention(h, embedded, source)
        return (x + h) * HALF


class MeasuredConvolution(nn.Module):
    """One layer, without attention, as a measured layer (see models.layer).

    Contiguous: an encoder layer, whose every update is the same. ``dilated``: update u has gaps of
    k^(u - 1), as layer u of a dilated stack has; it is a decoder layer, since centred kernels with such
    gaps join some positions by going beyond both, which at the ends of a sequence leads to nothing.
    """

    def __init__(self, config: "ConvConfig", *, dilated: bool) -> None:
        super().__init__()
        self.inner = GatedConvolution(
            config.width, config.kernel_size, causal=dilated, channels=config.channels
        )
        self.dilated = dilated

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return (x_BND + self.inner(x_BND)) * HALF

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply a layer to the previous iterate, or to the input at first."""
        before_BND, dilation = (x_BND, 1) if state is None else state
        after_BND = (before_BND + self.inner(before_BND, dilation)) * HALF
        return after_BND, (after_BND, dilation * self.inner.kernel_size if self.dilated else 1)


def contiguous_path(kernel_size: int, distance: int, *, causal: bool = False) -> int:
    """Return the layers without gaps that join two positions: each reaches (k - 1)/2, or k - 1."""
    reach = kernel_size - 1 if causal else kernel_size // 2
    return max(1, -(-distance // reach))


def dilated_path(kernel_size: int, distance: int, *, causal: bool = False) -> int:
    """Return the layers with gaps 1, k, k² ... that do so: u reach (k^u - 1)/2, or k^u - 1."""
    updates = 1
    while (kernel_size**updates - 1) // (1 if causal else 2) < distance:
        updates += 1
    return updates


def updates_over(config: "ConvConfig", distance: int, *, causal: bool = False) -> int:
    """Return the layers that join two positions, as many as it takes."""
    path = dilated_path if config.dilated else contiguous_path
    return path(config.kernel_size, distance, causal=causal)


def measured_layers(defaults: type["ConvConfig"]) -> dict[str, Layer]:
    """Return the parts by name; the first is the architecture's row of table 1."""

    def layer(what: str, text: str, path: Callable[..., int], *, dilated: bool) -> Layer:
        return Layer(
            description=f"gated convolution, {what}, with its residual: 4·k·n·d² FLOPs",
            build=lambda config: MeasuredConvolution(config, dilated=dilated),
            complexity="k·n·d²",
            sequential="1",
            path=text,
            flop_exponents=(1.0, 2.0),
            memory_exponent=1.0,
            parameters=lambda config: convolution_parameters(
                config.width, config.kernel_size, config.channels
            ),
            flops=lambda config, n: convolution_flops(
                config.width, config.kernel_size, 1, n, causal=dilated, channels=config.channels
            ),
            sequential_operations=lambda n: 1,
            path_length=lambda k: path(defaults().kernel_size, k, causal=dilated),
            path_by_options=lambda config, k: path(config.kernel_size, k, causal=dilated),
        )

    return {
        "convolution": layer("centred, contiguous", "n/k", contiguous_path, dilated=False),
        "dilated": layer(
            "causal, gaps of 1, k, k² ... layer by layer", "log_k n", dilated_path, dilated=True
        ),
    }
