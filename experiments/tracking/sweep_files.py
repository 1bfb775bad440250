"""Sweep files for ``wandb sweep``, from the search spaces that `seqyard tune` uses.

One file an architecture, since each has a space of its own; all get the same number of trials. A run
of an agent is one trial: one training cell of the plan, selected on validation.
"""

from pathlib import Path
from typing import Any

import yaml

from experiments.plans.base import Profile
from models.search import Choice, Range, Space

HEADER = (
    "# Written by `seqyard dashboard --sweep-files` from the search spaces in models/; do not edit.\n"
)


def parameter(dimension: Range | Choice) -> dict[str, Any]:
    """Return one dimension as W&B writes it."""
    if isinstance(dimension, Choice):
        return {"values": list(dimension.values)}
    low, high = dimension.extremes()
    if dimension.log and dimension.integer:
        kind: dict[str, Any] = {"distribution": "q_log_uniform_values", "q": 1}
    elif dimension.log:
        kind = {"distribution": "log_uniform_values"}
    else:
        kind = {"distribution": "int_uniform" if dimension.integer else "uniform"}
    return {**kind, "min": low, "max": high}


def configuration(
    *,
    plan: str,
    profile: Profile,
    architecture: str,
    task: str,
    space: Space,
    trials: int,
    larger_is_better: bool,
) -> dict[str, Any]:
    """Return the sweep of one architecture: its space, ``trials`` runs, its command."""
    goal = "maximize" if larger_is_better else "minimize"
    fixed = ["--profile", profile, "--architecture", architecture, "--task", task, "--wandb", "online"]
    return {
        "name": f"{plan} {profile} {architecture}",
        "description": f"Tuning of {architecture} for plan {plan} ({profile}) on task {task}",
        "project": "seqyard",
        "program": "seqyard",
        "command": ["${env}", "seqyard", "trial", plan, *fixed, "${args}"],
        "method": "bayes",
        "run_cap": trials,
        "metric": {"name": "validation", "goal": goal},
        "parameters": {name: parameter(dimension) for name, dimension in sorted(space.items())},
    }


def text(config: dict[str, Any]) -> str:
    """Return a sweep file."""
    return HEADER + yaml.safe_dump(config, sort_keys=False, width=100)


def write(folder: Path, configs: dict[str, dict[str, dict[str, Any]]]) -> list[Path]:
    """Write ``folder/PLAN/ARCHITECTURE.yaml``; return the paths. ``configs``: plan -> architecture."""
    paths = []
    for plan, architectures in configs.items():
        for name, config in architectures.items():
            path = folder / plan / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(config), encoding="utf-8")
            paths.append(path)
    return paths
