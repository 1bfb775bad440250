"""Train one cell on several devices: data-parallel replicas, through Lightning's DDP.

Each replica takes its share of every batch's rows and their gradients are averaged, so the result is
that of one device up to rounding where all rows have equally many answers. The number of devices is
therefore no part of a cell. Replicas are processes of their own: a worker stays one process, whatever
Lightning launches.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from experiments.cell import Cell
from experiments.parent import die_with_parent, parenthood

DEVICES = "SEQYARD_DEVICES"
"""Variable that tells a worker how many devices a training cell may use."""


def devices() -> int:
    """Return how many devices a training cell may use."""
    return int(os.environ.get(DEVICES, "1"))


def train_replicas(
    cell: Cell,
    rate: float,
    checkpoint: Path,
    count: int,
    *,
    pretrained: Path | None = None,
    checkpoint_seconds: float = 60.0,
) -> None:
    """Train on ``count`` devices; the trial is then in ``checkpoint``.

    ``pretrained``: weights that training starts from, where they fit.

    Raises:
        RuntimeError: a replica failed, with the last line that it printed.
    """
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    plan = {
        "cell": cell.model_dump(mode="json"),
        "rate": rate,
        "checkpoint": str(checkpoint),
        "pretrained": str(pretrained) if pretrained else None,
        "checkpoint_seconds": checkpoint_seconds,
        "devices": count,
    }
    with tempfile.NamedTemporaryFile(
        "w", suffix=".json", dir=checkpoint.parent, encoding="utf-8"
    ) as file:
        json.dump(plan, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "experiments.replicas", file.name],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **parenthood()},
            start_new_session=True,  # Ctrl-C is the supervisor's, which ends its worker
        )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise RuntimeError(f"a replica failed: {lines[-1]}")


def main() -> None:
    """Train what the plan file says; Lightning starts this once more for every further device."""
    die_with_parent()  # Lightning's own launcher leaves the replicas it started behind
    os.environ.update(parenthood())
    from experiments.fit import fit
    from experiments.measures.train import Train, prepare
    from experiments.run import find_measure

    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cell = Cell.model_validate(plan["cell"])
    subject, measure = prepare(cell), find_measure(cell.measure)()
    if plan["pretrained"]:
        subject = replace(subject, pretrained=Path(plan["pretrained"]))
    judge = measure.judge(subject, cell) if isinstance(measure, Train) else None
    fit(
        subject,
        cell,
        plan["rate"],
        judge=judge,
        checkpoint=Path(plan["checkpoint"]),
        checkpoint_seconds=plan["checkpoint_seconds"],
        devices=plan["devices"],
    )


if __name__ == "__main__":
    main()
