"""Translations as analysis reads them: systems, their outputs' statistics, and buckets of length.

A *setting* is a task with its data (a corpus and pair, a split of SCAN); a *system* an architecture
with its configuration and recipe in one setting, run with one seed or several. Systems of one setting
translate the same sentences, so they can be compared sentence by sentence.

N sentences of a test set.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.corpus_scores import BLEU_SUMS, CHRF_SUMS, Counts, Floats, Score
from analysis.load import Results
from analysis.style import clip, shown_names
from experiments.cell import digest

BUCKETS: tuple[tuple[int, int | None], ...] = (
    *((1, 10), (11, 20), (21, 30), (31, 40)),
    *((41, 60), (61, 80), (81, None)),
)
"""Source words from-to: the same for every system and corpus, whatever its lengths."""

FEW = 20
"""Sentences below which a bucket's score is too uncertain to be drawn with an interval or fitted."""

TEST, BEAM, GREEDY = "test", "beam", "greedy"

_TOLD_BY_NAME = ("corpus", "pair", "split")
_NOT_TOLD = ("content",)  # a hash tells a reader nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class Outputs:
    """The statistics of one run's outputs on one or several test sets, with one decoding."""

    key: str
    seed: int
    words: NDArray[np.int64]  # (N,) of the source
    bleu: Counts  # (N, 10)
    chrf: Counts  # (N, 18)
    exact: NDArray[np.int64]  # (N,) 0 or 1
    log_probability: Floats  # (N,)

    def statistics(self, score: Score) -> Counts:
        """Return the (N, K) sums of a score."""
        return self.bleu if score.name == "bleu" else self.chrf


@dataclass(frozen=True, eq=False, kw_only=True)
class System:
    """An architecture with its configuration in one setting; ``runs`` has one row a seed."""

    setting: str
    architecture: str
    label: str  # as shown: architecture, and what sets it apart from its other configurations
    variant: str
    runs: pd.DataFrame  # of Results.translations, every status, by seed

    @property
    def finished(self) -> pd.DataFrame:
        """Return the rows that have a result."""
        return self.runs[self.runs.status == "ok"]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the runs that have a result."""
        return tuple(self.finished.key)

    def mean(self, metric: str) -> float | None:
        """Return the mean over seeds, or None where no record has the metric."""
        values = self.finished[metric].dropna()
        return None if values.empty else float(values.mean())


class Translations:
    """All translation runs of a store, by setting and system."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self._read: dict[tuple[str, str, tuple[str, ...] | None], Outputs | None] = {}
        runs = results.translations()
        digests = [digest([task, data]) for task, data in zip(runs.task, runs.data, strict=True)]
        self._runs = runs.assign(
            setting=digests,
            system=[
                digest([m, r, o]) for m, r, o in zip(runs.model, runs.recipe, runs.options, strict=True)
            ],
        )
        self.settings: dict[str, str] = _labels(self._runs)
        self.systems: list[System] = [
            system for setting in self.settings for system in self._systems(setting)
        ]

    def of(self, setting: str, finished: bool = True) -> list[System]:
        """Return a setting's systems in legend order; ``finished``: those with a result alone."""
        found = [system for system in self.systems if system.setting == setting]
        return [system for system in found if system.keys] if finished else found

    def system(self, setting: str, architecture: str) -> System | None:
        """Return the architecture's system; of several the one with most finished seeds."""
        found = [s for s in self.of(setting, finished=False) if s.architecture == architecture]
        return max(found, key=lambda system: len(system.keys)) if found else None

    def outputs(
        self, system: System, decoding: str = BEAM, sets: Sequence[str] | None = (TEST,)
    ) -> list[Outputs]:
        """Return each finished seed's outputs, the test sets pooled; ``sets`` = None: all of them.

        A run without statistics of the decoding is left out.
        """
        keys = zip(system.finished.key, system.finished.seed, strict=True)
        wanted = None if sets is None else tuple(sets)
        found = [self._outputs(str(key), int(seed), decoding, wanted) for key, seed in keys]
        return [outputs for outputs in found if outputs is not None]

    def together(
        self,
        systems: Sequence[System],
        decodings: Sequence[str] | None = None,
        sets: Sequence[str] | None = (TEST,),
    ) -> list[list[Outputs]]:
        """Return outputs of the seeds that all ``systems`` have, on the same sentences.

        One list a system, in the same order of seeds; empty lists where they share no seed.
        """
        wanted = decodings or [BEAM] * len(systems)
        each = [
            {outputs.seed: outputs for outputs in self.outputs(system, decoding, sets)}
            for system, decoding in zip(systems, wanted, strict=True)
        ]
        if decodings is None:  # a beam of one is greedy, and recorded as that
            each = [
                found or {outputs.seed: outputs for outputs in self.outputs(system, GREEDY, sets)}
                for system, found in zip(systems, each, strict=True)
            ]
        shared = sorted(set.intersection(*(set(found) for found in each))) if each else []
        shared = [seed for seed in shared if _same_sentences([found[seed] for found in each])]
        # a seed with sentences of its own is no other run of the same thing
        same = [s for s in shared if _same_sentences([each[0][shared[0]], each[0][s]])]
        return [[found[seed] for seed in same] for found in each]

    def _outputs(
        self, key: str, seed: int, decoding: str, sets: tuple[str, ...] | None
    ) -> Outputs | None:
        if (key, decoding, sets) not in self._read:
            parts = [
                part
                for part in self.results.records[key].sentences
                if part.get("decoding") == decoding and (sets is None or part.get("set") in sets)
            ]
            self._read[key, decoding, sets] = _outputs(key, seed, parts) if parts else None
        return self._read[key, decoding, sets]

    def _systems(self, setting: str) -> list[System]:
        rows = self._runs[self._runs.setting == setting]
        names = shown_names(self.results.architectures)
        found = []
        for architecture in self.results.architectures:
            mine = rows[rows.architecture == architecture]
            variants = _variants(mine)
            for system in dict.fromkeys(mine.system):
                variant = variants[system]
                label = names[architecture] + (f" ({variant})" if variant else "")
                found.append(
                    System(
                        setting=setting,
                        architecture=architecture,
                        label=label,
                        variant=variant,
                        runs=mine[mine.system == system].sort_values("seed"),
                    )
                )
        return found


