"""Claim T6: what attention cannot do without the feed-forward network."""

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.identities import equal_sides, identity_rows
from analysis.claims.quality import TOO_SMALL
from analysis.claims.variations import against, configurations, higher_if_learned, most_seeds
from analysis.load import Results

TASK = "listops"
"""Named before any run: minimum, maximum, median and sum modulo 10, none of them linear."""

CLAIM = Claim(
    id="T6",
    statement="Attention alone is a weighted mean, linear in the values: the feed-forward network adds "
    "the non-linearity.",
    topic="Inside the Transformer",
    kind="measured",
    how="With fixed weights, attention over a mean of values against the mean of attention, in "
    "float64, equal to rounding where a feed-forward network’s are not (exact); and accuracy on "
    f"operations of {TASK}, which are non-linear, with the network minus without it, at equal "
    "parameters, paired by seed. Supported when both hold: the interval lies above 0; refuted when it "
    f"lies below {TOO_SMALL}: attention’s own weights are not linear in the input, and may suffice.",
    source="Vaswani et al. 2017, section 3.3; Dong, Cordonnier and Loukas 2021",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T6."""
    rows = identity_rows(results, "linearity")
    found = configurations(results, TASK)
    pair = most_seeds(against(found, "model", "feedforward", 0, default=None))
    if rows.empty and pair is None:
        return not_measured(CLAIM, "a Transformer without feed-forward network")
    exact = CLAIM.part(".exact", "At fixed weights attention is linear in the values.", "exact")
    task = CLAIM.part(".task", f"With the network a Transformer learns {TASK} better.")
    if pair is None:
        missing = f"a Transformer with and without feed-forward network on {TASK}"
        return every(CLAIM, (equal_sides(exact, rows), not_measured(task, missing)))
    without, given = pair
    settings = (
        given.setting(results, "a Transformer with the feed-forward network"),
        without.setting(results, "a Transformer of attention alone"),
    )
    training = higher_if_learned(task, results, *settings, f"On {TASK}")
    return every(CLAIM, (equal_sides(exact, rows), training))
