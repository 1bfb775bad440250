"""How every architecture is trained: the same optimiser, schedule and clipping for all. No torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Part of every training cell's key: raise it when training itself changes."""


class Recipe(BaseModel):
    """One training recipe (AdamW, linear warm-up, clipping by global norm)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(1000, gt=0, description="optimiser steps")
    batch_size: int = Field(32, gt=0, description="examples a step")
    learning_rates: tuple[float, ...] = Field(
        (1e-3,), min_length=1, description="tried in turn; the best on validation is tested, once"
    )
    warmup_steps: int = Field(50, ge=0, description="steps of linear warm-up")
    schedule: Literal["constant", "inverse_sqrt", "cosine"] = Field(
        "constant", description="after warm-up; constant, so that a flat curve means convergence"
    )
    weight_decay: float = Field(0.0, ge=0)
    gradient_clip: float = Field(1.0, gt=0, description="clip the global gradient norm to this")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    adam_beta2: float = Field(0.98, gt=0, lt=1, description="Vaswani et al. 2017, section 5.3")
    validate_every: int = Field(100, gt=0, description="steps between validations")
