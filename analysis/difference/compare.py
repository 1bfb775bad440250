"""Compare two stores."""

from dataclasses import dataclass
from typing import Any

from analysis import claims
from analysis.difference.base import CHANGED, Change, judged
from analysis.difference.counts import count_changes
from analysis.difference.scores import score_changes
from analysis.difference.times import time_changes
from analysis.load import Results


@dataclass(frozen=True)
class VerdictChange:
    """A claim whose verdict is another one."""

    id: str
    statement: str
    before: str
    after: str
    effect_before: str
    effect_after: str
    missing: str  # what keeps the new one open


@dataclass(frozen=True)
class Comparison:
    """What two stores say differently, and what only one of them says anything of."""

    changes: tuple[Change, ...]  # everything that both have, changed or not
    verdicts: tuple[VerdictChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    settings: tuple[tuple[str, str, str], ...]  # (name, in A, in B) where they differ

    @property
    def changed(self) -> tuple[Change, ...]:
        """What changed beyond noise."""
        return tuple(change for change in self.changes if change.outcome == CHANGED)


def compare(a: Results, b: Results) -> Comparison:
    """Return what changed from ``a`` to ``b``.

    Scores are compared over seeds, paired where both stores have them (Student's t), else by Welch's
    test; times as ratios within one block, over rounds; p-values are Holm-corrected over all scores,
    and over all times. What is counted has no noise.
    """
    changes = [*judged(score_changes(a, b)), *judged(time_changes(a, b)), *count_changes(a, b)]
    first, second = _subjects(a), _subjects(b)
    return Comparison(
        changes=tuple(changes),
        verdicts=tuple(_verdicts(a, b)),
        only_before=_missing_in(second, first),
        only_after=_missing_in(first, second),
        settings=tuple(_settings(a, b)),
    )


def _verdicts(a: Results, b: Results) -> list[VerdictChange]:
    found = []
    for before, after in zip(claims.verdicts(a), claims.verdicts(b), strict=True):
        if before.verdict != after.verdict:
            found.append(
                VerdictChange(
                    before.claim.id,
                    before.claim.statement,
                    before.verdict,
                    after.verdict,
                    before.effect,
                    after.effect,
                    after.missing,
                )
            )
    return found


def _subjects(results: Results) -> dict[str, set[str]]:
    """Return what was planned of each architecture: tasks, and measures without a task."""
    found: dict[str, set[str]] = {}
    for entry in results.planned.values():
        cell = entry["cell"]
        found.setdefault(cell["architecture"], set()).add(cell.get("task") or cell["measure"])
    return found


def _missing_in(other: dict[str, set[str]], mine: dict[str, set[str]]) -> tuple[str, ...]:
    """Return "conv" for an architecture that the other lacks, and "lstm: digits" for a part of one."""
    found = []
    for name in sorted(mine):
        lacking = sorted(mine[name] - other.get(name, set()))
        if lacking:
            found.append(f"{name}: {', '.join(lacking)}" if name in other else name)
    return tuple(found)


def _settings(a: Results, b: Results) -> list[tuple[str, str, str]]:
    """Return in what the two runs differ as a whole: plan, profile, device, versions."""
    sides = [_about(results) for results in (a, b)]
    names = [name for name in sides[0] if sides[0][name] != sides[1][name]]
    return [(name, sides[0][name], sides[1][name]) for name in names]


def _about(results: Results) -> dict[str, str]:
    manifest: Any = results.manifest
    environments = [record.environment for record in results.records.values()]
    found = {name: str(manifest.get(name, "")) for name in ("plan", "profile")}
    for name in ("device_model", "torch", "seqyard", "commit", "threads"):
        values = {str(environment[name]) for environment in environments if name in environment}
        found[name.replace("_", " ")] = ", ".join(sorted(values))
    found["records"] = str(len(results.records))
    return found
