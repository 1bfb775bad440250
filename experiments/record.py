"""A record: what a cell gave. JSON, one file a cell; the format is documented in docs/records.md."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from experiments.cell import Cell

FORMAT = 1
"""Version of the file format; a store with a higher one is refused."""

Status = Literal[
    "ok", "diverged", "pruned", "out_of_memory", "timed_out", "killed", "failed", "skipped"
]


class Record(BaseModel):
    """Status, metrics, statistics, curves, environment and duration of one cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    key: str
    block: str = Field("", description="key of the block it was measured in: compare times within one")
    cell: Cell
    status: Status
    reason: str = Field("", description="why, when the status is not ok")
    metrics: dict[str, Any] = Field(default_factory=dict, description="name -> number (or null)")
    slices: list[dict[str, Any]] = Field(
        default_factory=list, description="one row a slice value: {split, slice, value, correct, count}"
    )
    curves: dict[str, list[Any]] = Field(default_factory=dict, description="name -> list of points")
    rounds: list[float] = Field(default_factory=list, description="raw seconds of a timing cell")
    trials: list[dict[str, Any]] = Field(default_factory=list, description="one a learning rate tried")
    sentences: list[dict[str, Any]] = Field(
        default_factory=list, description="one row a test set and decoding: per-sentence statistics"
    )
    samples: list[dict[str, Any]] = Field(
        default_factory=list, description="outputs with attention maps, of generated text only"
    )
    environment: dict[str, Any] = Field(default_factory=dict)
    started: str = ""
    duration_s: float = 0.0
