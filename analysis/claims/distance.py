"""Claims L3, L4, L7 and L8: accuracy against distance."""

from dataclasses import replace

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.seeds import Seeds, distance_task, gather
from analysis.load import Results
from analysis.statistics import MIN_PAIRED_SEEDS, MIN_SEEDS
from analysis.style import short_name

FIGURE = "accuracy_by_distance"

NO_DROP = -0.05
"""Accuracy that may be lost over the range without calling it a drop."""

ACCURATE = 0.9
"""Mean accuracy over the distances from which a model has learned the task."""

GATED = ("lstm", "gru")

TOO_SMALL = 0.02
"""A gain in AUC below this does not matter: an interval wholly below it refutes a gain."""

NOT_LEARNED = "the task was not learned at this budget, which says nothing of distance"

L3 = Claim(
    id="L3",
    statement="The gates of an LSTM let it remember further than a vanilla RNN.",
    topic="Long-range",
    kind="measured",
    how="AUC(LSTM) - AUC(RNN) at equal parameters and equal tuning, paired by seed. Supported when its "
    f"interval lies above 0; refuted when it lies below {TOO_SMALL}.",
    source="Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000",
)
L4 = Claim(
    id="L4",
    statement="The gates only postpone the problem: the accuracy of an LSTM and of a GRU still falls "
    "with distance, a Transformer’s does not.",
    topic="Long-range",
    kind="measured",
    how="Accuracy at the farthest distance minus that at the nearest, at a fixed total length, on "
    f"converged seeds. A drop: the interval lies below {NO_DROP}; no drop: above it, at an accuracy "
    f"of at least {ACCURATE} near by. Supported when the LSTM, and the GRU where it is measured, drop "
    "with every forget bias measured and the Transformer does not.",
    source="Khandelwal et al. 2018; Tallec and Ollivier 2018 (chrono initialisation)",
)
L7 = Claim(
    id="L7",
    statement="Attention over the encoder’s states widens the bottleneck of the fixed vector, but the "
    "recurrence that remains still costs memory over distance.",
    topic="Long-range",
    kind="measured",
    how="AUC(attentional LSTM) - AUC(LSTM), and AUC(Transformer) - AUC(attentional LSTM), paired by "
    f"seed. Supported when both intervals lie above 0; refuted when one lies below {TOO_SMALL}.",
    source="Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015",
)
L8 = Claim(
    id="L8",
    statement="Self-attention joins any two positions in one step, so accuracy does not fall with the "
    "distance between them.",
    topic="Long-range",
    kind="measured",
    how="The Transformer’s accuracy at the farthest distance minus that at the nearest, at a fixed "
    f"total length, on converged seeds: the interval lies above {NO_DROP}, and that of the mean "
    f"accuracy at or above {ACCURATE}.",
    source="Vaswani et al. 2017, section 4",
)


def gates(results: Results) -> Verdict:
    """Return the verdict on L3."""
    seeds = gather(results, ("lstm", "rnn"))
    if isinstance(seeds, str):
        return not_measured(L3, seeds)
    return _gain(L3, seeds, "lstm", "rnn")


def attention(results: Results) -> Verdict:
    """Return the verdict on L7: two gains, either of which may be refuted alone."""
    seeds = gather(results, ("lstm", "attentional_lstm", "transformer"))
    if isinstance(seeds, str):
        return not_measured(L7, seeds)
    helps = L7.part(".attention", "Attention lets an LSTM remember further.")
    costs = L7.part(".recurrence", "Without recurrence, attention remembers further still.")
    parts = (
        _gain(helps, seeds, "attentional_lstm", "lstm"),
        _gain(costs, seeds, "transformer", "attentional_lstm"),
    )
    return every(L7, parts, figure=FIGURE)


