"""The charts of the pages: those that the report draws, and what it leaves out, drawn for failures."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

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

REDRAWN = ("training_curves", "accuracy_by_distance", "gradient_profile")
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
            if names and (figure := draw(name, _only(self.view, names, narrow))) is not None:
                further = replace(figure, name=figure.name + FURTHER)
                self.drawn.append(further)
                self.add([further])

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
        return self._gallery(f"accuracy_{pair.task}_{name}" for name in pair.slices)

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
        figure = self.figures.get("attention_maps")
        if figure is None:
            return ()
        rows = figure.data[figure.data.key.isin(pair.keys)]
        slug = self.view.slug(pair.architecture)
        maps = [re.sub(r"[^A-Za-z0-9]+", "-", str(name)) for name in rows["map"].unique()]
        return self._gallery(f"attention_{slug}_{name}" for name in maps)

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


def _only(view: View, names: set[tuple[str, str]], narrow: bool) -> View:
    """Return a view of the cells of these (architecture, task); not ``narrow``: of every one's."""
    cells = {
        key: entry
        for key, entry in view.results.planned.items()
        if (entry["cell"]["architecture"] if narrow else "", entry["cell"].get("task")) in names
    }
    manifest = {**view.manifest, "cells": cells}
    return View(Results(manifest, [record for record in view.records if record.key in cells]))
