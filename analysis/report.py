"""The report: manifest + records → one page in HTML and Markdown, its figures and tables beside it.

Pure: the same records give the same bytes. Needs no torch and no network, and takes seconds.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis import provenance
from analysis.claims_view import ClaimView, read_claims
from analysis.load import Results
from analysis.pages.files import write_figure, write_table, write_text
from analysis.pages.links import linked, links
from analysis.pages.render import render
from analysis.pages.site import Site
from analysis.pages.write import pages, write_pages
from analysis.sections import Section, sections
from analysis.tables import tabulate
from analysis.tables.base import Table
from analysis.tables.claims import claims_table
from analysis.tables.latex import latex
from analysis.variants import first_settings
from analysis.view import View
from analysis.wording import plural
from models.errors import BadInput

TITLE = "Table 1, measured"
TITLE_TRANSLATION = "Translation, measured"
VERDICTS = ("supported", "refuted", "inconclusive")
_COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")


def write(store_folder: Path, output: Path | None = None) -> Path:
    """Write ``report.html``, ``report.md``, ``figures/*.svg|csv``, ``tables/*.csv|tex``, and the pages
    of architectures and failures, in HTML and Markdown.

    ``output`` is the folder they go to; without it, the store's own. Returns the HTML file's path.

    Raises:
        BadInput: the store has no manifest, is damaged or of a newer version, or ``output`` cannot
            be written.
    """
    store = Path(store_folder)
    folder = Path(output) if output is not None else store
    results = Results.read(store)
    view = View(results)
    claims = read_claims(results)
    usual = first_settings(view)  # a figure has one line an architecture; claims see all settings
    site = Site(usual, claims)
    values = context(view, usual, claims, site)
    tables = _tables(values)
    shown = [figure for section in values["sections"] for figure in section.figures]
    made, further = pages(site, view, shown)
    try:
        for figure in shown:
            write_figure(figure, folder / "figures")
        for table in tables:
            write_table(folder / "tables" / f"{table.name}.csv", table.data)
            write_text(folder / "tables" / f"{table.name}.tex", latex(table))
        for name in ("report.md", "report.html"):
            write_text(folder / name, render(f"{name}.j2", values))
        if values["claims"]:
            alone = {**values, "report_page": "report.html"}
            write_text(folder / "claims.html", render("claims.html.j2", alone))
        write_pages(made, further, folder, values, {table.name for table in tables})
    except OSError as error:
        raise BadInput(f"report '{folder}' cannot be written: {error.strerror}.") from error
    return folder / "report.html"


def context(view: View, usual: View, claims: list[ClaimView], site: Site) -> dict[str, Any]:
    """Return everything that both templates show; ``usual`` has one setting an architecture."""
    found = sections(usual, view)
    titles = {figure.name: figure.title for section in found for figure in section.figures}
    asked = asked_claims(view, claims)
    others = [claim.id for claim in claims if claim not in asked]
    claims = [claim.linked(titles) for claim in asked]
    tables = [tabulate(name, view) for name in ("not_ok", "cells")]
    table1 = linked(tabulate("table1", usual), site)
    asks = any(
        section.anchor == "memory" for section in found
    )  # the first of Table 1's three questions
    layered = not view.about_translation and (table1 is not None or asks or not found)
    commands = provenance.commands(view)
    return {
        "title": _title(view, layered),
        "questions": _questions(len(found)),
        "plan": str(view.manifest.get("plan", "no plan")),
        "profile": str(view.manifest.get("profile", "no profile")),
        "lead": provenance.lead(view, layered),
        "facts": provenance.facts(view),
        "alerts": _alerts(view),
        "table1": table1,
        "table1_shown": layered,
        "table1_missing": "No record of one layer is in this store: run the plan complexity or table1.",
        "sections": [
            replace(section, tables=tuple(linked(table, site) for table in section.tables))
            for section in found
        ],
        "links": links(found, site),
        "pages": site.crumbs[1:],
        "claims": claims,
        "claims_intro": _claims_intro(claims),
        "report_page": "",  # where figures are, seen from the list of claims
        "claims_table": claims_table(claims),
        "claims_verdicts": [v for v in VERDICTS if any(claim.verdict == v for claim in claims)],
        "claims_topics": list(dict.fromkeys(claim.topic for claim in claims)),
        "claims_elsewhere": _claims_elsewhere(others),
        "claims_missing": "No claim is tested by this plan’s records.",
        "refuted": [claim for claim in claims if claim.verdict == "refuted"],
        "refuted_none": "No claim is refuted by these records. See the verdicts: an inconclusive one "
        "is no confirmation.",
        "provenance": provenance.provenance(view),
        "provenance_tables": [table for table in tables if table is not None],
        "commands": commands,
        "redo": commands[-1] if commands else "seqyard run",
    }


def _title(view: View, layered: bool) -> str:
    if view.about_translation:
        return TITLE_TRANSLATION
    return TITLE if layered else str(view.manifest.get("description") or TITLE)


def _alerts(view: View) -> list[str]:
    alerts = []
    bad = sum(record.status != "ok" for record in view.records)
    if view.results.missing:
        alerts.append(
            f"This store is not finished: {plural(len(view.results.missing), 'planned cell')} of "
            f"{len(view.results.planned)} not measured yet. What is missing is left out below."
        )
    if bad:
        alerts.append(
            f"{plural(bad, 'cell')} gave no number; each is listed under Provenance with its reason."
        )
    if len(provenance.devices(view)) > 1:
        alerts.append(
            "The records come from more than one device: compare times within one device only."
        )
    return alerts


def asked_claims(view: View, claims: list[ClaimView]) -> list[ClaimView]:
    """Return the claims that the store's plan asks, and those that its records say something of."""
    asked = view.manifest.get("claims", [claim.id for claim in claims])
    return [claim for claim in claims if claim.id in asked or claim.keys]


def _claims_elsewhere(names: list[str]) -> str:
    if not names:
        return ""
    return f"Other plans ask {', '.join(names)}; see seqyard list plans."


def _claims_intro(claims: list[ClaimView]) -> str:
    counts = [f"{sum(claim.verdict == verdict for claim in claims)} {verdict}" for verdict in VERDICTS]
    return (
        f"{', '.join(counts)}. A verdict is computed from the records; with too few seeds or "
        "unfinished cells it is inconclusive and shows the effect so far. Open a claim for its parts."
    )


def _questions(count: int) -> str:
    """Return the heading above the answers."""
    number = _COUNTS[count] if count < len(_COUNTS) else str(count)
    return (
        "One question, in one sentence" if count == 1 else f"{number} questions, in one sentence each"
    )


def _tables(values: dict[str, Any]) -> list[Table]:
    found: list[Section] = values["sections"]
    tables = [table for table in (values["table1"], values["claims_table"]) if table]
    return [*tables, *(t for section in found for t in section.tables), *values["provenance_tables"]]
