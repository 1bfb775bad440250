"""Figure ``bleu_by_length``: BLEU by source length, and what attention adds to it."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.claims.translation_length import ATTENTION, WITHOUT
from analysis.corpus_scores import BLEU
from analysis.figures.base import Figure, Panel, level, panel
from analysis.significance import difference_interval, score_interval, score_of
from analysis.style import Style, styles
from analysis.translation import BUCKETS, FEW, System, bucket_label, bucket_rows, stacked
from analysis.view import View
from analysis.wording import plural

HOLLOW = ("rnn", "lstm", "gru")
"""Architectures whose decoder sees the source through one vector alone."""


def draw(results: View) -> Figure | None:
    """Draw two panels for each setting whose sentences fall into at least two buckets."""
    looks = styles(results.architectures)
    panels: list[Panel] = []
    kept: list[pd.DataFrame] = []
    for place, (setting, label) in enumerate(results.translations.settings.items()):
        systems = results.translations.of(setting)
        rows = pd.DataFrame([row for system in systems for row in _scores(results, system)])
        if rows.empty or rows.bucket.nunique() < 2:
            continue
        panels.append(_panel(f"bleu_by_length_{place}", f"{label}: BLEU by source length", rows, looks))
        kept.append(rows.assign(setting=label, what="BLEU"))
        gains = pd.DataFrame(_gains(results, setting))
        if not gains.empty:
            title = f"{label}: what attention adds"
            panels.append(_panel(f"attention_gain_{place}", title, gains, looks, gain=True))
            kept.append(gains.assign(setting=label, what="difference"))
    if not panels:
        return None
    data = pd.concat(kept, ignore_index=True)
    most = int(data.seeds.max())
    return Figure(
        name="bleu_by_length",
        title="BLEU by source length, in fixed buckets",
        caption="Hollow markers: the decoder sees the source through one fixed vector; filled: through "
        "attention. Below each bucket of source words stands its number of sentences, those joined "
        "from neighbours included (they hold sentences that also stand alone). Bars are 95 % bootstrap "
        f"intervals over sentences, of the mean over seeds (at most {plural(most, 'seed')}): they say "
        f"nothing of other seeds. Buckets below {FEW} sentences have no bar.",
        panels=tuple(panels),
        data=data.drop(columns="look", errors="ignore"),
        keys=tuple(sorted({key for keys in data["keys"] for key in keys.split()})),
    )


def _scores(results: View, system: System) -> list[dict[str, Any]]:
    (runs,) = results.translations.together([system], sets=None)
    if not runs:
        return []
    statistics = stacked(runs, BLEU)
    keys = " ".join(run.key for run in runs)
    found = []
    for place, rows in enumerate(bucket_rows(runs[0].words)):
        if len(rows):
            chosen = statistics[:, rows]
            interval = score_interval(chosen, BLEU) if len(rows) >= FEW else None
            found.append(
                {
                    **_place(place, runs[0].words[rows]),
                    "architecture": system.architecture,
                    "system": system.label,
                    "seeds": len(runs),
                    "value": score_of(chosen, BLEU),
                    "low": interval.low if interval else np.nan,
                    "high": interval.high if interval else np.nan,
                    "keys": keys,
                }
            )
    return found


def _gains(results: View, setting: str) -> list[dict[str, Any]]:
    translations = results.translations
    pair = [translations.system(setting, name) for name in (ATTENTION, WITHOUT)]
    systems = [system for system in pair if system is not None]
    if len(systems) < 2:
        return []
    one, other = translations.together(systems, sets=None)
    if not one:
        return []
    a, b = stacked(one, BLEU), stacked(other, BLEU)
    found = []
    for place, rows in enumerate(bucket_rows(one[0].words)):
        if len(rows) >= FEW:
            interval = difference_interval(a[:, rows], b[:, rows], BLEU)
            gain = score_of(a[:, rows], BLEU) - score_of(b[:, rows], BLEU)
            found.append(
                {
                    **_place(place, one[0].words[rows]),
                    "architecture": ATTENTION,
                    "system": f"{systems[0].label} − {systems[1].label}",
                    "seeds": len(one),
                    "value": gain,
                    "low": interval.low if interval else np.nan,
                    "high": interval.high if interval else np.nan,
                    "keys": " ".join(run.key for run in [*one, *other]),
                }
            )
    return found if len(found) > 1 else []


def _place(place: int, words: Any) -> dict[str, Any]:
    return {
        "bucket": bucket_label(BUCKETS[place]),
        "place": place,
        "sentences": len(words),
        "mean_words": float(np.mean(words)),
    }


def _panel(
    name: str, title: str, rows: pd.DataFrame, looks: dict[str, Style], *, gain: bool = False
) -> Panel:
    systems = list(dict.fromkeys(rows.system))

    def points(axes: Axes) -> None:
        for place, system in enumerate(systems):
            mine = rows[rows.system == system].sort_values("place")
            look = looks[mine.architecture.iloc[0]]
            x = mine.place + 0.09 * (place - (len(systems) - 1) / 2)
            hollow = mine.architecture.iloc[0] in HOLLOW
            axes.errorbar(
                x,
                mine.value,
                yerr=[(mine.value - mine.low).clip(lower=0), (mine.high - mine.value).clip(lower=0)],
                color=look.colour,
                marker=look.marker,
                markerfacecolor="white" if hollow else look.colour,
                markersize=5.5,
                linestyle=look.line,
                elinewidth=1,
                capsize=2,
                label=system,
            )
        counts = rows.drop_duplicates("place").sort_values("place")
        axes.set_xticks(
            list(counts.place),
            [f"{row.bucket}\n{row.sentences:,}" for row in counts.itertuples()],
        )
        axes.set_xlabel("source words; below: number of sentences")
        axes.grid(axis="x", visible=False)
        if gain:
            axes.set_ylabel("difference in BLEU")
            level(axes, 0, "")
        else:
            axes.set_ylabel("BLEU")
            axes.set_ylim(bottom=0)

    return panel(name, title, partial(points), height=3.4)
