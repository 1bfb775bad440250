"""What a task asks of a model, as plain data: the sizes of its input and output. No torch."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PAD, BOS, EOS = 0, 1, 2
"""Reserved tokens of every vocabulary: padding, begin of sequence, end of sequence."""
SPECIALS = 3

Readout = Literal["decoder", "position", "last"]
Objective = Literal["cross_entropy", "mean_squared_error"]


class Problem(BaseModel):
    """Sizes and kinds of a task's input and output.

    ``readout``: ``decoder`` generates a target; ``position`` gives one answer a source position;
    ``last`` gives one answer a sequence. ``objective``: tokens or classes by cross-entropy, or
    numbers by mean squared error.

    ``source_kind`` ``none`` is a language model: the target alone, no source, the decoder half alone
    (``source_size`` and the length of every source are then 0).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_kind: Literal["tokens", "floats", "none"] = "tokens"
    source_size: int = Field(ge=0, description="vocabulary size, or number of features a step")
    target_size: int = Field(gt=0, description="vocabulary size, number of classes, or outputs")
    readout: Readout = "decoder"
    objective: Objective = "cross_entropy"

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if self.has_source != (self.source_size > 0):
            raise ValueError(f"source_size = {self.source_size} with source_kind '{self.source_kind}'")
        if not (self.has_source or self.has_target):
            raise ValueError(f"readout '{self.readout}' has nothing to read with source_kind 'none'")
        return self

    @property
    def has_source(self) -> bool:
        """Return whether there is an encoder half."""
        return self.source_kind != "none"

    @property
    def has_target(self) -> bool:
        """Return whether there is a decoder half."""
        return self.readout == "decoder"
