"""Where in W&B the runs of a sweep go. W&B's own environment variables count."""

import os
import re
from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["offline", "online", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Target:
    """Project, entity (None: the user's own) and group; one group a sweep."""

    group: str
    project: str = "seqyard"
    entity: str | None = None
    everything: bool = True  # also the records that the store has from before

    @classmethod
    def from_environment(cls, group: str, *, everything: bool = True) -> "Target":
        """Return the target of a sweep, or what WANDB_PROJECT, _ENTITY and _RUN_GROUP say instead."""
        return cls(
            everything=everything and agents_run() is None,
            group=plain(os.environ.get("WANDB_RUN_GROUP") or group),
            project=os.environ.get("WANDB_PROJECT") or "seqyard",
            entity=os.environ.get("WANDB_ENTITY") or None,
        )


def agents_run() -> str | None:
    """Return the id of the run that `wandb agent` started this process for, if it did."""
    return os.environ.get("WANDB_RUN_ID") if os.environ.get("WANDB_SWEEP_ID") else None


def plain(text: str) -> str:
    """Return a name that W&B takes everywhere: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")[:100] or "sweep"
