"""Tables of every plan: cells that gave no number, and how many gave one."""

import pandas as pd

from analysis.style import clip, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import number, plural, seconds


def not_ok(view: View) -> Table | None:
    """Return every cell whose status is not ``ok``: a result, listed as what it is."""
    bad = [record for record in view.records if record.status != "ok"]
    if not bad:
        return None
    rows, data = [], []
    for record in bad:
        cell, options = record.cell, record.cell.options
        about = [
            cell.task,
            options.get("part"),
            cell.model.get("attention") or cell.model.get("kernel"),
        ]
        about += [f"n = {number(options['n'])}" if "n" in options else None]
        about += [f"d = {number(cell.model['width'])}" if "width" in cell.model else None]
        about += [f"seed {cell.seed}" if cell.task else None]
        what = ", ".join(clip(str(part)) for part in about if part)
        name = styles(view.architectures)[cell.architecture].label
        rows.append(
            (
                Entry(name),
                Entry(cell.measure.replace("_", " ")),
                Entry(what),
                Entry(record.status.replace("_", " "), kind="bad"),
                Entry(clip(record.reason, 160)),
            )
        )
        data.append(
            {
                "key": record.key,
                "architecture": cell.architecture,
                "measure": cell.measure,
                "about": what,
                "status": record.status,
                "reason": record.reason,
            }
        )
    return Table(
        name="not_ok",
        title="Cells that gave no number",
        caption="Out of memory, diverged, timed out: a result too.",
        columns=tuple(
            Column(label) for label in ("Architecture", "Measure", "Cell", "Status", "Reason")
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(record.key for record in bad),
    )


def durations(view: View) -> Table | None:
    """Return how many cells of each measure were done, failed and missing, and their compute time."""
    if not view.records:
        return None
    planned = [entry["cell"]["measure"] for entry in view.results.planned.values()]
    data = []
    for measure in sorted({record.cell.measure for record in view.records} | set(planned)):
        mine = [record for record in view.records if record.cell.measure == measure]
        missing = sum(
            view.results.planned[key]["cell"]["measure"] == measure for key in view.results.missing
        )
        data.append(
            {
                "measure": measure,
                "planned": planned.count(measure),
                "ok": sum(record.status == "ok" for record in mine),
                "not_ok": sum(record.status != "ok" for record in mine),
                "missing": missing,
                "seconds": sum(record.duration_s for record in mine),
            }
        )
    rows = tuple(
        (
            Entry(str(row["measure"]).replace("_", " ")),
            *(Entry(number(float(str(row[name])))) for name in ("planned", "ok", "not_ok", "missing")),
            Entry(seconds(float(str(row["seconds"])))),
        )
        for row in data
    )
    total = sum(record.duration_s for record in view.records)
    return Table(
        name="cells",
        title="Cells and compute time",
        caption=f"In all {seconds(total)} of compute over {plural(len(view.records), 'record')}.",
        columns=(
            Column("Measure"),
            *(Column(label, "num") for label in ("Planned", "OK", "Not OK", "Missing", "Compute")),
        ),
        rows=rows,
        data=pd.DataFrame(data),
        keys=keys_of(record.key for record in view.records),
    )
