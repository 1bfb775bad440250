"""Table ``samples``: outputs side by side, of the sentences on which systems differ most."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.corpus_scores import sentence_chrf
from analysis.style import clip, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.translation import System
from analysis.view import View
from analysis.wording import fixed

SENTENCES = 6
"""At most so many sentences in the table, shared by its settings."""
LONGEST = 300


@dataclass(frozen=True)
class Sentence:
    """A source with its reference and each system's output."""

    setting: str
    source: str
    reference: str
    outputs: tuple[tuple[System, int, str, float], ...]  # system, seed, output, chrF
    keys: tuple[str, ...]

    @property
    def spread(self) -> float:
        """Return how far apart the systems are; of one system, how far from right."""
        scores = [score for *_, score in self.outputs]
        return max(scores) - min(scores) if len(scores) > 1 else 100 - scores[0]


def outputs(view: View) -> Table | None:
    """Return the source, the reference and each system's output of a few sentences."""
    by_setting = {setting: _sentences(view, setting) for setting in view.translations.settings}
    by_setting = {setting: found for setting, found in by_setting.items() if found}
    if not by_setting:
        return None
    each = max(1, SENTENCES // len(by_setting))
    chosen = [sentence for found in by_setting.values() for sentence in found[:each]]
    first = min(seed for sentence in chosen for _, seed, *_ in sentence.outputs)
    rows, data = [], []
    looks = styles(view.architectures)
    for place, sentence in enumerate(chosen, start=1):
        label = view.translations.settings[sentence.setting]
        rows.append((Entry(f"{place}. Source", label), _text(sentence.source, muted=True), Entry("")))
        rows.append((Entry("Reference"), _text(sentence.reference, muted=True), Entry("")))
        for system, seed, output, score in sentence.outputs:
            colour = looks[system.architecture].colour
            name = Entry(system.label, "" if seed == first else f"seed {seed}", colour=colour)
            rows.append((name, _text(output), Entry(fixed(score, 0))))
            data.append(
                {
                    "setting": label,
                    "source": sentence.source,
                    "reference": sentence.reference,
                    "system": system.label,
                    "seed": seed,
                    "output": output,
                    "chrf": score,
                }
            )
    return Table(
        name="samples",
        title="Side by side: where systems differ most",
        caption="Chosen by the gap between the best and the worst chrF of a sentence, among the "
        f"samples that records keep (seed {first}): the extremes, not typical sentences.",
        columns=(Column("System"), Column("Text"), Column("chrF", "num", "of the sentence")),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(sentence.keys for sentence in chosen)),
    )


def _sentences(view: View, setting: str) -> list[Sentence]:
    """Return the sentences that every system with samples has, those that differ most first."""
    found: dict[tuple[str, str], list[tuple[System, int, str, str]]] = {}
    systems = 0
    for system in view.translations.of(setting):
        row = next(
            (row for row in system.finished.itertuples() if view.results.samples(str(row.key))), None
        )
        if row is None:
            continue
        systems += 1
        for sample in view.results.samples(str(row.key)):
            source, reference = (str(sample.get(name, "")) for name in ("source", "reference"))
            mine = found.setdefault((source, reference), [])
            if all(other is not system for other, *_ in mine):
                mine.append((system, int(str(row.seed)), str(sample.get("output", "")), str(row.key)))
    sentences = [
        Sentence(
            setting,
            source,
            reference,
            tuple(
                (system, seed, output, sentence_chrf(output, reference))
                for system, seed, output, _ in mine
            ),
            tuple(key for *_, key in mine),
        )
        for (source, reference), mine in found.items()
        if len(mine) == systems
    ]
    return sorted(sentences, key=lambda sentence: (-round(sentence.spread, 6), sentence.source))


def _text(text: str, muted: bool = False) -> Entry:
    kind: Literal["", "muted"] = "muted" if muted or not text else ""
    return Entry(clip(text, LONGEST) or "(nothing)", kind=kind, verbatim=True)
