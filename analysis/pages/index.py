"""The index pages: every architecture, and every failure with the rule that makes it one."""

import pandas as pd

from analysis.pages.failing import RULE
from analysis.pages.options import described
from analysis.pages.page import ARCHITECTURES, FAILURES, INDEX, Page, Part
from analysis.pages.site import Site
from analysis.spans import SOLVED
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.wording import percent, plural


def architectures_index(site: Site) -> Page:
    """Return the page that leads to every architecture's."""
    rows, data = [], []
    for name in site.view.architectures:
        mine = site.of(name)
        solvable = [pair for pair in mine if pair.kind.solvable and pair.mean is not None]
        solved = sum((pair.mean or 0.0) >= SOLVED for pair in solvable)
        failed = sum((pair.setting, name) in site.failures for pair in mine)
        words = described(site.view, name)
        link = site.architecture_link(name)
        layers = list(site.view.layers.get(name, {}).values())
        rows.append(
            (
                Entry(link.text, colour=link.colour, href=link.path),
                Entry(str(words.get("description") or "–")),
                Entry(str(layers[0]["complexity"]) if layers else "–"),
                Entry(f"{solved} of {len(solvable)}" if solvable else "–"),
                Entry(str(failed) if mine else "–"),
            )
        )
        data.append(
            {"architecture": name, "tasks": len(mine), "solved": solved, "failed": failed}
            | {"description": words.get("description", "")}
        )
    table = Table(
        name="architectures",
        title="Every architecture of this report, in the order of its legends",
        columns=(
            Column("Architecture"),
            Column("What it is"),
            Column("A layer costs", "theory"),
            Column("Solved", "num", "tasks, on average"),
            Column("Failed", "num", "tasks"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(pair.planned for pair in site.pairs)),
    )
    return Page(
        path=f"{ARCHITECTURES}/{INDEX}",
        title="Architectures",
        lead="What each is, costs and scores, and where it wins and loses: one page each.",
        crumbs=site.crumbs,
        parts=(Part(anchor="all", heading="All architectures", tables=(table,)),),
    )


def failures_index(site: Site) -> Page:
    """Return the page that leads to every failure's."""
    rows, data = [], []
    for (_, name), found in site.failures.items():
        pair, link = found.pair, site.failure_link(found)
        open_runs = sum(not run.converged for run in pair.low)
        shown = "–" if pair.mean is None else pair.kind.shown(pair.mean)
        rows.append(
            (
                Entry(link.text, "why?", colour=link.colour, href=link.path),
                Entry(found.why, kind="open" if open_runs else "bad"),
                Entry(shown, pair.kind.words),
                Entry(
                    f"{pair.solved} of {len(pair.runs)}" if pair.kind.solvable and pair.runs else "–"
                ),
                Entry(f"{open_runs} of {len(pair.low)}" if pair.low else "–"),
            )
        )
        data.append(
            {
                "architecture": name,
                "task": pair.label,
                "how": found.why,
                "metric": pair.kind.words,
                "mean": pair.mean,
                "baseline": pair.baseline[1] if pair.baseline else None,
                "seeds": len(pair.runs),
                "solved": pair.solved,
                "unconverged": open_runs,
                "page": link.href(),
            }
        )
    table = Table(
        name="failures",
        title="Every pair of architecture and task that failed",
        caption="Amber: some of the failing seeds were still learning when training ended, so "
        "unconverged, not incapable.",
        columns=(
            Column("Failure"),
            Column("How"),
            Column("Test score", "num", "mean over seeds"),
            Column("Solved", "num", f"seeds at {percent(SOLVED, 0)}"),
            Column("Unconverged", "num", "of failing seeds"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(found.pair.planned for found in site.failures.values())),
    )
    tried = [pair for pair in site.pairs if pair.runs or pair.unfinished]
    return Page(
        path=f"{FAILURES}/{INDEX}",
        title="Why did it fail?",
        lead=f"{plural(len(site.failures), 'failure')} among {plural(len(tried), 'pair')} of "
        "architecture and task. Each has a page with its learning curves, what was tried, and which of "
        "the known explanations its records go together with.",
        crumbs=site.crumbs,
        parts=(
            Part(anchor="all", heading="All failures", tables=(table,)),
            Part(anchor="rule", heading="What counts as a failure", texts=(RULE,)),
        ),
    )
