"""The page of an architecture: what it is, what it costs, how far and how fast, where it wins."""

from collections.abc import Mapping
from typing import Any

from analysis.load import Results
from analysis.pages.comparison import compare, comparison, told
from analysis.pages.measures import Measure
from analysis.pages.options import described, options
from analysis.pages.page import Gallery, Page, Part
from analysis.pages.pairs import Pair
from analysis.pages.pictures import Pictures
from analysis.pages.site import Site
from analysis.pages.slices import slices
from analysis.pages.speed import speed
from analysis.pages.tables import scores
from analysis.spans import SOLVED
from analysis.style import clip
from analysis.tables import tabulate
from analysis.view import View
from analysis.wording import listed, number, plural, scaled, seconds

NO_WORDS = "This store’s manifest has no description of it: the version that wrote it kept none."


def architecture_page(
    name: str, site: Site, whole: View, pictures: Pictures, measures: list[Measure]
) -> Page:
    """Return the page of one architecture; ``whole`` is the view of all settings."""
    words = described(site.view, name)
    mine, own = site.of(name), _only(whole, name)
    return Page(
        path=site.architecture_path(name),
        title=f"{site.looks[name].label}: what it is, and what was measured",
        lead=" ".join(filter(None, (words.get("description"), _cited(words)))) or NO_WORDS,
        facts=_facts(name, mine, own),
        crumbs=site.crumbs,
        parts=tuple(
            part
            for part in (
                _is(name, words, own),
                _cost(own, pictures),
                _reaches(site, mine, pictures),
                _speed(name, site, pictures),
                _scores(site, mine, pictures),
                _wins(name, site, measures),
                _claims(site, own),
                _not_ok(own),
            )
            if part is not None
        ),
    )


def _cited(words: Mapping[str, Any]) -> str:
    return f"Source: {words['citation']}." if words.get("citation") else ""


def _facts(name: str, mine: list[Pair], own: View) -> tuple[tuple[str, str], ...]:
    done = sum(record.status == "ok" for record in own.records)
    trained = [pair for pair in mine if pair.runs]
    seeds = {run.seed for pair in trained for run in pair.runs}
    solvable = [pair for pair in trained if pair.kind.solvable]
    solved = sum((pair.mean or 0.0) >= SOLVED for pair in solvable)
    rates = sorted({r for p in trained for run in p.runs if (r := run.learning_rate) is not None})
    sizes = sorted({round(v) for p in trained if (v := p.mean_of("parameters")) is not None})
    flops = [value for pair in trained if (value := pair.mean_of("training_flops")) is not None]
    ends = (min(flops), max(flops)) if flops else ()
    rows = [
        ("Name", name),
        ("Cells", f"{done} of {len(own.results.planned)} ok"),
        ("Tasks solved on average", f"{solved} of {len(solvable)}" if solvable else ""),
        ("Seeds", str(len(seeds)) if seeds else ""),
        ("Parameters", listed((number(size) for size in sizes), "or")),
        ("Training FLOPs a run", " to ".join(dict.fromkeys(map(scaled, ends)))),
        ("Learning rates selected", listed((f"{rate:.3g}" for rate in rates), "or")),
        ("Compute", seconds(sum(record.duration_s for record in own.records))),
    ]
    return tuple((label, clip(value, 120)) for label, value in rows if value)


def _is(name: str, words: Mapping[str, Any], own: View) -> Part | None:
    layers = own.layers.get(name, {})
    facts = [
        (
            part.replace("_", " "),
            f"{theory.get('description', '')} (theory: {theory['complexity']} a layer, "
            f"{theory['sequential']} sequential, path {theory['path']})",
        )
        for part, theory in layers.items()
    ]
    if words.get("title"):
        facts.insert(0, ("Class", str(words["title"])))
    table = options(words, own)
    if not facts and table is None:
        return None
    return Part(
        anchor="is",
        heading="What it is",
        texts=("The first of its layers is its row of Table 1.",) if layers else (),
        facts=tuple(facts),
        tables=(table,) if table else (),
    )


