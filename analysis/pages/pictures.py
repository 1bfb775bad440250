"""The charts of the pages: those that the report draws, and what it leaves out, drawn for failures."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.claims.translation_exposure import FIGURE as EXPOSURE
from analysis.figures import draw
from analysis.figures.base import Figure, Panel, file_name
from analysis.load import Results
from analysis.pages.page import Gallery, Picture
from analysis.pages.pairs import Pair
from analysis.translation import setting_label
from analysis.view import View

FURTHER = "_further"
"""Suffix of a figure's name whose charts pages need and the report does not show."""

ATTENTION = "attention_maps"
GRADIENTS = ("state_init", "state_trained", "logit_init", "logit_trained")


class Pictures:
    """Charts by name, each with the figure that it is from."""

    def __init__(self, view: View, figures: Iterable[Figure]) -> None:
        self.view = view
        self.figures: dict[str, Figure] = {}
        self._panels: dict[str, tuple[Figure, Panel]] = {}
        self.add(figures)
        self.drawn: list[Figure] = []  # beyond the report's

    def add(self, figures: Iterable[Figure]) -> None:
        """Add a figure's charts; of two with one name the first stays."""
        for figure in figures:
            self.figures[figure.name] = figure
            for panel in figure.panels:
                self._panels.setdefault(panel.name, (figure, panel))

    def draw_missing(self, pairs: Sequence[Pair]) -> None:
        """Draw what the report leaves out of these pairs: it shows no curve of some tasks."""
        wanted = {
            "training_curves": [pair for pair in pairs if not self.training(pair)],
            "accuracy_by_distance": [p for p in pairs if p.slices and not self.accuracy(p)],
            "gradient_profile": [pair for pair in pairs if not self.gradient(pair)],
        }
        for name, missing in wanted.items():
            narrow = name == "training_curves"
            names = {(pair.architecture if narrow else "", pair.task) for pair in missing}
            chosen = {
                key
                for key, entry in self.view.results.planned.items()
                if _place(entry["cell"], narrow) in names
            }
            if chosen and (figure := draw(name, _only(self.view, chosen))) is not None:
                self._add_further(replace(figure, name=figure.name + FURTHER))
        for setting in dict.fromkeys(pair.setting for pair in pairs):
            missing = [p for p in pairs if p.setting == setting and not self.attention(p)]
            self._draw_attention(setting, {key for pair in missing for key in pair.keys})

    def _draw_attention(self, setting: str, keys: set[str]) -> None:
        """Draw one sentence of a setting of translation, where the report draws one of another."""
        if not any(sample.get("attention") for key in keys for sample in self._samples(key)):
            return
        figure = draw(ATTENTION, _only(self.view, keys))
        if figure is not None:
            panels = (replace(one, name=f"{setting}_{one.name}") for one in figure.panels)
            name = f"{figure.name}_{setting}"
            self._add_further(replace(figure, name=name, panels=tuple(panels)))

    def _samples(self, key: str) -> list[dict[str, Any]]:
        return self.view.results.samples(key)

    def _add_further(self, figure: Figure) -> None:
        self.drawn.append(figure)
        self.add([figure])

    def training(self, pair: Pair) -> tuple[Gallery, ...]:
        """Return the learning curves of a pair."""
        slug = self.view.slug(pair.architecture)
        names = [f"training_{pair.task}_{slug}"]
        names += [
            f"training_bleu_{place}"
            for place, system in enumerate(self.view.translations.systems)
            if set(system.keys) & set(pair.keys)
        ]
        return self._gallery(names)

    def accuracy(self, pair: Pair) -> tuple[Gallery, ...]:
        """Return accuracy by each slice of the pair's task, all architectures together."""
        names = [f"accuracy_{pair.task}_{name}" for name in pair.slices]
        return self._gallery([*names, f"length_generalisation_{pair.task}"])

    def gradient(self, pair: Pair) -> tuple[Gallery, ...]:
        """Return the gradient profiles of the pair's task, all architectures together."""
        return self._gallery(f"gradient_{pair.task}_{curve}" for curve in GRADIENTS)

    def exposure(self, pair: Pair) -> tuple[Gallery, ...]:
        """Return the exposure gap of the pair's task by target length."""
        figure = self.figures.get(EXPOSURE)
        if figure is None or not pair.runs:
            return ()
        data = pair.runs[0].record.cell.data
        title = f"{setting_label(pair.task, data)}: exposure gap"
        return self._gallery(panel.name for panel in figure.panels if panel.title == title)

    def attention(self, pair: Pair) -> tuple[Gallery, ...]:
        """Return where the pair's decoder looks, for one test sentence."""
        slug, names = self.view.slug(pair.architecture), []
        for name, prefix in ((ATTENTION, ""), (f"{ATTENTION}_{pair.setting}", f"{pair.setting}_")):
            if (figure := self.figures.get(name)) is not None:
                rows = figure.data[figure.data.key.isin(pair.keys)]
                maps = [re.sub(r"[^A-Za-z0-9]+", "-", str(one)) for one in rows["map"].unique()]
                names += [f"{prefix}attention_{slug}_{one}" for one in maps]
        return self._gallery(names)

    def scores(self, task: str) -> tuple[Gallery, ...]:
        """Return the test score of every seed on a task."""
        return self._gallery([f"scores_{task}"])

    def whole(self, name: str) -> tuple[Gallery, ...]:
        """Return all charts of a figure."""
        figure = self.figures.get(name)
        return self._gallery(panel.name for panel in figure.panels) if figure else ()

    def _gallery(self, names: Iterable[str]) -> tuple[Gallery, ...]:
        """Return the charts of these names that there are, by the figure that they are from."""
        by_figure: dict[str, list[Panel]] = {}
        for name in names:
            if (found := self._panels.get(file_name(name))) is not None:
                by_figure.setdefault(found[0].name, []).append(found[1])
        galleries = []
        for name, panels in by_figure.items():
            figure = self.figures[name]
            pictures = tuple(Picture(panel.name, panel.title) for panel in panels)
            galleries.append(Gallery(figure.title, figure.caption, pictures, name, figure.size))
        return tuple(galleries)


def _place(cell: Mapping[str, Any], narrow: bool) -> tuple[str, str]:
    return (str(cell["architecture"]) if narrow else "", str(cell.get("task")))


def _only(view: View, keys: Collection[str]) -> View:
    """Return a view of some of the cells; legends keep their colours."""
    results = view.results
    cells = {key: results.planned[key] for key in results.planned if key in keys}
    records = [record for record in view.records if record.key in cells]
    return View(Results({**view.manifest, "cells": cells}, records, (), results.artifacts))
