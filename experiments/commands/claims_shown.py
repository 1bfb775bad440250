"""Claims as ``seqyard claims`` shows them: plain data, a line each, or one in full. No torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.plans import ENTRY_POINTS, PLANS
from models.lookup import find

if TYPE_CHECKING:
    from analysis.claims.base import Outcome, Verdict
    from analysis.claims.catalogue import Entry

VERDICTS: "tuple[Outcome, ...]" = ("supported", "refuted", "inconclusive")


def describe(entry: "Entry") -> dict[str, Any]:
    """Return everything that is known of one claim as plain data."""
    claim, verdict = entry.claim, entry.verdict
    found: dict[str, Any] = {
        "id": claim.id,
        "topic": claim.topic,
        "kind": claim.kind,
        "statement": claim.statement,
        "source": claim.source,
        "how": claim.how,
        "plans": _plans(claim.id),
    }
    return found if verdict is None else found | _said(verdict)


def _said(verdict: "Verdict") -> dict[str, Any]:
    from analysis.claims_view import claim_view

    view, interval = claim_view(verdict), verdict.interval
    return {
        "verdict": verdict.verdict,
        "decides": verdict.decides,
        "effect": view.effect,
        "effect_value": verdict.effect_value,
        "interval": None if interval is None else [interval.low, interval.high],
        "interval_covers": None if interval is None else f"{interval.n} {interval.covers}",
        "seeds": verdict.seeds,
        "needed_seeds": verdict.needed_seeds,
        "smallest_detectable": verdict.smallest_detectable,
        "p": verdict.p_value,
        "adjusted_p": verdict.adjusted_p,
        "seconds_missing": verdict.seconds_missing,
        "missing": verdict.missing,
        "device": verdict.device,
        "kernel": verdict.kernel,
        "figure": verdict.figure,
        "cells": list(view.keys),
        "facts": dict(view.facts),
        "parts": [
            {"id": part.claim.id, "statement": part.claim.statement, **_said(part)}
            for part in verdict.parts
        ],
    }


def in_lines(entries: "Mapping[str, Entry]", folder: Path | None) -> str:
    """Return a line for each claim, under its topic."""
    lines, topic = [], ""
    for name, entry in entries.items():
        if entry.claim.topic != topic:
            topic = entry.claim.topic
            lines.append(f"{topic}:")
        verdict = f"{entry.verdict.verdict:<12} " if entry.verdict is not None else ""
        lines.append(f"  {name:<4}{entry.claim.kind:<9}{verdict}{entry.claim.statement}")
    if not entries:
        lines.append("no claim is so")
    if folder is not None:
        said = [entry.verdict.verdict for entry in entries.values() if entry.verdict is not None]
        counts = [f"{said.count(kind)} {kind}" for kind in VERDICTS]
        lines.append(f"{folder}: {', '.join(counts)}")
    return "\n".join(lines)


def in_full(shown: Mapping[str, Any], folder: Path | None) -> str:
    """Return one claim for people."""
    lines = [f"{shown['id']} ({shown['topic']}, {shown['kind']}): {shown['statement']}"]
    lines.append(f"source: {shown['source']}")
    lines.append(f"how it is tested: {shown['how']}")
    lines.append(f"asked by the plans: {', '.join(shown['plans']) or 'none'}")
    if folder is None:
        return "\n".join(lines)
    lines.append(f"verdict of {folder}: {shown['verdict']}")
    lines += [f"effect: {shown['effect']}"] if shown["effect"] else []
    left = {"How it is tested", "Topic", "Kind", "Source"}
    lines += [
        f"{label[0].lower()}{label[1:]}: {text}"
        for label, text in shown["facts"].items()
        if label not in left
    ]
    if shown["parts"]:
        lines.append("parts:")
    for part in shown["parts"]:
        beside = "" if part["decides"] else " (shown beside)"
        effect = f" {part['effect']}" if part["effect"] else ""
        missing = f" Missing: {part['missing']}." if part["missing"] else ""
        lines.append(f"  {part['verdict']:<12} {part['statement']}{beside}{effect}{missing}")
    if shown["cells"]:
        lines.append(f"cells: {' '.join(shown['cells'])}")
    return "\n".join(lines)


def _plans(claim: str) -> list[str]:
    """Return the plans whose records say something of a claim."""
    return [name for name in PLANS if claim in find(name, PLANS, ENTRY_POINTS, "plan").claims]