def _cost(own: View, pictures: Pictures) -> Part | None:
    tables = tuple(t for n in ("table1", "exponents") if (t := tabulate(n, own)) is not None)
    if not tables:
        return None
    galleries = (*pictures.whole("layer_time"), *pictures.whole("memory"))
    return Part(
        anchor="cost",
        heading="What a layer costs",
        texts=("Theory in italics, measurement beside it; all architectures together in the charts.",),
        tables=tables,
        galleries=_first_only(galleries),
    )


def _first_only(galleries: tuple[Gallery, ...]) -> tuple[Gallery, ...]:
    """Return galleries with their first chart alone: the report shows the others."""
    return tuple(
        Gallery(g.title, g.caption, g.pictures[:1], g.figure, g.size) for g in galleries if g.pictures
    )


def _reaches(site: Site, mine: list[Pair], pictures: Pictures) -> Part | None:
    found = slices(site.view.results, mine)
    if found is None:
        return None
    tasks = {pair.task: pair for pair in mine}
    galleries = tuple(g for pair in tasks.values() for g in pictures.accuracy(pair))
    return Part(
        anchor="reach",
        heading="How far back?",
        tables=(found,),
        galleries=_joined(galleries),
    )


def _joined(galleries: tuple[Gallery, ...]) -> tuple[Gallery, ...]:
    """Return one gallery a figure, with the charts of all."""
    found: dict[str, Gallery] = {}
    for one in galleries:
        before = found[one.figure].pictures if one.figure in found else ()
        pictures = tuple(dict.fromkeys((*before, *one.pictures)))
        found[one.figure] = Gallery(one.title, one.caption, pictures, one.figure, one.size)
    return tuple(found.values())


def _speed(name: str, site: Site, pictures: Pictures) -> Part | None:
    found = speed(site.view, name, site.looks)
    if found is None:
        return None
    return Part(
        anchor="speed",
        heading="How fast?",
        tables=(found,),
        galleries=_first_only(pictures.whole("throughput")),
    )


def _scores(site: Site, mine: list[Pair], pictures: Pictures) -> Part | None:
    found = scores(mine, site, by_task=True)
    if found is None:
        return None
    places = [(pair.setting, pair.architecture) for pair in mine]
    failed = [site.failures[place] for place in places if place in site.failures]
    text = (
        f"Failed on {plural(len(failed), 'task')} of {len(mine)}: why?"
        if failed
        else f"It failed on none of {plural(len(mine), 'task')}."
    )
    return Part(
        anchor="scores",
        heading="How well?",
        texts=(text,),
        links=tuple(site.failure_link(one) for one in failed),
        tables=(found,),
        galleries=_joined(tuple(g for pair in mine for g in pictures.training(pair))),
    )


def _wins(name: str, site: Site, measures: list[Measure]) -> Part | None:
    rows = [row for measure in measures if (row := compare(measure, name)) is not None]
    found = comparison(rows, site.looks)
    if found is None:
        return None
    return Part(
        anchor="wins",
        heading="Where it wins, and where it loses",
        answer=told(rows, site.looks),
        tables=(found,),
    )


def _claims(site: Site, own: View) -> Part | None:
    keys = {record.key for record in own.records}
    found = tuple(claim for claim in site.claims if keys & set(claim.keys))
    if not found:
        return None
    return Part(
        anchor="claims",
        heading="Claims that rest on its cells",
        texts=("Sentences of the textbooks, with the verdict that these records give.",),
        claims=found,
    )


def _not_ok(own: View) -> Part | None:
    found = tabulate("not_ok", own)
    if found is None:
        return None
    return Part(anchor="not-ok", heading="Cells without a number", tables=(found,))


def _only(view: View, architecture: str) -> View:
    """Return a view of one architecture's cells; legends keep their colours."""
    cells = {
        key: entry
        for key, entry in view.results.planned.items()
        if entry["cell"]["architecture"] == architecture
    }
    manifest = {**view.manifest, "cells": cells}
    return View(Results(manifest, [record for record in view.records if record.key in cells]))
