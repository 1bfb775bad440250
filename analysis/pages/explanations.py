"""What is known to go together with a failure, each held against the records of one pair.

An explanation is seen, measured but not seen, or not measured. Seen means that it stands beside the
failure in the same records: nothing here shows that it is the cause.
"""

from collections.abc import Callable, Sequence

from analysis.pages import explanations_sight as sight
from analysis.pages import explanations_training as training
from analysis.pages.case import Case, Explanation
from analysis.wording import listed

KNOWN: tuple[Callable[[Case], Explanation], ...] = (
    training.broke_down,
    training.unconverged,
    training.edge,
    training.some_seeds,
    training.hard_for_all,
    sight.reads_nothing,
    sight.test_gap,
    sight.with_size,
    sight.vanishing,
    sight.reach,
    sight.exposure,
)


def explanations(case: Case) -> list[Explanation]:
    """Return every known explanation in the order of the page: training first, then what it sees."""
    return [explain(case) for explain in KNOWN]


def summed_up(found: Sequence[Explanation]) -> str:
    """Return the sentence that names which explanations the records support."""
    seen = [one.name for one in found if one.state == "seen"]
    if not seen:
        return "Nothing measured here explains the failure."
    return f"The failure goes together with {listed(seen)}."


def others_told(found: Sequence[Explanation]) -> list[str]:
    """Return the sentences on explanations that were measured and not seen, and those not measured."""
    told = []
    for state, words in (("not seen", "Measured and not seen"), ("not measured", "Not measured")):
        if names := [one.name for one in found if one.state == state]:
            told.append(f"{words}: {listed(names)}.")
    return told
