"""Claim T7: a decoder without its causal mask."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.paired import Run, Setting
from analysis.claims.variations import against, configurations, most_seeds
from analysis.load import Results
from analysis.statistics import MIN_SEEDS
from experiments.record import Record

TASK = "reversal"

VANISHED = 0.05
"""Training loss, nats a token, from which nothing is left to learn; guessing of 8 symbols costs 1.8."""

AT_CHANCE = 0.05
"""How far above chance free-running accuracy may lie and still be called guessing."""

SOLVED = 0.9
"""Free-running accuracy with the mask from which the task is known to be within reach."""

CLAIM = Claim(
    id="T7",
    statement="Without the causal mask the decoder copies the answer in training, and fails in "
    "generation.",
    topic="Inside the Transformer",
    kind="measured",
    how=f"A Transformer on {TASK} with the mask off: training loss at the end of the selected run, and "
    "accuracy on the test set when it runs freely. Supported when the interval of the loss lies below "
    f"{VANISHED} nats and that of the accuracy below chance + {AT_CHANCE}, where the same model with "
    f"the mask answers {SOLVED:.0%} or more; refuted when either lies above. Accuracy given the true "
    "prefix is shown beside.",
    source="Vaswani et al. 2017, section 3.2.3",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T7."""
    pair = most_seeds(against(configurations(results, TASK), "model", "causal", False, default=True))
    if pair is None:
        return not_measured(CLAIM, f"a decoder with and without its causal mask on {TASK}")
    without, given = pair
    free = without.setting(results, "without the mask")
    masked = given.setting(results, "with the mask")
    runs = without.records(results)
    settled = {seed: runs[seed] for seed, run in free.runs.items() if run.converged}
    shown = settled or runs
    caveat = "" if settled or not runs else "Over seeds that had not all converged: "
    copies = mean_beyond(
        CLAIM.part(".training", "Without the mask the training loss goes to 0."),
        [last_loss(record) for record in settled.values()],
        bound=VANISHED,
        below=True,
        minimum=MIN_SEEDS,
        blockers=free.unfinished,
        effect=_told(caveat, shown, given.records(results)),
        evidence=tuple(record.key for record in shown.values()),
        figure="training_curves",
    )
    return every(CLAIM, (copies, _generation(results, free, masked, settled, shown, caveat)))


def last_loss(record: Record) -> float:
    """Return the mean training loss of the last stretch of the selected run, nats a token."""
    return float(record.curves["training_loss"][-1][1])


def _generation(
    results: Results,
    free: Setting,
    masked: Setting,
    settled: dict[int, Record],
    shown: dict[int, Record],
    caveat: str,
) -> Verdict:
    chance = next((float(r.metrics["chance"]) for r in shown.values()), 0.0)
    runs = _of(free, shown)
    effect = ""
    if runs:
        forced = [r.metrics.get("test_teacher_forced") or 0.0 for r in shown.values()]
        effect = (
            f"{caveat}On {TASK} it gives {np.mean(forced):.0%} of the symbols where it is shown them, "
            f"and {_mean(runs):.0%} in generation (chance {chance:.1%})"
            + (f"; with the mask {_mean(list(masked.runs.values())):.0%}." if masked.runs else ".")
        )
    found = mean_beyond(
        CLAIM.part(".generation", "Without the mask, generation is at chance."),
        [run.score for run in _of(free, settled)],
        bound=chance + AT_CHANCE,
        below=True,
        minimum=MIN_SEEDS,
        blockers=(*free.unfinished, *masked.unfinished),
        effect=effect,
        evidence=(*(r.key for r in shown.values()), *(run.key for run in masked.runs.values())),
    )
    if found.verdict == "supported" and _mean(list(masked.runs.values())) < SOLVED:
        missing = "the task was not learned with the mask either at this budget"
        return replace(found, verdict="inconclusive", missing=missing)
    return found


def _told(caveat: str, without: dict[int, Record], given: dict[int, Record]) -> str:
    if not without:
        return ""
    losses = [float(np.mean([last_loss(r) for r in of.values()])) for of in (without, given) if of]
    beside = f", with it {losses[1]:.2g}" if len(losses) > 1 else ""
    return f"{caveat}At the end the training loss is {losses[0]:.2g} nats a token{beside}."


def _of(setting: Setting, records: dict[int, Record]) -> list[Run]:
    return [setting.runs[seed] for seed in records]


def _mean(runs: Sequence[Run]) -> float:
    return float(np.mean([run.score for run in runs])) if runs else 0.0