def postponed(results: Results) -> Verdict:
    """Return the verdict on L4."""
    training = results.training(distance_task(results))
    gated = sorted(
        {
            (name, str(model.get("forget_bias", "one")))
            for name, model in zip(training.architecture, training.model, strict=True)
            if name in GATED
        },
        key=lambda one: (GATED.index(one[0]), one[1] != "one", one[1]),
    )
    parts = []
    for name, bias in gated:
        seeds = gather(results, (name,), {"forget_bias": bias})
        if isinstance(seeds, str):
            return not_measured(L4, seeds)
        words = f"The {short_name(name)} drops (forget bias {bias})."
        parts.append(_change(L4.part(f".{name}.{bias}", words), seeds, name, drops=True))
    seeds = gather(results, ("lstm", "transformer"))
    if isinstance(seeds, str):
        return not_measured(L4, seeds)
    part = L4.part(".transformer", "The Transformer does not drop.")
    parts.append(_change(part, seeds, "transformer", drops=False))
    return every(L4, parts, figure=FIGURE)


def constant_path(results: Results) -> Verdict:
    """Return the verdict on L8."""
    seeds = gather(results, ("transformer",))
    if isinstance(seeds, str):
        return not_measured(L8, seeds)
    change = _change(L8.part(".drop", "Accuracy does not drop."), seeds, "transformer", drops=False)
    runs = seeds.converged("transformer")
    learned = mean_beyond(
        L8.part(".accuracy", f"Mean accuracy over the distances is at least {ACCURATE}."),
        [run.accuracy for run in runs],
        bound=ACCURATE,
        minimum=MIN_SEEDS,
        blockers=seeds.unfinished,
        effect=f"Its mean accuracy is {_mean([run.accuracy for run in runs]):.2f}." if runs else "",
        evidence=tuple(run.key for run in runs),
        figure=FIGURE,
    )
    if learned.verdict == "refuted":
        learned = replace(learned, verdict="inconclusive", missing=NOT_LEARNED)
    return every(L8, (change, learned), figure=FIGURE)


def _gain(claim: Claim, seeds: Seeds, better: str, worse: str) -> Verdict:
    pairs = [
        (one, other)
        for one, other in seeds.pairs(better, worse)
        if one.auc is not None and other.auc is not None
    ]
    values = [(one.auc or 0.0, other.auc or 0.0) for one, other in pairs]
    effect = ""
    runs, caveat = seeds.to_show(better, worse)
    if runs and all(run.auc is not None for mine in runs for run in mine):
        high, low = (_mean([run.auc or 0.0 for run in mine]) for mine in runs)
        effect = (
            f"{caveat}AUC on {seeds.task} is {high:.2f} for the {short_name(better)} and {low:.2f} for "
            f"the {short_name(worse)}: a difference of {high - low:+.2f}."
        )
    return mean_beyond(
        claim,
        [high - low for high, low in values],
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_PAIRED_SEEDS,
        blockers=seeds.unfinished,
        effect=(effect + seeds.set_aside(better, worse)).strip(),
        evidence=tuple(run.key for pair in pairs for run in pair),
        figure=FIGURE,
    )


def _change(claim: Claim, seeds: Seeds, architecture: str, *, drops: bool) -> Verdict:
    runs = seeds.converged(architecture)
    changes = [run.change for run in runs]
    blockers = list(seeds.unfinished)
    if not seeds.one_length:
        blockers.append("sources of one total length: here the length varies with the distance")
    effect = ""
    shown, caveat = seeds.to_show(architecture)
    if shown:
        near, far = shown[0][0].distances[0], shown[0][0].distances[-1]
        effect = (
            f"{caveat}From distance {near:g} to {far:g} the accuracy of the {short_name(architecture)} "
            f"changes by {_mean([run.change for run in shown[0]]):+.2f}."
        )
    found = mean_beyond(
        claim,
        changes,
        bound=NO_DROP,
        below=drops,
        minimum=MIN_SEEDS,
        blockers=blockers,
        effect=(effect + seeds.set_aside(architecture)).strip(),
        evidence=tuple(run.key for run in runs),
        figure=FIGURE,
    )
    flat = found.verdict == ("refuted" if drops else "supported")
    if flat and _mean([run.accuracies[0] for run in runs]) < ACCURATE:
        # flat and low: neither for the claim nor against it
        return replace(found, verdict="inconclusive", missing=NOT_LEARNED)
    return found


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
