"""How every architecture is trained: the same optimiser, schedule and clipping for all. No torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Part of every training cell's key: raise it when training itself changes."""


class Recipe(BaseModel):
    """One training recipe (AdamW, linear warm-up, clipping by global norm)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(1000, gt=0, description="optimiser steps, at most")
    seconds: float | None = Field(
        None,
        gt=0,
        description="training and validation, at most: CPU seconds of the process on a CPU, else wall "
        "clock. A schedule that ends then follows the time spent",
    )
    batch_size: int = Field(32, gt=0, description="examples a step; tokens, where the task says so")
    accumulate: int = Field(1, gt=0, description="batches whose gradients are added up for one step")
    learning_rates: tuple[float, ...] = Field(
        (1e-3,), min_length=1, description="tried in turn; the best on validation is tested, once"
    )
    warmup_steps: int = Field(50, ge=0, description="steps of linear warm-up")
    schedule: Literal["constant", "inverse_sqrt", "cosine", "linear"] = Field(
        "constant",
        description="after warm-up; constant, so that a flat curve means convergence; cosine and "
        "linear fall to 0 at the end of the budget",
    )
    weight_decay: float = Field(0.0, ge=0)
    gradient_clip: float = Field(1.0, gt=0, description="clip the global gradient norm to this")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    adam_beta2: float = Field(0.98, gt=0, lt=1, description="Vaswani et al. 2017, section 5.3")
    validate_every: int = Field(100, gt=0, description="steps between validations")
    average_last: int = Field(
        1, gt=0, description="validate, select and test the mean weights of so many validations' models"
    )
    patience: int | None = Field(
        None, gt=0, description="stop after so many validations without a better one"
    )
