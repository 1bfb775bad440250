"""Sentences of the textbooks that no code here tests yet: listed, so that what is missing is seen.

A row leaves this table when its test enters ``analysis.claims.CLAIMS``.
"""

from typing import Literal

from analysis.claims.base import Claim, Topic

NO_TEST = "no test for this claim yet"


def _row(
    topic: Topic,
    id: str,
    statement: str,
    how: str,
    source: str,
    kind: Literal["exact", "measured"] = "measured",
) -> Claim:
    return Claim(id=id, statement=statement, topic=topic, kind=kind, how=how, source=source)


_INSIDE: Topic = "Inside the Transformer"

UNTESTED: tuple[Claim, ...] = (
    _row(
        _INSIDE,
        "T4",
        "Sinusoidal and learned positions work equally well.",
        "Quality difference inside the trained lengths, and beyond them apart. Supported when the two "
        "are equivalent inside (two one-sided tests, margin 1 BLEU or 2 points); beyond: reported.",
        "Vaswani et al. 2017, section 3.5 and table 3 (E)",
    ),
    _row(
        _INSIDE,
        "T5",
        "Several heads see different things, and together beat one head.",
        "1, 2, 4 and 8 heads at a fixed width, and the mean pairwise distance of their attention maps. "
        "Supported when the interval of the difference lies above 0.",
        "Vaswani et al. 2017, section 3.2.2 and table 3 (A)",
    ),
    _row(
        _INSIDE,
        "T12",
        "Bigger models are better, all the way.",
        "Quality against parameters at equal epochs. Supported when no neighbouring size drops "
        "significantly and the largest lies above the smallest.",
        "Vaswani et al. 2017, table 3 (C)",
    ),
)
