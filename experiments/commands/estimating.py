"""``seqyard run PLAN --estimate``: what a plan will cost, before anything is launched."""

import json
from collections.abc import Sequence
from typing import Any

from experiments.cell import Block
from experiments.cost import cost
from experiments.environment import device_model
from experiments.estimate import Estimator
from experiments.evidence import known_stores, observe
from experiments.manifest import theory_of
from experiments.plans.base import Plan, Request
from experiments.progress import clock
from experiments.run import cells_to_run
from experiments.store import Store

WORDS = {
    "budget": "end after a number of seconds",
    "same": "of a size that was measured",
    "scaled": "scaled from other sizes",
    "related": "from other tasks, layers or architectures",
}


def show_estimate(
    plan: Plan,
    request: Request,
    blocks: Sequence[Block],
    store: Store,
    *,
    workers: int,
    devices: int,
    as_json: bool,
) -> int:
    """Print the cost of what has no record yet; nothing is written."""
    left = [(block, cells) for block in blocks if (cells := cells_to_run(block, store))]
    observations, used = observe(
        known_stores(store), {cell.measure for _, cells in left for cell in cells}
    )
    estimator = Estimator(observations, {request.device: device_model(request.device)})
    theories = {cell.key: theory_of(cell) for _, cells in left for cell in cells}
    found = {
        "plan": plan.name,
        "profile": request.profile,
        "store": str(store.folder),
        "planned": sum(len(block.cells) for block in blocks),
        **cost(left, estimator, theories, workers=workers, devices=devices),
        "observations": len(observations),
        "stores": [str(folder) for folder in used],
    }
    print(json.dumps(found) if as_json else in_words(found))
    return 0


def in_words(found: dict[str, Any]) -> str:
    """Return the estimate for people."""
    planned, left = found["planned"], found["cells"]
    lines = [
        f"{found['plan']} ({found['profile']}): {planned} cells, {planned - left} done, {left} left"
    ]
    if not left:
        return lines[0]
    for measure, row in found["by_measure"].items():
        kinds = [f"{n} {WORDS[kind]}" for kind, n in row["evidence"].items()]
        kinds += [f"{row['unknown']} unknown"] if row["unknown"] else []
        known = row["cells"] - row["unknown"]
        time = span(row) if known else "?"
        lines.append(f"  {row['cells']:6d} {measure:<14} {time:<28} {', '.join(kinds)}")
    unknown = sum(found["unknown"].values())
    if unknown == left:
        lines.append(
            "nothing like these cells was measured yet, here or in a store under runs/ or reports/; "
            "the smoke profile of the same plan is a start"
        )
        return "\n".join(lines)
    for name, key in (("CPU", "cpu_time"), ("GPU", "gpu_time")):
        if found[key]["seconds"]:
            hours = {part: value / 3600 for part, value in found[key].items()}
            lines.append(
                f"{hours['seconds']:.3g} {name} hours ({hours['low']:.3g} to {hours['high']:.3g})"
            )
    alone = found["wall_exclusive"]["seconds"]
    workers = f"{found['workers']} worker{'s' if found['workers'] > 1 else ''}"
    part = f", {clock(alone)} of it timing, one at a time" if alone else ""
    lines.append(f"wall clock with {workers}, once started: {span(found['wall'])}{part}")
    disk = found["disk"]
    size = disk["record_bytes"] / 1e6, disk["artifact_bytes"] / 1e6
    lines.append(f"disk: {size[0]:.3g} MB of records and {size[1]:.3g} MB of weights, as far as known")
    if unknown:
        names = ", ".join(f"{n} {measure}" for measure, n in found["unknown"].items())
        lines.append(f"without {unknown} cells of which nothing is known: {names}")
    if found["beyond_time_limit"]:
        n = len(found["beyond_time_limit"])
        lines.append(f"{n} cells may be ended by their time limit")
    lines.append(f"from {found['observations']} measured cells in {', '.join(found['stores'])}")
    return "\n".join(lines)


def span(row: dict[str, Any]) -> str:
    """Return a time with its range."""
    return f"{clock(row['seconds'])} ({clock(row['low'])} to {clock(row['high'])})"
