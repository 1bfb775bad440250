"""When two records of one cell tell the same result. No torch.

The same cell gives the same numbers wherever it is measured, except for what is measured of the
machine: times, rates and memory. These do not count, nor do the environment and when it began.
"""

import json
import re
from typing import Any

from experiments.record import Record

OF_THE_MACHINE = re.compile(r"(^|_)(seconds|per_second|peak_bytes|rounds)($|_)")
"""Names of metrics and curves that hold for one machine at one moment."""


def difference(one: Record, other: Record) -> str | None:
    """Return what differs between the results of two records of one cell, in words; None: nothing.

    Compared are status, metrics, slices, curves and per-sentence statistics.
    """
    if one.status != other.status:
        return f"status = {one.status} against {other.status}"
    for part in ("metrics", "curves"):
        found = _differing(_reproducible(getattr(one, part)), _reproducible(getattr(other, part)))
        if found is not None:
            return f"{part}.{found}"
    for part in ("slices", "sentences"):
        if _canonical(getattr(one, part)) != _canonical(getattr(other, part)):
            return part
    return None


def _reproducible(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not OF_THE_MACHINE.search(name)}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            return f"{name} in one alone"
        if _canonical(one[name]) != _canonical(other[name]):
            plain = all(not isinstance(each[name], list | dict) for each in (one, other))
            return f"{name} = {one[name]} against {other[name]}" if plain else name
    return None


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
