"""Training on few labels as analysis reads it: a score a run, by what it started from and share."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from analysis.claims.paired import Run, Setting
from analysis.load import Results
from experiments.cell import digest

TASK, RESTORING, FINE_TUNED = "few_labels", "denoising", "fine_tune"
PRETRAINING = (TASK, RESTORING)
"""Tasks that have a section of their own."""

NOTHING, VECTORS, DENOISING = "nothing", "vectors", "denoising"
"""What training starts from."""

STARTS = {
    NOTHING: "from random numbers",
    VECTORS: "from word vectors",
    DENOISING: "from denoising",
}
_NO_VECTORS = "none"
_NOT_TEXT = ("share", "vectors", "vectors_content")


@dataclass(frozen=True)
class Scored:
    """One planned run."""

    key: str
    architecture: str
    seed: int
    start: str  # a key of STARTS
    vectors: str  # name of the file of word vectors, or "corpus"; empty without
    share: float  # of the training documents that have labels
    status: str
    score: float | None  # accuracy on the test set
    converged: bool
    chance: float | None


@dataclass(frozen=True)
class FewLabels:
    """The runs on one text, of which one kind of word vectors."""

    corpus: str
    vectors: str  # its name; "corpus": learned from the text itself; empty: none was planned
    rows: tuple[Scored, ...]

    @cached_property
    def architectures(self) -> tuple[str, ...]:
        """Return the architectures in legend order."""
        return tuple(dict.fromkeys(row.architecture for row in self.rows))

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Return the shares of labels, the smallest first."""
        return tuple(sorted({row.share for row in self.rows}))

    @property
    def of_vectors(self) -> str:
        """Return where the word vectors come from, in words."""
        return "the unlabelled training text" if self.vectors == "corpus" else self.vectors

    def runs(self, architecture: str, start: str, share: float, name: str) -> Setting | None:
        """Return the runs of one kind by seed, as claims about quality take them; None: not planned."""
        rows = [
            row
            for row in self.rows
            if (row.architecture, row.start, row.share) == (architecture, start, share)
        ]
        if not rows:
            return None
        runs = {
            row.seed: Run(row.key, row.seed, row.score, row.converged)
            for row in rows
            if row.score is not None
        }
        return Setting(name, runs, tuple(_unfinished(rows, name)))


def _unfinished(rows: Iterable[Scored], name: str) -> Iterable[str]:
    by_status: dict[str, list[int]] = {}
    for row in rows:
        if row.status != "ok":
            by_status.setdefault(row.status, []).append(row.seed)
    for status, seeds in sorted(by_status.items()):
        shown = ", ".join(str(seed) for seed in sorted(seeds))
        yield f"{name} {status.replace('_', ' ')} (seed {shown})"


def few_labels(results: Results) -> FewLabels | None:
    """Return the runs on few labels; None where none is planned.

    Of several texts, and of several word vectors, those with most runs are taken, of those with equally
    many the ones that the plan names first.
    """
    legend = {name: place for place, name in enumerate(results.architectures)}
    texts: dict[str, list[tuple[int, str, Scored]]] = {}
    for key, entry in results.planned.items():
        cell = entry["cell"]
        if cell.get("task") != TASK or cell["measure"] not in ("train", FINE_TUNED):
            continue
        data = cell.get("data", {})
        text = digest({name: value for name, value in data.items() if name not in _NOT_TEXT})
        row = (
            results.places.get(key, 0),
            str(data.get("corpus", "topics")),
            _scored(results, key, cell),
        )
        texts.setdefault(text, []).append(row)
    if not texts:
        return None
    chosen = min(texts.values(), key=lambda rows: (-len(rows), min(place for place, _, _ in rows)))
    kinds: dict[str, list[int]] = {}
    for place, _, run in chosen:
        if run.vectors:
            kinds.setdefault(run.vectors, []).append(place)
    vectors = min(kinds, key=lambda kind: (-len(kinds[kind]), min(kinds[kind])), default="")
    rows = [run for _, _, run in chosen if run.vectors in ("", vectors)]
    rows.sort(key=lambda r: (legend.get(r.architecture, len(legend)), r.share, r.start, r.seed, r.key))
    return FewLabels(chosen[0][1], vectors, tuple(rows))


def _scored(results: Results, key: str, cell: dict) -> Scored:
    data, record = cell.get("data", {}), results.records.get(key)
    vectors = str(data.get("vectors", _NO_VECTORS))
    vectors = "" if vectors == _NO_VECTORS else vectors
    start = DENOISING if cell["measure"] == FINE_TUNED else VECTORS if vectors else NOTHING
    metrics = record.metrics if record and record.status == "ok" else {}
    return Scored(
        key=key,
        architecture=str(cell["architecture"]),
        seed=int(cell["seed"]),
        start=start,
        vectors=vectors,
        share=float(data.get("share", 1.0)),
        status=record.status if record else "missing",
        score=metrics.get("test"),
        converged=bool(metrics.get("converged", False)),
        chance=metrics.get("chance"),
    )
