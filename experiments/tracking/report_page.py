"""A W&B Report from a finished comparison: the report's own words and tables, beside live charts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb_workspaces.reports.v2 as wr

from experiments.tracking.panels import sections

_IMAGE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\s*$", re.MULTILINE)
_HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)


def page(
    markdown: str,
    *,
    entity: str,
    project: str,
    group: str,
    slices: Sequence[str],
    online: bool,
) -> wr.Report:
    """Return the W&B Report of one sweep; ``markdown`` is the text of its ``report.md``.

    The pictures of the text are in W&B as media of the sweep's report run; a chart of each kind
    follows, drawn from the cells' runs. Built offline, these are of the project that the report is in:
    naming the project asks the server for its number.
    """
    title, parts = split(markdown)
    where: dict[str, Any] = {"entity": entity, "project": project} if online else {}
    runs = wr.Runset(name=group, filters=f"Metric('Group') = {group!r}", **where)
    blocks: list[Any] = [wr.TableOfContents()]
    for heading, text in parts:
        if heading:
            blocks.append(wr.H2(text=heading))
        if text:
            blocks.append(wr.MarkdownBlock(text=text))
    for charts in sections(slices):
        blocks += [wr.H2(text=charts.name), wr.PanelGrid(runsets=[runs], panels=charts.panels)]
    return wr.Report(
        entity=entity,
        project=project,
        title=f"{title}: {group}",
        description="Written by `seqyard dashboard` from the records of this group.",
        blocks=blocks,
        width="fluid",
    )


def split(markdown: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the title, and the parts as (heading, text), without pictures of local files."""
    text = _IMAGE.sub("", markdown)
    first, _, rest = text.partition("\n")
    title = first.removeprefix("#").strip()
    pieces = _HEADING.split(rest)
    found = [("", pieces[0].strip())]
    found += [
        (heading.strip(), body.strip())
        for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
    return title, [(heading, body) for heading, body in found if heading or body]


def read(folder: Path) -> str:
    """Return the text of a store's report."""
    return (folder / "report.md").read_text(encoding="utf-8")
