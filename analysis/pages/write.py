"""Every page beside the report: made from the view that the report shows, and written as files."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.figures.base import Figure
from analysis.pages.architecture import architecture_page
from analysis.pages.failure import failure_page
from analysis.pages.files import write_figure, write_table, write_text
from analysis.pages.index import architectures_index, failures_index
from analysis.pages.measures import measures
from analysis.pages.page import ARCHITECTURES, FAILURES, Page
from analysis.pages.pictures import Pictures
from analysis.pages.render import render
from analysis.pages.site import Site
from analysis.view import View

GENERATED = '<meta name="generator" content="Seqyard">'
"""What tells a page of ours from any other file."""


def pages(site: Site, whole: View, figures: Iterable[Figure]) -> tuple[list[Page], list[Figure]]:
    """Return every page, and the figures that they show beyond ``figures``, the report's.

    ``whole`` is the view of all settings; the site's has one an architecture.
    """
    pictures = Pictures(site.view, figures)
    pictures.draw_missing([found.pair for found in site.failures.values()])
    compared = measures(site.view, site.pairs)
    made = [
        architecture_page(name, site, whole, pictures, compared) for name in site.view.architectures
    ]
    made += [failure_page(found, site, pictures) for found in site.failures.values()]
    if site.view.architectures:
        made.append(architectures_index(site))
    if site.failures:
        made.append(failures_index(site))
    return made, pictures.drawn


def write_pages(
    made: Iterable[Page],
    figures: Iterable[Figure],
    folder: Path,
    about: Mapping[str, Any],
    tables: Collection[str],
) -> None:
    """Write the pages, and the numbers of their tables that the report has not.

    Args:
        made: the pages.
        figures: beyond the report's.
        folder: the report's.
        about: ``plan``, ``profile`` and ``redo``, which every page names.
        tables: names of the report's tables: their files hold the numbers already. Those of others go
            to ``tables/pages/``, the same table of all pages together.
    """
    made = list(made)
    _remove_old(folder, {page.path for page in made})
    numbers: dict[str, list[pd.DataFrame]] = {}
    for page in made:
        values = {**about, "page": page, "latex": tables}
        for suffix in ("html", "md"):
            write_text(folder / f"{page.path}.{suffix}", render(f"page.{suffix}.j2", values))
        for table in (table for part in page.parts for table in part.tables):
            if table.name not in tables:
                numbers.setdefault(table.name, []).append(table.data)
    for name, frames in numbers.items():
        filled = [frame for frame in frames if len(frame)]
        joined = pd.concat(filled, ignore_index=True) if filled else frames[0]
        write_table(folder / "tables" / "pages" / f"{name}.csv", joined.drop_duplicates())
    for figure in figures:
        write_figure(figure, folder / "figures")


def _remove_old(folder: Path, kept: Collection[str]) -> None:
    """Remove pages that an earlier report left there: a pair that failed then may not have since."""
    for path in (path for name in (ARCHITECTURES, FAILURES) for path in (folder / name).glob("*.html")):
        if f"{path.parent.name}/{path.stem}" in kept:
            continue
        if GENERATED in path.read_text(encoding="utf-8", errors="replace"):
            path.unlink()
            path.with_suffix(".md").unlink(missing_ok=True)
