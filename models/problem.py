"""What a task asks of a model, as plain data: the sizes of its input and output. No torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_kind: Literal["tokens", "floats"] = "tokens"
    source_size: int = Field(gt=0, description="vocabulary size, or number of features a step")
    target_size: int = Field(gt=0, description="vocabulary size, number of classes, or outputs")
    readout: Readout = "decoder"
    objective: Objective = "cross_entropy"
