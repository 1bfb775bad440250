"""The Transformer's layers for the measures of scope ``layer``, and the theory beside them.

Vaswani et al. 2017, table 1. B batch, N positions, D width, F inner width of the feed-forward network.
"""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.attention import BareAttention, SelfAttention
from models.cost import attention_core_flops, linear_flops, linear_parameters
from models.layer import Layer
from models.positions import SinusoidalPositions
from models.transformer_blocks import EncoderLayer
from models.transformer_meeting import meeting

if TYPE_CHECKING:
    from models.transformer_config import TransformerConfig


class MeasuredLayer(nn.Module):
    """A layer over an unpadded sequence where every position sees every other."""

    def __init__(self, inner: nn.Module, config: "TransformerConfig") -> None:
        super().__init__()
        self.inner, self.config = inner, config
        self.rotary = SinusoidalPositions(config.head_key_width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return self.inner(x_BND, meeting(self.config, self.rotary, x_BND))

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply the layer once to the previous iterate, or to the input at first."""
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND


def attention_parameters(width: int, key_width: int | None = None) -> int:
    """Parameters of one multi-head attention: query, key, value and output maps.

    ``key_width`` is that of the keys of all heads together; None: ``width``.
    """
    return 2 * linear_parameters(width, key_width or width) + 2 * linear_parameters(width, width)


def attention_flops(width: int, queries: int, keys: int, key_width: int | None = None) -> int:
    """FLOPs of one multi-head attention: 8·n·d² + 4·n²·d for n queries and as many keys.

    ``key_width`` is that of the keys of all heads together; None: ``width``.
    """
    widths = (key_width or width, width)  # queries and outputs are as many, and keys and values
    maps = sum(linear_flops(width, w, queries) + linear_flops(width, w, keys) for w in widths)
    return maps + attention_core_flops(width, queries, keys, key_width)


def feedforward_parameters(width: int, inner: int) -> int:
    """Parameters of one feed-forward network; ``inner`` 0: there is none."""
    if not inner:
        return 0
    return linear_parameters(width, inner) + linear_parameters(inner, width)


def feedforward_flops(width: int, inner: int, positions: int) -> int:
    """FLOPs of one feed-forward network: 16·n·d² with the usual F = 4·D."""
    return 2 * linear_flops(width, inner, positions)


def encoder_layer_parameters(config: "TransformerConfig") -> int:
    """Parameters of one encoder layer, its layer normalisations included."""
    D, sublayers = config.width, 2 if config.inner else 1
    count = attention_parameters(D, config.joint_key_width) + feedforward_parameters(D, config.inner)
    return count + sublayers * norm_parameters(config)


def norm_parameters(config: "TransformerConfig") -> int:
    """Parameters of one layer normalisation, if there is such."""
    return 0 if config.norm == "none" else 2 * config.width


def encoder_layer_flops(config: "TransformerConfig", positions: int) -> int:
    """FLOPs of one encoder layer: 24·n·d² + 4·n²·d with F = 4·D."""
    D, keys = config.width, config.joint_key_width
    own = attention_flops(D, positions, positions, keys)
    return own + feedforward_flops(D, config.inner, positions)


def _one(_: int) -> int:
    return 1


_MEMORY = "memory n² with explicit scores, n with the fused kernel"


def _layer(what: str, **different: Any) -> Layer:
    """Return a layer whose positions all see each other in one step."""
    return Layer(
        description=f"{what}; {_MEMORY}",
        complexity="n²·d",
        sequential="1",
        path="1",
        flop_exponents=(2.0, 1.0),
        memory_exponent=1.0,
        explicit_memory_exponent=2.0,
        sequential_operations=_one,
        path_length=_one,
        **different,
    )


def measured_layers() -> dict[str, Layer]:
    """Return the parts by name; the first is the Transformer's row of table 1."""
    return {
        "attention": _layer(
            "multi-head self-attention with its four projections: 8·n·d² + 4·n²·d FLOPs, "
            "of which the n²·d of the scores leads once n > 2·d",
            build=lambda config: MeasuredLayer(
                SelfAttention(config.width, config.heads, config.key_width), config
            ),
            parameters=lambda config: attention_parameters(config.width, config.joint_key_width),
            flops=lambda config, n: attention_flops(config.width, n, n, config.joint_key_width),
        ),
        "scores": _layer(
            "softmax(QKᵀ)V alone with Q = K = V = X in heads, no projections: 4·n²·d FLOPs",
            build=lambda config: MeasuredLayer(BareAttention(config.heads), config),
            parameters=lambda config: 0,
            flops=lambda config, n: attention_core_flops(config.width, n, n),
        ),
        "transformer": _layer(
            "whole encoder layer, attention and feed-forward network: 24·n·d² + 4·n²·d FLOPs "
            "with a feed-forward width of 4·d",
            build=lambda config: MeasuredLayer(EncoderLayer(config), config),
            parameters=encoder_layer_parameters,
            flops=encoder_layer_flops,
        ),
    }
