"""The claims of a report as a table of its own, for other programs and for papers."""

from collections.abc import Sequence

import pandas as pd

from analysis.claims_view import ClaimView
from analysis.tables.base import Column, Entry, Kind, Table, keys_of

_KINDS: dict[str, Kind] = {"supported": "good", "refuted": "bad", "inconclusive": "open"}


def claims_table(claims: Sequence[ClaimView]) -> Table | None:
    """Return a row a claim, with its verdict, effect and what is missing; None without claims."""
    if not claims:
        return None
    labels = ("Claim", "Topic", "Kind", "Sentence", "Verdict", "Effect", "Seeds", "Missing")
    texts = [
        (c.id, c.topic, c.kind, c.statement, c.verdict, c.effect, c.seeds, c.missing) for c in claims
    ]
    rows = tuple(
        tuple(
            Entry(text or "–", kind=_KINDS[text] if label == "Verdict" else "")
            for label, text in zip(labels, row, strict=True)
        )
        for row in texts
    )
    return Table(
        name="claims",
        title="The textbook’s claims, and their verdicts",
        columns=tuple(Column(label) for label in labels),
        rows=rows,
        data=pd.DataFrame(texts, columns=[label.lower() for label in labels]),
        keys=keys_of(*(claim.keys for claim in claims)),
    )
