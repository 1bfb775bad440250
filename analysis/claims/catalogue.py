"""Every claim there is, tested or not, without any record: what the list of claims shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.claims import CLAIMS, verdicts
from analysis.claims.base import Claim, Verdict
from analysis.claims.untested import NO_TEST, UNTESTED
from analysis.load import Results

_ORDER = "LSCTD"
"""Letters of the ids in the order of the families."""


@dataclass(frozen=True)
class Entry:
    """A claim, and what a store's records say of it."""

    claim: Claim
    tested: bool
    verdict: Verdict | None = None  # None: no store was asked


def catalogue(results: Results | None = None) -> dict[str, Entry]:
    """Return every claim by its id, in order; with ``results`` also their verdicts."""
    found = verdicts(Results({}, []) if results is None else results)
    entries = {
        verdict.claim.id: Entry(verdict.claim, True, None if results is None else verdict)
        for verdict in found
    }
    assert list(entries) == list(CLAIMS)
    for claim in UNTESTED:
        verdict = Verdict(claim=claim, verdict="inconclusive", missing=NO_TEST)
        entries[claim.id] = Entry(claim, False, None if results is None else verdict)
    return {name: entries[name] for name in sorted(entries, key=_place)}


def topics(entries: Mapping[str, Entry]) -> list[str]:
    """Return the topics of some claims, each once, in order."""
    return list(dict.fromkeys(entry.claim.topic for entry in entries.values()))


def _place(name: str) -> tuple[int, int]:
    return _ORDER.index(name[0]), int(name[1:])
