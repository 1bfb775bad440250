"""Verdicts as the report shows them: texts only."""

from dataclasses import dataclass, replace

from analysis import claims
from analysis.claims.base import Verdict
from analysis.load import Results
from analysis.wording import NONE, fixed, number, seconds


@dataclass(frozen=True, kw_only=True)
class ClaimView:
    """One claim, or one part of a claim."""

    id: str
    verdict: str
    statement: str
    effect: str
    facts: tuple[tuple[str, str], ...]
    details: tuple["ClaimView", ...]
    seeds: str
    missing: str
    figure: str
    keys: tuple[str, ...]
    topic: str = ""
    kind: str = ""
    figure_title: str = ""
    decides: bool = True  # a part: whether the whole depends on it

    @property
    def anchor(self) -> str:
        """Return the fragment that leads to it."""
        return f"claim-{self.id}"

    @property
    def summary(self) -> str:
        """Return the effect, or what is missing."""
        return self.effect or self.missing

    @property
    def refutation(self) -> str:
        """Return the effects of the parts that refute it, or its own where it has no parts."""
        against = [
            f"{part.statement.rstrip('.')}: {part.effect}"
            for part in self.details
            if part.decides and part.verdict == "refuted"
        ]
        return " ".join(against) or self.summary

    def linked(self, titles: dict[str, str]) -> "ClaimView":
        """Return it with its figure's title, or without a figure that the page does not have."""
        title = titles.get(self.figure, "")
        return replace(self, figure=self.figure if title else "", figure_title=title)


def read_claims(results: Results) -> list[ClaimView]:
    """Return every verdict that a store's records decide, or leave open."""
    return [claim_view(verdict) for verdict in claims.verdicts(results)]


def claim_view(verdict: Verdict) -> ClaimView:
    """Return a verdict as texts, with its parts."""
    claim, text = verdict.claim, _effect(verdict)
    facts = [
        ("How it is tested", claim.how),
        ("Topic", claim.topic),
        ("Kind", claim.kind),
        ("Seeds", _seeds(verdict)),
        ("Time for the missing seeds", _time(verdict)),
        ("Smallest effect that would show", number(verdict.smallest_detectable, 2)),
        ("p", _p(verdict)),
        ("Holds for", ", ".join(part for part in (verdict.device, verdict.kernel) if part)),
        ("What is missing", verdict.missing),
        ("Source", claim.source),
    ]
    return ClaimView(
        id=claim.id,
        verdict=verdict.verdict,
        statement=claim.statement,
        effect=f"So far: {text}" if text and verdict.verdict == "inconclusive" else text,
        facts=tuple((label, text) for label, text in facts if text and text != "–"),
        details=tuple(_part(part) for part in verdict.parts),
        seeds=_seeds(verdict),
        missing=verdict.missing,
        figure=verdict.figure,
        keys=tuple(sorted(set(verdict.evidence))),
        topic=claim.topic,
        kind=claim.kind,
    )


def _part(part: Verdict) -> ClaimView:
    view = claim_view(part)
    beside = "" if part.decides else " (shown beside: the verdict does not depend on it)"
    return replace(view, statement=view.statement + beside, decides=part.decides)


def _effect(verdict: Verdict) -> str:
    """Return the effect with its interval, which says what it covers; parts carry their own."""
    text = verdict.effect
    interval = verdict.interval
    if interval is not None and not verdict.parts:
        shown = f"[{fixed(interval.low)}, {fixed(interval.high)}]"
        covers = f"{interval.level:.0%} interval {shown} over {interval.n} {interval.covers}"
        value = "" if verdict.effect_value is None else f"{fixed(verdict.effect_value)}, "
        text = f"{text} ({value}{covers})" if text else f"{value}{covers}"
    return text


def _seeds(verdict: Verdict) -> str:
    if verdict.seeds is None:
        return ""
    if verdict.needed_seeds:
        more = f", {verdict.seeds_missing} missing" if verdict.seeds_missing else ""
        return f"{verdict.seeds} of {verdict.needed_seeds}{more}"
    return str(verdict.seeds)


def _time(verdict: Verdict) -> str:
    text = seconds(verdict.seconds_missing)
    if text == NONE:
        return ""
    return (
        f"about {text} of one worker, by those that are there; to run them, add "
        f"--seeds {verdict.needed_seeds} to the command"
    )


def _p(verdict: Verdict) -> str:
    if verdict.adjusted_p is not None:
        return f"{verdict.adjusted_p:.2g}, after Holm’s correction within {verdict.claim.topic}"
    return "" if verdict.p_value is None else f"{verdict.p_value:.2g}, not corrected"
