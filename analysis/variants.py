"""One setting an architecture: what figures and tables show where a plan also varies an option.

A plan may train an architecture a second time with one option changed, or count a layer with other
windows, for a claim about that option. In figures of architectures such cells would be mixed up with
the usual ones, so those show the setting that the plan names first.
"""

from typing import Any

from analysis.ablation import ablations
from analysis.load import Results
from analysis.view import View
from experiments.cell import digest

SIZES = ("width", "feedforward", "channels", "attention", "kernel")
"""Options that are sizes, or kernels, which figures tell apart themselves."""

APART = ("translate",)
"""Measures whose sections tell settings apart themselves."""


def first_settings(view: View) -> View:
    """Return a view of one setting for each measure, architecture, layer and task.

    The view itself where there are no others. Of an ablation that is the base, whatever else varies.
    """
    results = view.results
    first: dict[tuple[Any, ...], str] = {}
    kept = {}
    varied = {key for one in ablations(results) for row in one.rows for key in row.planned}
    for key in sorted(results.planned, key=lambda key: results.places.get(key, 0)):
        cell = results.planned[key]["cell"]
        if key in varied:
            continue
        if cell["measure"] not in APART:
            options = {k: v for k, v in cell.get("model", {}).items() if not is_size(k, v)}
            place, setting = _place(cell), digest([options, cell.get("recipe", {})])
            if first.setdefault(place, setting) != setting:
                continue
        kept[key] = results.planned[key]
    if len(kept) == len(results.planned):
        return view
    manifest = {**view.manifest, "cells": kept}
    records = [record for record in view.records if record.key in kept]
    return View(Results(manifest, [*records, *results.others], (), results.artifacts, results.tuned))


def is_size(name: str, value: object) -> bool:
    """Whether an option of a model is a size or a kernel, which makes no other setting of it."""
    if name == "feedforward" and value == 0:
        return False  # there is no such network
    # of a network of fixed length, ``positions`` is its length; of others it names a kind
    return name in SIZES or (name == "positions" and isinstance(value, int))


def _place(cell: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a figure has one line for: whole models at another budget are another line."""
    options = cell.get("options", {})
    names = ("part", "scope", "comparison")
    where = tuple(options.get(name) or "" for name in names)
    return (cell["measure"], cell["architecture"], cell.get("task") or "", *where)
