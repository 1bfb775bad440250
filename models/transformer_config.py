"""Options of the Transformer: Vaswani et al. 2017, table 3, and what came after.

D width, H heads, F inner width of the feed-forward network.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.headed import HeadedConfig
from models.speed import AttentionKernel

Positions = Literal["sinusoidal", "none", "learned", "rotary", "alibi"]


class TransformerConfig(HeadedConfig):
    """Options of the Transformer."""

    fine_dial: ClassVar[str | None] = "feedforward"
    later_options: ClassVar[frozenset[str]] = frozenset(
        {"max_positions", "residual", "scale", "key_width"}
    )

    layers: int = Field(2, gt=0, description="encoder layers, and decoder layers unless given")
    decoder_layers: int | None = Field(None, gt=0, description="None: as many as encoder layers")
    feedforward: int | None = Field(
        None, ge=0, description="F: inner width; None: 4 x width; 0: no feed-forward network"
    )
    key_width: int | None = Field(
        None, gt=0, description="d_k: width of a head's queries and keys; None: width / heads"
    )
    norm: Literal["pre", "post", "none"] = Field("pre", description="post: as the paper has it")
    positions: Positions = Field(
        "sinusoidal", description="rotary: Su et al. 2021; alibi: Press et al. 2021"
    )
    max_positions: int = Field(512, gt=0, description="of learned positions: how many there are")
    residual: bool = Field(True, description="False: a sub-layer's output replaces its input")
    scale: bool = Field(True, description="False: scores are not divided by √d_k")
    causal: bool = Field(True, description="False: a demonstration, targets see their own future")
    attention: AttentionKernel = Field("auto", description="kernel; auto: by length and device")

    @model_validator(mode="after")
    def _pairs_to_turn(self) -> Self:
        if self.positions != "rotary" or self.head_key_width % 2 == 0:
            return self
        if self.key_width is not None:
            raise ValueError(
                f"key_width = {self.key_width} is odd, and rotary positions turn pairs; the nearest "
                f"valid is {self.key_width + 1}"
            )
        raise ValueError(
            f"width = {self.width} gives each of heads = {self.heads} an odd width, and rotary "
            f"positions turn pairs; the nearest valid width is {self.width + self.heads}"
        )

    @property
    def inner(self) -> int:
        """Return F; 0: there is no feed-forward network."""
        return 4 * self.width if self.feedforward is None else self.feedforward

    @property
    def head_key_width(self) -> int:
        """Return d_k, the width of one head's queries and keys."""
        return self.key_width or self.width // self.heads

    @property
    def joint_key_width(self) -> int:
        """Return H·d_k, the width of all heads' queries, or keys, together."""
        return self.heads * self.head_key_width

    @property
    def depth(self) -> tuple[int, int]:
        """Return the numbers of encoder and decoder layers."""
        return self.layers, self.decoder_layers or self.layers

    def width_multiple(self) -> int:
        """Return H: every head has the same width; 2H where that must be even."""
        turned = self.positions == "rotary" and self.key_width is None
        return super().width_multiple() * (2 if turned else 1)

    def exemptions(self) -> dict[str, str]:
        """Without the causal mask, decoding is not what was trained and targets leak."""
        if self.causal:
            return {}
        return {
            "no_future": "causal = False: every target position sees all others, later ones too",
            "step_equals_decode": "causal = False: training sees later positions, decoding has none",
            "padding": "causal = False: nothing hides the padding on the right of the target",
        }
