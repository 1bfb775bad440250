"""Claim L6: a fixed context vector loses quality as sentences grow; attention does not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.translation import (
    TOO_SMALL,
    mean,
    over_sentences,
    settings,
    unconverged,
    unfinished,
    weighted_slope,
)
from analysis.corpus_scores import BLEU, Floats
from analysis.load import Results
from analysis.significance import resampled_differences
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name
from analysis.translation import (
    BUCKETS,
    FEW,
    Outputs,
    System,
    Translations,
    bucket_label,
    bucket_rows,
    stacked,
)

FIGURE = "bleu_by_length"
ATTENTION, WITHOUT = "attentional_lstm", "lstm"
FLAT = 0.005
"""Accuracy a doubling of the length: a slope below this does not matter."""

L6 = Claim(
    id="L6",
    statement="The fixed-size context vector is a bottleneck: the longer the sentence, the more "
    "attention adds.",
    topic="Long-range",
    kind="measured",
    how="BLEU of the attentional LSTM minus BLEU of the LSTM in fixed buckets of source words, joined "
    f"sentences included, buckets of at least {FEW} sentences; its slope in length (least squares, "
    "weighted by sentences), paired by seed. On text of one bucket, and on copying and reversal: the "
    "slope of the difference in exact match or accuracy. Supported when the interval of the slope lies "
    f"above 0; refuted when it lies below {TOO_SMALL} BLEU for 10 words.",
    source="Cho et al. 2014; Bahdanau, Cho and Bengio 2015, section 5.2.2",
)


@dataclass(frozen=True)
class Groups:
    """Sentences of like length: their mean length in words, how many, and which."""

    labels: list[str]
    words: Floats
    counts: Floats
    rows: list[NDArray[np.intp]]


def verdict(results: Results) -> Verdict:
    """Return the verdict on L6."""
    translations = Translations(results)
    parts: list[Verdict] = []
    for setting, (attention, without) in settings(translations, ATTENTION, WITHOUT):
        label = translations.settings[setting]
        pairs = translations.together([attention, without], sets=None)
        if not pairs[0]:
            blank = L6.part(f".{len(parts) + 1}", f"On {label}.")
            parts.append(_by_seed(blank, [], [attention, without], ""))
            continue
        groups = bucketed(pairs[0][0].words)
        if len(groups.words) >= 2:
            parts += _bleu(f".{len(parts) + 1}", label, attention, without, pairs, groups)
        else:
            parts += _exact(f".{len(parts) + 1}", label, attention, without, pairs)
    parts += _generated(results, len(parts))
    if not parts:
        return not_measured(L6, f"{short_name(ATTENTION)} and {short_name(WITHOUT)} by length")
    return every(L6, parts, figure=FIGURE)


def bucketed(words: NDArray[np.int64]) -> Groups:
    """Return the buckets that hold enough sentences."""
    kept = [
        (bucket, rows)
        for bucket, rows in zip(BUCKETS, bucket_rows(words), strict=True)
        if len(rows) >= FEW
    ]
    return Groups(
        labels=[bucket_label(bucket) for bucket, _ in kept],
        words=np.array([words[rows].mean() for _, rows in kept]),
        counts=np.array([float(len(rows)) for _, rows in kept]),
        rows=[rows for _, rows in kept],
    )


def _bleu(
    suffix: str,
    label: str,
    attention: System,
    without: System,
    pairs: Sequence[Sequence[Outputs]],
    groups: Groups,
) -> list[Verdict]:
    gains = np.array(
        [
            [
                BLEU.one(one.bleu[rows].sum(axis=0)) - BLEU.one(other.bleu[rows].sum(axis=0))
                for rows in groups.rows
            ]
            for one, other in zip(*pairs, strict=True)
        ]
    )
    tens = groups.words / 10
    slopes = weighted_slope(tens, gains, groups.counts)
    average = gains.mean(axis=0)
    effect = (
        f"On {label}, attention adds {average[0]:+.1f} BLEU at {groups.labels[0]} source words and "
        f"{average[-1]:+.1f} at {groups.labels[-1]}: {mean(slopes):+.2f} BLEU for 10 words more."
        f"{unconverged([attention, without])}"
    )
    claim = L6.part(suffix, f"On {label}, what attention adds to BLEU grows with the source.")
    keys = tuple(run.key for runs in pairs for run in runs)
    drawn = np.stack(
        [
            resampled_differences(
                stacked(pairs[0], BLEU)[:, rows], stacked(pairs[1], BLEU)[:, rows], BLEU, seed=place
            )
            for place, rows in enumerate(groups.rows)
        ],
        axis=1,
    )
    beside = over_sentences(
        L6.part(f"{suffix}.sentences", f"The same over the sentences of {label}, for these models."),
        mean(slopes),
        weighted_slope(tens, drawn, groups.counts),
        int(groups.counts.sum()),
        "BLEU for 10 words more.",
    )
    return [_by_seed(claim, list(slopes), [attention, without], effect, keys), beside]


def _exact(
    suffix: str,
    label: str,
    attention: System,
    without: System,
    pairs: Sequence[Sequence[Outputs]],
) -> list[Verdict]:
    """Judge text whose sentences are all short, by exact match at each number of words."""
    words = pairs[0][0].words
    lengths = [n for n in np.unique(words) if n > 0 and (words == n).sum() >= FEW]
    if len(lengths) < 2:
        return []
    gains = np.array(
        [
            [float((one.exact - other.exact)[words == n].mean()) for n in lengths]
            for one, other in zip(*pairs, strict=True)
        ]
    )
    weights = np.array([float((words == n).sum()) for n in lengths])
    slopes = weighted_slope(np.log2(lengths), gains, weights)
    average = gains.mean(axis=0)
    effect = (
        f"On {label}, attention changes exact match by {average[0]:+.2f} at {lengths[0]} source words "
        f"and by {average[-1]:+.2f} at {lengths[-1]}: {mean(slopes):+.3f} a doubling."
        f"{unconverged([attention, without])}"
    )
    claim = L6.part(suffix, f"On {label}, what attention adds to exact match grows with the source.")
    keys = tuple(run.key for runs in pairs for run in runs)
    return [_by_seed(claim, list(slopes), [attention, without], effect, keys, flat=FLAT)]


def _by_seed(
    claim: Claim,
    slopes: Sequence[float],
    systems: Sequence[System],
    effect: str,
    keys: tuple[str, ...] = (),
    flat: float = TOO_SMALL,
) -> Verdict:
    return mean_beyond(
        claim,
        slopes,
        bound=0.0,
        refuted_at=flat,
        minimum=MIN_PAIRED_SEEDS,
        blockers=unfinished(systems),
        effect=effect,
        evidence=keys,
        figure=FIGURE,
    )


def _generated(results: Results, parts: int) -> list[Verdict]:
    """Return a verdict for each generated task with accuracy by length (copying, reversal)."""
    found: list[Verdict] = []
    for task in results.tasks_with("length"):
        rows = results.slices(task, "length")
        rows = rows[rows.architecture.isin((ATTENTION, WITHOUT)) & (rows.value > 0)]
        planned = results.training(task)
        planned = planned[planned.architecture.isin((ATTENTION, WITHOUT))]
        if planned.architecture.nunique() < 2 or rows.architecture.nunique() < 2:
            continue
        table = rows.pivot_table(index=["seed", "value"], columns="architecture", values="accuracy")
        gains = (table[ATTENTION] - table[WITHOUT]).dropna().unstack().dropna()
        if gains.shape[1] < 2:
            continue
        lengths = gains.columns.to_numpy(dtype=float)
        slopes = weighted_slope(np.log2(lengths), gains.to_numpy(), np.ones(len(lengths)))
        average = gains.mean(axis=0).to_numpy()
        open_runs = planned[planned.status != "ok"]
        found.append(
            mean_beyond(
                L6.part(f".{parts + len(found) + 1}", f"On {task}, what attention adds grows."),
                list(slopes),
                bound=0.0,
                refuted_at=FLAT,
                minimum=MIN_PAIRED_SEEDS,
                blockers=[
                    f"{short_name(str(row.architecture))} {str(row.status).replace('_', ' ')} "
                    f"(seed {row.seed})"
                    for row in open_runs.itertuples()
                ],
                effect=f"On {task}, attention changes accuracy by {average[0]:+.2f} at length "
                f"{lengths[0]:g} and by {average[-1]:+.2f} at {lengths[-1]:g}: "
                f"{mean(slopes):+.3f} a doubling.",
                evidence=tuple(rows[rows.seed.isin(gains.index)].key.unique()),
                figure="accuracy_by_distance",
            )
        )
    return found
