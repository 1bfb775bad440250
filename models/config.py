"""The part of an architecture's configuration that all architectures share. No torch."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field


class ModelConfig(BaseModel):
    """Validated options of one architecture; ``width`` is the dial that meets a parameter budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: a second, finer integer field for the budget solver where ``width`` is coarse
    fine_dial: ClassVar[str | None] = None

    width: int = Field(64, gt=0, description="D: embedding and state width")
    dropout: float = Field(0.0, ge=0, lt=1)
    tie_embeddings: Literal["none", "target", "all"] = Field(
        "none", description="share the output projection with the target (and source) embedding"
    )

    def width_multiple(self) -> int:
        """Return the number that ``width`` must be a multiple of."""
        return 1

    def exemptions(self) -> dict[str, str]:
        """Return the conformance checks that this configuration declares itself exempt from, and why.

        An exempt check must then fail: see models.conformance.
        """
        return {}

    def resized(self, **sizes: int) -> Self:
        """Return this configuration, validated again, with other sizes."""
        return type(self).model_validate({**self.model_dump(), **sizes})
