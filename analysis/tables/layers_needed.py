"""Table ``layers_needed``: how far a state sees after so many layers, and what joins two positions."""

import pandas as pd

from analysis.reach import sight
from analysis.style import shown_names, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import NONE, number

APART = (100, 1000)
"""Positions between two tokens for which the layers needed are told."""

_LABELS = {"conv": "k", "local_transformer": "r"}
_OPTIONS = {"conv": "kernel_size", "local_transformer": "window"}


def layers_needed(view: View) -> Table | None:
    """Return one row a kernel size or window: reach by layers, and layers for a distance."""
    rows = view.results.measured("receptive_field")
    rows = rows[(rows.status == "ok") & rows.architecture.isin(list(_OPTIONS))]
    if rows.empty:
        return None
    names, looks = shown_names(view.architectures), styles(view.architectures)
    stacks: dict[tuple[str, int, bool], dict[int, tuple[int, int, str]]] = {}
    for architecture, key, model, metrics in zip(
        rows.architecture, rows.key, rows.model, rows.metrics, strict=True
    ):
        size = int(model.get(_OPTIONS[architecture], 0))
        place = (architecture, size, bool(model.get("dilated")))
        theory = sight(architecture, model)[0]
        measured = (int(metrics["reach"] or 0), int(theory or 0), str(key))
        stacks.setdefault(place, {})[int(model.get("layers", 0))] = measured
    legend = {name: place for place, name in enumerate(view.architectures)}
    ordered = sorted(stacks, key=lambda place: (legend.get(place[0], len(legend)), place[2], place[1]))
    depths = sorted({layers for found in stacks.values() for layers in found})
    body, data = [], []
    for place in ordered:
        architecture, size, gaps = place
        words = f"{_LABELS[architecture]} = {size}{', gaps' if gaps else ''}"
        look = looks.get(architecture)
        body.append(
            (
                Entry(
                    f"{names.get(architecture, architecture)}, {words}",
                    colour=look.colour if look else "",
                ),
                *(_measured(stacks[place].get(layers)) for layers in depths),
                *(Entry(number(_needed(architecture, size, gaps, apart))) for apart in APART),
            )
        )
        data += [
            {
                "architecture": architecture,
                "size": size,
                "gaps": gaps,
                "layers": layers,
                "reach": reached,
                "theory": theory,
                "key": key,
            }
            for layers, (reached, theory, key) in sorted(stacks[place].items())
        ]
    return Table(
        name="layers_needed",
        title="How far a state sees after so many layers, and the layers that join two positions",
        caption="Positions to one side: the support of the Jacobian of a whole encoder, measured; "
        "every number that is not what the formula says is marked. Formulas: L·(k − 1)/2, with gaps of "
        "1, k, k² ... (kᴸ − 1)/2, and L·(r − 1)/2.",
        groups=(("", 1), ("Reach over layers", len(depths)), ("Layers for a distance of", len(APART))),
        columns=(
            Column("Encoder"),
            *(Column(str(layers), "num") for layers in depths),
            *(Column(number(apart), "theory") for apart in APART),
        ),
        rows=tuple(body),
        data=pd.DataFrame(data),
        keys=keys_of(rows.key),
    )


def _needed(architecture: str, size: int, gaps: bool, apart: int) -> int:
    """Return the fewest layers whose sight reaches so far."""
    option, layers = _OPTIONS[architecture], 1
    while (sight(architecture, {option: size, "layers": layers, "dilated": gaps})[0] or 0) < apart:
        layers += 1
    return layers


def _measured(found: tuple[int, int, str] | None) -> Entry:
    if found is None:
        return Entry(NONE, kind="muted")
    reached, theory, _ = found
    if reached == theory:
        return Entry(number(reached))
    return Entry(number(reached), f"theory {number(theory)}", kind="bad")
