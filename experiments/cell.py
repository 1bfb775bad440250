"""A cell: one point of an experiment as validated plain data. No torch."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Plain = Any
"""JSON data: str, int, float, bool, None, lists and dictionaries of them."""


class Cell(BaseModel):
    """Measure × architecture × task × hyperparameters × seed, with every default spelled out.

    ``key`` hashes all of it, the versions included, so an edited model never reuses a stale record.
    Build cells with experiments.planning.make_cell, which validates and completes every part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: str
    architecture: str
    task: str | None = None
    model: dict[str, Plain] = Field(default_factory=dict, description="the complete ModelConfig")
    data: dict[str, Plain] = Field(default_factory=dict, description="the complete task")
    recipe: dict[str, Plain] = Field(
        default_factory=dict, description="the complete Recipe, if it trains"
    )
    options: dict[str, Plain] = Field(default_factory=dict, description="the complete measure Options")
    seed: int = Field(0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(1, gt=0)
    speed: Literal["fast", "plain"] = Field("fast", description="speed settings on or off")
    device_model: str | None = Field(None, description="timing and memory hold for one device model")
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return 16 hexadecimal digits that identify this cell and nothing else."""
        return digest(self.model_dump(mode="json"))


class Block(BaseModel):
    """What a worker takes: one training cell and what follows from it, or one timing comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    cells: tuple[Cell, ...] = Field(min_length=1)
    exclusive: bool = Field(False, description="nothing else may run beside it (timing, memory)")
    timeout_s: float = Field(3600.0, gt=0, description="for each cell")

    @property
    def key(self) -> str:
        """Return what identifies the comparison: the keys of its cells."""
        return digest([cell.key for cell in self.cells])


def digest(data: Plain) -> str:
    """Hash plain data. Canonical JSON keeps ``True``, ``1`` and ``1.0`` apart."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