def bucket_label(bucket: tuple[int, int | None]) -> str:
    """Return ``11–20``, or ``81+`` for the last."""
    low, high = bucket
    return f"{low}+" if high is None else f"{low}–{high}"


def bucket_rows(words: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Return, for each of BUCKETS, the sentences whose source has so many words.

    A source without any word counts into the first.
    """
    upper = [high for _, high in BUCKETS if high is not None]
    place = np.searchsorted(upper, words, side="left")
    return [np.flatnonzero(place == index) for index in range(len(BUCKETS))]


def stacked(runs: Sequence[Outputs], score: Score) -> Counts:
    """Return the (R, N, K) statistics of several runs on the same sentences."""
    return np.stack([run.statistics(score) for run in runs])


def setting_label(task: str, data: Mapping[str, Any], differing: Iterable[str] = ()) -> str:
    """Return a setting's name: ``multi30k en-de``, ``scan, length split``."""
    name = task
    if data.get("corpus"):
        name = PurePath(str(data["corpus"])).name
    if data.get("pair"):
        name += f" {data['pair']}"
    words = [name]
    if data.get("split"):
        words.append(f"{data['split']} split")
    words += [
        f"{key.replace('_', ' ')} {_shown(data[key])}"
        for key in differing
        if key in data and key not in (*_TOLD_BY_NAME, *_NOT_TOLD)
    ]
    return clip(", ".join(words), 60)


def _labels(runs: pd.DataFrame) -> dict[str, str]:
    """Return the settings with their names, real text first.

    Those of one task are told apart by what differs.
    """
    labels: dict[str, str] = {}
    first = runs.drop_duplicates("setting")
    for task in dict.fromkeys(first.task):
        mine = first[first.task == task]
        differing = _differing(list(mine.data))
        for setting, data in zip(mine.setting, mine.data, strict=True):
            labels[str(setting)] = setting_label(str(task), data, differing)
    real = {str(s): bool(data.get("corpus")) for s, data in zip(first.setting, first.data, strict=True)}
    return dict(sorted(labels.items(), key=lambda item: (not real[item[0]], item[1])))


def _variants(runs: pd.DataFrame) -> dict[str, str]:
    """Return what sets each configuration of one architecture apart from the others."""
    first = runs.drop_duplicates("system")
    settings = [
        {**model, **recipe, **options, "precision": precision}
        for model, recipe, options, precision in zip(
            first.model, first.recipe, first.options, first.precision, strict=True
        )
    ]
    differing = _differing(settings)
    return {
        str(system): ", ".join(
            f"{key.replace('_', ' ')} {_shown(setting.get(key))}" for key in differing[:3]
        )
        for system, setting in zip(first.system, settings, strict=True)
    }


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for setting in settings for key in setting)
    return [key for key in keys if len({digest(setting.get(key)) for setting in settings}) > 1]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "/".join(_shown(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _outputs(key: str, seed: int, parts: Sequence[Mapping[str, Any]]) -> Outputs:
    def column(name: str, width: int | None = None, kind: type = np.int64) -> NDArray[Any]:
        shape = (-1,) if width is None else (-1, width)
        return np.concatenate([np.asarray(part[name], dtype=kind).reshape(shape) for part in parts])

    return Outputs(
        key=key,
        seed=seed,
        words=column("source_words"),
        bleu=column("bleu", BLEU_SUMS),
        chrf=column("chrf", CHRF_SUMS),
        exact=column("exact"),
        log_probability=column("log_probability", kind=np.float64),
    )


def _same_sentences(outputs: Sequence[Outputs]) -> bool:
    """Whether outputs are of the same sentences: as many, with as many source and reference words."""
    first = outputs[0]
    return all(
        np.array_equal(first.words, other.words) and np.array_equal(first.bleu[:, 1], other.bleu[:, 1])
        for other in outputs[1:]
    )
