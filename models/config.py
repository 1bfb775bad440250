"""The part of an architecture's configuration that all architectures share. No torch."""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

LONGEST_CHECKED = 100
"""Positions up to which the conformance suite tries "any length"."""


class ModelConfig(BaseModel):
    """Validated options of one architecture; ``width`` is the dial that meets a parameter budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: a second, finer integer field for the budget solver where ``width`` is coarse
    fine_dial: ClassVar[str | None] = None
    #: the option that says how many positions there are weights for, where their number is fixed
    fixed_length: ClassVar[str | None] = None
    #: options that came when records had been kept: at their default they are left out of plain data,
    #: so that cells from before keep their keys, and their records
    later_options: ClassVar[frozenset[str]] = frozenset()

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

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        unset = [key for key in self.later_options if data.get(key) == fields[key].default]
        return {key: value for key, value in data.items() if key not in unset}

    def resized(self, **sizes: int) -> Self:
        """Return this configuration, validated again, with other sizes."""
        return type(self).model_validate({**self.model_dump(), **sizes})
