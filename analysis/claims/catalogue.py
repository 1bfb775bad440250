"""Every claim there is, without any record: what the list of claims shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.claims import verdicts
from analysis.claims.base import Claim, Verdict
from analysis.load import Results

_ORDER = "LSCTD"
"""Letters of the ids in the order of the families."""


@dataclass(frozen=True)
class Entry:
    """A claim, and what a store's records say of it."""

    claim: Claim
    verdict: Verdict | None = None  # None: no store was asked


def catalogue(results: Results | None = None) -> dict[str, Entry]:
    """Return every claim by its id, in order; with ``results`` also their verdicts."""
    found = verdicts(Results({}, []) if results is None else results)
    entries = [Entry(verdict.claim, None if results is None else verdict) for verdict in found]
    return {entry.claim.id: entry for entry in sorted(entries, key=_place)}


def topics(entries: Mapping[str, Entry]) -> list[str]:
    """Return the topics of some claims, each once, in order."""
    return list(dict.fromkeys(entry.claim.topic for entry in entries.values()))


def _place(entry: Entry) -> tuple[int, int]:
    name = entry.claim.id
    return _ORDER.index(name[0]), int(name[1:])
