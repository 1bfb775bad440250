"""The report: manifest + records → one page in HTML and Markdown, its figures and tables beside it.

Pure: the same records give the same bytes. Needs no torch and no network, and takes seconds.
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from analysis import provenance
from analysis.claims.untested import UNTESTED
from analysis.claims_view import ClaimView, read_claims
from analysis.figures.base import Figure
from analysis.load import Results
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
_POWER = re.compile(r"\b([nd])\^(−?[0-9.]*[0-9])")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~$])")


def write(store_folder: Path, output: Path | None = None) -> Path:
    """Write ``report.html``, ``report.md``, ``figures/*.svg|csv`` and ``tables/*.csv|tex``.

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
    values = context(view, claims)
    try:
        for figure in (figure for section in values["sections"] for figure in section.figures):
            _write_figure(figure, folder / "figures")
        for table in _tables(values):
            _write_text(
                folder / "tables" / f"{table.name}.csv",
                table.data.to_csv(index=False, lineterminator="\n"),
            )
            _write_text(folder / "tables" / f"{table.name}.tex", latex(table))
        for name in ("report.md", "report.html"):
            _write_text(folder / name, render(f"{name}.j2", values))
    except OSError as error:
        raise BadInput(f"report '{folder}' cannot be written: {error.strerror}.") from error
    return folder / "report.html"


def context(view: View, claims: list[ClaimView]) -> dict[str, Any]:
    """Return everything that both templates show."""
    usual = first_settings(view)  # a figure has one line an architecture; claims see all settings
    found = sections(usual)
    titles = {figure.name: figure.title for section in found for figure in section.figures}
    asked = asked_claims(view, claims)
    others = [claim.id for claim in claims if claim not in asked]
    claims = [claim.linked(titles) for claim in asked]
    tables = [tabulate(name, view) for name in ("not_ok", "cells")]
    commands = provenance.commands(view)
    return {
        "title": TITLE_TRANSLATION if view.about_translation else TITLE,
        "questions": _questions(len(found)),
        "plan": str(view.manifest.get("plan", "no plan")),
        "profile": str(view.manifest.get("profile", "no profile")),
        "lead": provenance.lead(view),
        "facts": provenance.facts(view),
        "alerts": _alerts(view),
        "table1": tabulate("table1", usual),
        "table1_shown": not view.about_translation,
        "table1_missing": "No record of one layer is in this store: run the plan complexity or table1.",
        "sections": found,
        "claims": claims,
        "claims_intro": _claims_intro(claims),
        "claims_table": claims_table(claims),
        "claims_verdicts": [v for v in VERDICTS if any(claim.verdict == v for claim in claims)],
        "claims_topics": list(dict.fromkeys(claim.topic for claim in claims)),
        "claims_untested": _claims_untested(),
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


def render(template: str, values: dict[str, Any]) -> str:
    """Fill a template; HTML is escaped, Markdown by its own filter."""
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown
    environment.filters["rich"] = rich
    return environment.get_template(template).render(values)


def rich(text: object) -> Markup:
    """Escape text for HTML and raise its exponents: ``n^1.98`` becomes n with a superscript."""
    return Markup(_POWER.sub(r"\1<sup>\2</sup>", str(escape(text))))


def markdown(text: object) -> str:
    """Escape what Markdown or its embedded HTML would act on; lines become breaks."""
    marked = _MARKDOWN.sub(r"\\\1", str(text).replace("&", "&amp;").replace("<", "&lt;"))
    return marked.replace("\n", "<br>")


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
    asked = view.manifest.get("claims") or [claim.id for claim in claims]
    return [claim for claim in claims if claim.id in asked or claim.keys]


def _claims_elsewhere(names: list[str]) -> str:
    if not names:
        return ""
    return f"Other plans ask {', '.join(names)}; see seqyard list plans."


def _claims_untested() -> str:
    names = ", ".join(claim.id for claim in UNTESTED)
    return f"No test yet for the sentences {names}; see seqyard claims." if names else ""


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


def _write_figure(figure: Figure, folder: Path) -> None:
    _write_text(folder / f"{figure.name}.csv", figure.data.to_csv(index=False, lineterminator="\n"))
    for panel in figure.panels:
        _write_text(folder / f"{panel.name}.svg", panel.svg + "\n")


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
