"""What a claim is, what its verdict is, and how verdicts are put together.

A verdict is computed from records. It is ``supported`` or ``refuted`` only when everything that the
claim needs was measured, with enough seeds (or rounds); else ``inconclusive``, with the effect so far
and what is missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.statistics import Interval

Topic = Literal["Long-range", "Speed", "Complexity", "Inside the Transformer", "Training and decoding"]
"""A family of claims: p-values are Holm-corrected within it."""

Outcome = Literal["supported", "refuted", "inconclusive"]

NOT_MEASURED = "not measured in this report"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A textbook sentence that records can refute."""

    id: str
    statement: str
    topic: Topic
    kind: Literal["exact", "measured"]
    how: str  # it is tested, and when it is supported
    source: str  # where the literature has it

    def part(
        self, suffix: str, statement: str, kind: Literal["exact", "measured"] | None = None
    ) -> "Claim":
        """Return one reading of it, or one condition that it needs."""
        return replace(self, id=f"{self.id}{suffix}", statement=statement, kind=kind or self.kind)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the records say of a claim."""

    claim: Claim
    verdict: Outcome
    effect: str = ""  # one sentence, computed
    effect_value: float | None = None
    interval: Interval | None = None
    seeds: int | None = None  # independent points it rests on; None: exact, or timing rounds
    needed_seeds: int | None = None
    smallest_detectable: float | None = None
    seconds_missing: float | None = None  # of one worker, for the seeds that are missing
    p_value: float | None = None  # of what the verdict says, within this claim
    adjusted_p: float | None = None  # Holm-corrected within the topic
    evidence: tuple[str, ...] = ()  # keys of the cells
    figure: str = ""
    parts: tuple["Verdict", ...] = ()
    missing: str = ""  # what keeps it from being decided, or what it does not cover
    device: str = ""  # for verdicts on time and memory
    kernel: str = ""
    decides: bool = True  # as a part: whether the whole depends on it, or it is shown beside

    @property
    def seeds_missing(self) -> int:
        """How many more seeds a verdict needs."""
        return max(0, (self.needed_seeds or 0) - (self.seeds or 0)) if self.needed_seeds else 0


def not_measured(claim: Claim, what: str) -> Verdict:
    """Return the verdict on a claim of which the store holds nothing."""
    return Verdict(claim=claim, verdict="inconclusive", missing=f"{NOT_MEASURED}: {what}")


def every(claim: Claim, parts: Sequence[Verdict], effect: str = "", figure: str = "") -> Verdict:
    """Combine conditions that must all hold: one refuted refutes the claim, one open leaves it open.

    The p-value is that of the weakest part if all are supported (intersection-union test), and that of
    the strongest refuted part, times their number, if one is refuted.
    """
    deciding = [part for part in parts if part.decides]
    refuted = [part for part in deciding if part.verdict == "refuted"]
    open_parts = [part for part in deciding if part.verdict == "inconclusive"]
    outcome: Outcome = "supported"
    p_values = [part.p_value for part in deciding if part.p_value is not None]
    p_value = max(p_values, default=None)
    if refuted:
        outcome = "refuted"
        p_value = None
        if all(part.p_value is not None for part in refuted):
            p_value = min(1.0, len(deciding) * min(part.p_value or 0.0 for part in refuted))
    elif open_parts or not deciding:
        outcome = "inconclusive"
    seeds = [part.seeds for part in deciding if part.seeds is not None]
    needed = [part.needed_seeds for part in deciding if part.needed_seeds is not None]
    lead = (refuted or open_parts or deciding or list(parts))[0] if parts else None
    shown = [part for part in deciding if part.device or part.kernel]
    return Verdict(
        claim=claim,
        verdict=outcome,
        effect=effect or " ".join(part.effect for part in deciding if part.effect),
        effect_value=lead.effect_value if lead else None,
        interval=lead.interval if lead else None,
        smallest_detectable=lead.smallest_detectable if lead else None,
        seeds=min(seeds, default=None),
        needed_seeds=max(needed, default=None),
        p_value=p_value,
        evidence=tuple(dict.fromkeys(key for part in parts for key in part.evidence)),
        figure=figure or next((part.figure for part in parts if part.figure), ""),
        parts=tuple(parts),
        missing=joined(part.missing for part in open_parts) if outcome == "inconclusive" else "",
        device=joined(part.device for part in shown or parts),
        kernel=joined(part.kernel for part in shown or parts),
    )


def joined(texts: Iterable[str]) -> str:
    """Return the different items of texts like ``"one; another"``, each once, in order."""
    items = [item for text in texts for item in text.split("; ")]
    return "; ".join(dict.fromkeys(item for item in items if item))
