"""Join the manifests of several stores of one plan into one. No torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.store import Store, read_json, refuse_newer
from models import MODELS
from models.errors import BadInput

TOLD = "descriptions"
"""The part that is words alone: of two versions that tell of an architecture differently, one stays."""
JOINED = ("architectures", "layers", "parts", "tasks", "blocks", "cells", "commands", "request", TOLD)
"""Parts that may differ between stores of one plan; all others must be equal."""
OF_THE_MACHINE = ("architectures", "threads")
"""Parts of the request that may differ."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One store that is merged, and its manifest."""

    store: Store
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the folder, as the user gave it."""
        return str(self.store.folder)


def read_source(store: Store) -> Source:
    """Read a store's manifest.

    Raises:
        BadInput: there is none, it is damaged, or a newer version wrote it.
    """
    if not store.manifest.exists():
        raise BadInput(f"store '{store.folder}' has no manifest.json; `seqyard run PLAN` makes one.")
    manifest = read_json(store.manifest)
    refuse_newer(manifest, store.manifest)
    if not isinstance(manifest, dict) or not {"plan", "blocks", "cells"} <= set(manifest):
        raise BadInput(f"{store.manifest} is damaged: it names no plan, blocks and cells.")
    return Source(store=store, manifest=manifest)


def join_plans(sources: Sequence[Source], *, command: str, prefer: Source | None) -> dict[str, Any]:
    """Return the manifest of all sources together: every block and cell that any of them planned.

    A block of one name must have the same cells everywhere. Blocks of times or memory, which hold for
    one machine, may differ; then ``prefer`` decides whose stays.

    Raises:
        BadInput: they are of different plans, or plan blocks of one name differently.
    """
    first = sources[0]
    for other in sources[1:]:
        _refuse_other_plan(first, other)
    blocks = _blocks(sources, prefer)
    cells: dict[str, Any] = {}
    kept = []
    for source, row in blocks:
        keys = [key for key in row["cells"] if key not in cells]
        if len(keys) < len(row["cells"]) and row["exclusive"]:
            raise BadInput(
                f"comparison '{row['name']}' of {source.name} shares cells with other blocks."
            )
        cells |= {key: source.manifest["cells"][key] for key in keys}
        if keys:
            kept.append({**row, "cells": keys})
    architectures = _in_order(name for source in sources for name in source.manifest["architectures"])
    base = (prefer or first).manifest
    return {
        **base,
        "architectures": architectures,
        "request": {**base["request"], "architectures": architectures},
        "commands": list(
            dict.fromkeys([*(c for source in sources for c in source.manifest["commands"]), command])
        ),
        **{part: _union(part, sources) for part in ("layers", "parts", "tasks")},
        **_told(sources),
        "blocks": kept,
        "cells": cells,
    }


def _refuse_other_plan(first: Source, other: Source) -> None:
    keys = sorted({*first.manifest, *other.manifest} - {*JOINED, "plan", "profile"})
    for key in ("plan", "profile", *keys):
        if first.manifest.get(key) != other.manifest.get(key):
            _refuse(first, other, key)
    one, two = first.manifest.get("request", {}), other.manifest.get("request", {})
    for key in sorted({*one, *two} - set(OF_THE_MACHINE)):
        if one.get(key) != two.get(key):
            _refuse(first, other, f"request.{key}")


def _refuse(first: Source, other: Source, key: str) -> None:
    part, _, name = key.rpartition(".")
    found = [each.manifest.get(part, {}) if part else each.manifest for each in (first, other)]
    values = [str(each.get(name)) for each in found]
    shown = f": {values[0]} against {values[1]}" if max(map(len, values)) < 40 else ""
    raise BadInput(f"{first.name} and {other.name} are of different plans: {key} differs{shown}.")


def _blocks(sources: Sequence[Source], prefer: Source | None) -> list[tuple[Source, dict[str, Any]]]:
    """Return each block once, by its name, with the source that planned it."""
    found: dict[str, tuple[Source, dict[str, Any]]] = {}
    for source in sources:
        for row in source.manifest["blocks"]:
            name = row["name"]
            if name not in found:
                found[name] = (source, row)
                continue
            holder, known = found[name]
            if set(known["cells"]) == set(row["cells"]):
                continue
            if not (_bound(holder, known) and _bound(source, row)):
                raise BadInput(
                    f"{holder.name} and {source.name} are of different plans: block '{name}' "
                    f"has other cells ({len(known['cells'])} against {len(row['cells'])})."
                )
            if source is prefer:
                found[name] = (source, row)
            elif holder is not prefer:
                raise BadInput(
                    f"block '{name}' holds for one machine, and {holder.name} and {source.name} "
                    f"measured different ones; choose whose stays: --prefer {holder.name} or "
                    f"--prefer {source.name}."
                )
    return list(found.values())


def _bound(source: Source, row: dict[str, Any]) -> bool:
    """Whether what a block measures holds for one machine alone."""
    cells = source.manifest["cells"]
    return row["exclusive"] or any(cells[key]["cell"].get("device_model") for key in row["cells"])


def _in_order(names: Iterable[str]) -> list[str]:
    """Return architectures in legend order: ours first, others as they come."""
    given = list(dict.fromkeys(names))
    return [name for name in MODELS if name in given] + [name for name in given if name not in MODELS]


def _told(sources: Sequence[Source]) -> dict[str, Any]:
    """Return what the manifests tell of architectures, the first one's words where several do."""
    found: dict[str, Any] = {}
    for source in sources:
        for name, text in source.manifest.get(TOLD, {}).items():
            found.setdefault(name, text)
    return {TOLD: found} if found else {}


def _union(part: str, sources: Sequence[Source]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    owner: dict[str, Source] = {}
    for source in sources:
        for name, value in source.manifest.get(part, {}).items():
            if found.setdefault(name, value) != value:
                raise BadInput(
                    f"{owner[name].name} and {source.name} are of different plans: {part}.{name} "
                    "differs."
                )
            owner.setdefault(name, source)
    return found
