"""Where the numbers come from: device, versions, settings, budgets, commands."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.load import TRAINED
from analysis.style import clip, shown_names
from analysis.view import View
from analysis.wording import listed, number, plural, seconds


def facts(view: View) -> list[tuple[str, str]]:
    """Return the few facts of the front page."""
    done = sum(record.status == "ok" for record in view.records)
    bad = len(view.records) - done
    planned = len(view.results.planned) or len(view.records)
    cells = f"{done} of {planned} ok"
    if bad:
        cells += f", {bad} without a number"
    if view.results.missing:
        cells += f", {len(view.results.missing)} missing"
    seeds = {r.cell.seed for r in view.records if r.cell.measure in TRAINED}
    return [
        ("Device", listed(devices(view)) or "not recorded"),
        ("Measured", dates(view) or "nothing yet"),
        ("Cells", cells),
        ("Seeds", f"{len(seeds)} for every trained architecture" if seeds else "nothing was trained"),
        ("Compute", seconds(sum(record.duration_s for record in view.records))),
    ]


def devices(view: View) -> list[str]:
    """Return the names of the devices that records name."""
    return _distinct(record.environment.get("device_model") for record in view.records)


def dates(view: View) -> str:
    """Return the days of the first and of the last record."""
    days = sorted(record.started[:10] for record in view.records if record.started)
    if not days:
        return ""
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def lead(view: View, layered: bool) -> str:
    """Return the paragraph that says what the page is; ``layered``: of Table 1."""
    names = listed(shown_names(view.architectures).values()) or "No architecture"
    device, when = listed(devices(view)), dates(view)
    where = f", measured on {device}" if device else ""
    where += f" ({when})" if when else ""
    if view.about_translation:
        return (
            "Vanilla RNN, LSTM, attentional LSTM and Transformer are said to translate ever better. "
            f"Here it is measured: {names}, on the same sentences with the same subwords and the same "
            f"budget{where}. Every number below is computed from the records beside this page."
        )
    if not layered:
        return (
            f"{names}, on the same data with the same budget{where}. Every number below is computed "
            "from the records beside this page."
        )
    return (
        "Table 1 of “Attention Is All You Need” (Vaswani et al. 2017) sets complexity per layer, "
        "sequential operations and maximum path length side by side in theory. "
        f"Here they are measured: {names}, on the same data with the same "
        f"budget{where}. Every number below is computed from the records "
        "beside this page."
    )


def provenance(view: View) -> list[tuple[str, str]]:
    """Return what is needed to judge the numbers and to get them again."""
    environments = [record.environment for record in view.records]

    def of(key: str) -> str:
        return listed(_distinct(environment.get(key) for environment in environments))

    trained = [record for record in view.records if record.cell.measure in TRAINED]
    rates = _distinct(
        ", ".join(f"{rate:g}" for rate in record.cell.recipe.get("learning_rates", []))
        for record in trained
    )
    versions = [
        f"{name} {of(name)}" for name in ("seqyard", "torch", "lightning", "python") if of(name)
    ]
    manifest = view.manifest
    rows = [
        ("Plan", f"{manifest.get('plan', '')}: {manifest.get('description', '')}"),
        ("Profile", f"{manifest.get('profile', '')}: {manifest.get('profile_description', '')}"),
        ("Budget", str(manifest.get("budget", ""))),
        ("Commit", of("commit")),
        ("Versions", ", ".join(versions)),
        ("Platform", of("platform")),
        ("Device", listed(devices(view))),
        ("Cores and threads", _cores(view)),
        ("Precision", listed(_distinct(record.cell.precision for record in view.records))),
        ("Speed settings", "; ".join(_speed(environment) for environment in _unlike(environments))),
        ("Memory method", of("memory_method")),
        ("Learning rates tried", "; ".join(f"{text} (each run)" for text in rates)),
        ("Training steps", listed(_distinct(r.cell.recipe.get("steps") for r in trained), "or")),
        ("Seeds", ", ".join(str(seed) for seed in sorted({r.cell.seed for r in trained}))),
        ("Parameters", _parameters(view)),
        ("BLEU", of("bleu_signature")),
        ("chrF", of("chrf_signature")),
        ("Tokeniser", of("tokeniser")),
    ]
    missing = view.results.missing
    if missing:
        rows.append(
            ("Missing cells", f"{len(missing)}: {', '.join(missing[:12])}{' …' * (len(missing) > 12)}")
        )
    return [(label, value) for label, value in rows if value.strip(" :")]


def commands(view: View) -> list[str]:
    """Return the exact commands that filled the store."""
    return [clip(str(command), 2000) for command in view.manifest.get("commands", [])]


def _parameters(view: View) -> str:
    rows = pd.concat([view.frame(measure) for measure in TRAINED])
    rows = rows[rows.parameters.notna()]
    names = shown_names(view.architectures)
    parts = []
    for task, of_task in rows.groupby("task", sort=True):
        each = [
            f"{names[name]} {number(mine.parameters.iloc[0])} ({number(mine.parameters_total.iloc[0])})"
            for name in view.architectures
            if not (mine := of_task[of_task.architecture == name]).empty
        ]
        parts.append(f"{task}: {', '.join(each)}")
    return f"core (total). {'; '.join(parts)}" if parts else ""


def _cores(view: View) -> str:
    cores = listed(_distinct(record.environment.get("cores") for record in view.records), "or")
    by_measure = {
        measure: sorted({r.cell.threads for r in view.records if r.cell.measure == measure})
        for measure in sorted({r.cell.measure for r in view.records})
    }
    threads = "; ".join(
        f"{measure.replace('_', ' ')} {listed(map(str, counts), 'or')}"
        for measure, counts in by_measure.items()
    )
    return (
        f"{plural(int(cores), 'core') if cores.isdigit() else cores}; threads a cell: {threads}".strip(
            "; "
        )
    )


def _speed(environment: dict[str, Any]) -> str:
    speed = environment.get("speed")
    if isinstance(speed, dict):
        return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in sorted(speed.items()))
    return str(speed or "")


def _unlike(environments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one environment for each different set of speed settings."""
    found = {json.dumps(e.get("speed"), sort_keys=True): e for e in environments if e.get("speed")}
    return [found[key] for key in sorted(found)]


def _distinct(values: Iterable[Any]) -> list[str]:
    return sorted({clip(str(value), 80) for value in values if value not in (None, "")})
