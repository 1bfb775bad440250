"""Table ``significance``: differences between systems, over sentences and, apart, over seeds."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus_scores import BLEU, CHRF
from analysis.significance import RESAMPLES, TRIALS, Paired, compare, score_of
from analysis.statistics import ALPHA, holm, mean_interval
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.translation import BEAM, GREEDY, Outputs, System, stacked
from analysis.view import View
from analysis.wording import fixed, interval, plural

_COLUMNS = (
    Column("Difference"),
    Column("BLEU", "num", "95 % over sentences"),
    Column("Bootstrap", "num", "p over sentences"),
    Column("Randomisation", "num", "p over sentences; Holm"),
    Column("chrF", "num", "95 % over sentences"),
    Column("Over seeds", "num", "BLEU, 95 %"),
)


def pairs(view: View) -> Table | None:
    """Return one row for each two systems of a setting, and for beam search against greedy decoding."""
    rows: list[tuple[Entry, ...]] = []
    data: list[dict[str, Any]] = []
    keys: list[str] = []
    for setting, label in view.translations.settings.items():
        found = []
        systems = view.translations.of(setting)
        for one, other in combinations(systems[::-1], 2):
            both = view.translations.together([one, other])
            if both[0]:
                found.append((f"{one.label} − {other.label}", both))
        found += [
            (f"{system.label}: beam − greedy", both) for system, both in _decodings(view, systems)
        ]
        tests = {name: compare(stacked(a, BLEU), stacked(b, BLEU), BLEU) for name, (a, b) in found}
        adjusted = holm({name: test.p_randomisation for name, test in tests.items()})
        several = len(view.translations.settings) > 1
        for name, (a, b) in found:
            entries, numbers = _row(name, tests[name], adjusted[name], a, b, label if several else "")
            rows.append(entries)
            data.append({"setting": label, **numbers})
            keys += [run.key for run in (*a, *b)]
    if not rows:
        return None
    return Table(
        name="significance",
        title="Which differences could be chance?",
        caption="Over sentences: would other test sentences tell these trained models apart? Over "
        "seeds: would other trainings? The one says nothing about the other.",
        columns=_COLUMNS,
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(keys),
        notes=(
            f"Bootstrap: paired, {RESAMPLES:,} resamples (Koehn 2004). Randomisation: paired "
            f"approximate, {TRIALS:,} trials (Riezler and Maxwell 2005), and after Holm’s correction "
            "within the setting. Both re-add sacreBLEU’s statistics of each sentence, drawn as "
            "sacreBLEU draws them (seed 12345). With several seeds their mean is tested.",
            "Over seeds: Student’s t interval of the difference paired by seed; from two seeds on, and "
            "wide with few.",
        ),
    )


def _decodings(view: View, systems: list[System]) -> list[tuple[System, list[list[Outputs]]]]:
    found = []
    for system in systems:
        beam, greedy = view.translations.together([system, system], [BEAM, GREEDY])
        if beam:
            found.append((system, [beam, greedy]))
    return found


def _row(
    name: str, test: Paired, adjusted: float, a: list[Outputs], b: list[Outputs], setting: str
) -> tuple[tuple[Entry, ...], dict[str, Any]]:
    chrf = compare(stacked(a, CHRF), stacked(b, CHRF), CHRF)
    each = [score_of(x.bleu, BLEU) - score_of(y.bleu, BLEU) for x, y in zip(a, b, strict=True)]
    seeds = mean_interval(each, "seeds")
    apart = Entry("1 seed", "no spread", kind="muted")
    if seeds is not None:
        apart = Entry(
            fixed(float(np.mean(each)), 1, signed=True),
            f"{interval(seeds.low, seeds.high, 1)}\n{plural(len(each), 'seed')}",
        )
    clear = adjusted <= ALPHA
    entries = (
        Entry(name, setting),
        _difference(test, "good" if clear else ""),
        Entry(_p(test.p_bootstrap)),
        Entry(_p(test.p_randomisation), _p(adjusted), kind="" if clear else "open"),
        _difference(chrf, ""),
        apart,
    )
    numbers = {
        "difference": name,
        "bleu": test.difference,
        "bleu_low": test.interval.low if test.interval else None,
        "bleu_high": test.interval.high if test.interval else None,
        "p_bootstrap": test.p_bootstrap,
        "p_randomisation": test.p_randomisation,
        "p_holm": adjusted,
        "chrf": chrf.difference,
        "chrf_p_randomisation": chrf.p_randomisation,
        "seeds": len(each),
        "seeds_low": seeds.low if seeds else None,
        "seeds_high": seeds.high if seeds else None,
        "sentences": a[0].words.size,
    }
    return entries, numbers


def _difference(test: Paired, kind: Any) -> Entry:
    shown = interval(test.interval.low, test.interval.high, 1) if test.interval else ""
    return Entry(fixed(test.difference, 1, signed=True), shown, kind=kind)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else fixed(value, 3)
