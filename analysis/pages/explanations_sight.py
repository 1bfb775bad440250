"""Known explanations of a failure in what is seen: source, distance, gradient, own prefixes."""

from typing import Any

import numpy as np

from analysis.pages.case import GAP, Case, Explanation, sentence
from analysis.pages.failing import fallen
from analysis.pages.gradients import gradient
from analysis.pages.pairs import EXACT, Pair, Run
from analysis.spans import SOLVED
from analysis.wording import fixed, listed, number, percent
from experiments.record import Record

OVERFIT = 2.0
"""Test loss over the last training loss from which the two are told apart ..."""

OVERFIT_NATS = 0.1
"""... if they also differ by so much."""


def reads_nothing(case: Case) -> Explanation:
    """A score not told apart from one that needs no source."""
    name = "a score that needs no source"
    if case.pair.baseline is None or not case.pair.runs:
        return Explanation(name, "not measured", "No baseline is recorded.")
    words, value = case.pair.baseline
    text = f"{sentence(words)}: {case.pair.kind.shown(value)}"
    if case.failure.guessing:
        return Explanation(name, "seen", f"{text}; the score is not told apart from it.")
    return Explanation(name, "not seen", f"{text}; the score lies beyond it.")


def test_gap(case: Case) -> Explanation:
    """Validation, or the training loss, far better than the test."""
    name, pair = "a gap between what was trained and what is tested", case.pair
    texts, gaps = [], []
    kept, tested = pair.mean_of("validation"), pair.mean
    if pair.kind is EXACT:  # validation has no exact match: compare BLEU with BLEU, both greedy
        kept, tested = pair.mean_of("validation_bleu"), pair.mean_of("bleu_greedy")
        if kept is not None and tested is not None:
            texts.append(f"BLEU is {fixed(kept, 1)} on validation and {fixed(tested, 1)} on the test.")
            gaps.append(kept - tested >= 100 * GAP)
    elif pair.kind.solvable and kept is not None and tested is not None:
        forced = pair.mean_of("test_teacher_forced")  # as validation is
        given = "" if forced is None else ", given the true prefix"
        tested = tested if forced is None else forced
        told = f"{percent(kept)} on validation and {percent(tested)} on the test"
        texts.append(f"Accuracy is {told}{given}.")
        gaps.append(kept - tested >= GAP)
    losses = [found for run in pair.runs if (found := _losses(run)) is not None]
    if losses:
        trained, held_out = (float(np.mean(values)) for values in zip(*losses, strict=True))
        texts.append(
            f"The loss is {fixed(trained, 3)} on the last training batches and {fixed(held_out, 3)} on "
            "the test."
        )
        gaps.append(held_out > OVERFIT * trained and held_out - trained > OVERFIT_NATS)
    if not gaps:
        return Explanation(name, "not measured", "No score or loss of both splits is recorded.")
    return Explanation(name, "seen" if any(gaps) else "not seen", " ".join(texts))


def with_size(case: Case) -> Explanation:
    """Accuracy that falls with distance, length or load."""
    slices = case.pair.slices
    if not slices:
        name = "the size of the example"
        return Explanation(
            name, "not measured", "Accuracy by distance, length or load is not recorded."
        )
    name = listed((f"a larger {one.replace('_', ' ')}" for one in slices), "or")
    texts = []
    for one, shares in slices.items():
        near, far = min(shares), max(shares)
        texts.append(
            f"By {one.replace('_', ' ')}: {percent(shares[near])} at {number(near)}, "
            f"{percent(shares[far])} at {number(far)}."
        )
    falls = any(shares[min(shares)] - shares[max(shares)] >= GAP for shares in slices.values())
    if not falls:
        texts.append("It does not fail more on the larger ones.")
    elif not fallen(case.pair):
        texts.append(f"It does not reach {percent(SOLVED, 0)} on the smallest either.")
    return Explanation(name, "seen" if falls else "not seen", " ".join(texts))


def vanishing(case: Case) -> Explanation:
    """A gradient that vanishes, or explodes, on the way back to where it fails."""
    found = gradient(case.profiles, case.pair, case.others, case.looks)
    return Explanation(found.name, found.state, found.text)


def reach(case: Case) -> Explanation:
    """An encoder that cannot see as far as the task asks."""
    name = "a receptive field that ends before the distance"
    far = max(case.pair.slices.get("distance", {}), default=None)
    alike = [_window(run.record) for run in case.pair.runs]
    reaches = [
        (float(record.metrics["reach"]), float(record.cell.options["n"]))
        for record in case.results.records.values()
        if record.cell.measure == "receptive_field"
        and record.cell.architecture == case.pair.architecture
        and record.metrics.get("reach") is not None
        and _window(record) in alike
    ]
    if not reaches or far is None:
        return Explanation(name, "not measured", "No receptive field is recorded beside a distance.")
    reach, n = max(reaches)
    text = f"The encoder’s last state sees {number(reach)} positions back (of {number(n)} asked for)"
    if reach < far and reach < n - 1:
        return Explanation(name, "seen", f"{text}; distances reach {number(far)}.")
    return Explanation(name, "not seen", f"{text}.")


def exposure(case: Case) -> Explanation:
    """Tokens that are right given the true prefix, and wrong given its own."""
    name = "an exposure gap (errors on its own prefixes)"
    split = {name: _pooled(case.pair, name) for name in ("test", "test_teacher_forced")}
    free, forced = split["test"], split["test_teacher_forced"]
    if forced is None and case.pair.kind is not EXACT:
        forced, free = case.pair.mean_of("test_teacher_forced"), case.pair.mean_of("test")
    if free is None or forced is None:
        return Explanation(name, "not measured", "No accuracy with the true prefix is recorded.")
    text = (
        f"{percent(forced)} of the tokens are right given the true prefix, {percent(free)} given the "
        "model’s own."
    )
    return Explanation(name, "seen" if forced - free >= GAP else "not seen", text)


def _losses(run: Run) -> tuple[float, float] | None:
    """Return (mean of the last tenth of the training losses, test loss)."""
    curve = [y for _, y in run.record.curves.get("training_loss", []) if y is not None]
    tested = run.metric("test_loss")
    if not curve or tested is None:
        return None
    return float(np.mean(curve[-max(1, len(curve) // 10) :])), tested


def _window(record: Record) -> tuple[Any, ...]:
    """Return the options that a receptive field depends on."""
    return tuple(record.cell.model.get(name) for name in ("window", "kernel_size", "layers", "dilated"))


def _pooled(pair: Pair, split: str) -> float | None:
    """Return the share of right tokens of a split, over all seeds, from the counts of one slice."""
    right = count = 0.0
    for run in pair.runs:
        rows = [r for r in run.record.slices if r.get("split") == split and "correct" in r]
        for row in rows:
            if row.get("slice") == rows[0].get("slice"):
                right, count = right + row["correct"], count + row["count"]
    return right / count if count else None
