"""Ablations as analysis reads them: one Transformer, and the same with one option changed.

The rows of Vaswani et al. 2017, table 3. An *ablation* is what was trained by one measure on one task
with one recipe; its *base* is the setting that the plan names first, and a *row* differs from it in the
options of one letter of that table alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.load import TRAINED, Results
from analysis.translation import setting_label
from experiments.cell import digest
from experiments.record import Record

ARCHITECTURE = "transformer"

LETTERS: dict[str, tuple[str, ...]] = {
    "A": ("heads",),
    "B": ("key_width",),
    "C": ("layers", "width", "feedforward"),
    "D": ("dropout", "label_smoothing"),
    "E": ("positions", "max_positions"),
}
"""Rows of table 3 and the options that they vary."""

NEEDED = 3
"""Letters from which settings are an ablation, and no pair of settings for one question."""

DEFAULTS: dict[str, Any] = {
    "heads": 4,
    "layers": 2,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "positions": "sinusoidal",
    "max_positions": 512,
}
"""Of what a record may leave out; others are None."""


@dataclass(frozen=True)
class Run:
    """One finished training run; scores are shares of right symbols, or BLEU."""

    key: str
    seed: int
    score: float  # where lengths differ: over the trained ones
    beyond: float | None  # over longer ones; None: there are none
    converged: bool


@dataclass(frozen=True, eq=False)
class Row:
    """One setting, with its runs by seed."""

    letter: str  # "base" or one of LETTERS
    option: str  # the one that is changed; of the base none
    options: Mapping[str, Any]  # all those of LETTERS
    parameters: int | None
    runs: Mapping[int, Run]
    unfinished: tuple[str, ...]  # planned runs without a result, in words
    planned: tuple[str, ...]  # keys of all its runs

    @property
    def value(self) -> Any:
        """Return what the changed option is set to; None for the base."""
        return self.options.get(self.option)

    @property
    def words(self) -> str:
        """Return what is changed, in words."""
        return described(self.option, self.value) if self.option else "base"

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the records that it rests on, by seed."""
        return tuple(self.runs[seed].key for seed in sorted(self.runs))

    @property
    def unconverged(self) -> int:
        """Return how many runs had not converged."""
        return sum(not run.converged for run in self.runs.values())


@dataclass(frozen=True, eq=False)
class Ablation:
    """The base and its rows, in the order of the plan, by letter."""

    label: str
    measure: str
    base: Row
    rows: tuple[Row, ...]  # without the base
    trained_to: int | None  # longest trained length, where that is one

    @property
    def in_bleu(self) -> bool:
        """Whether scores are BLEU, and not shares."""
        return self.measure == "translate"

    @property
    def margin(self) -> float:
        """Return the difference in score that is too small to matter: 2 points of 100, or 1 BLEU."""
        return 1.0 if self.in_bleu else 0.02

    def along(self, option: str) -> list[Row]:
        """Return the base and the rows that change an option alone, by its value."""
        found = [self.base, *(row for row in self.rows if row.option == option)]
        return sorted(found, key=lambda row: row.options[option])

    def of(self, option: str, value: object) -> Row | None:
        """Return the row whose option has a value, all else as in the base; the base itself too."""
        found = [self.base, *(row for row in self.rows if row.option == option)]
        return next((row for row in found if row.options[option] == value), None)

    @cached_property
    def all_rows(self) -> tuple[Row, ...]:
        """Return the base, then its rows."""
        return (self.base, *self.rows)


def ablations(results: Results) -> list[Ablation]:
    """Return the ablations of a store in the order of the plan."""
    groups: dict[str, list[str]] = {}
    for key in sorted(results.planned, key=lambda key: (results.places.get(key, 0), key)):
        cell = results.planned[key]["cell"]
        if cell["measure"] in TRAINED and cell["architecture"] == ARCHITECTURE:
            groups.setdefault(_group(cell), []).append(key)
    found = (_ablation(results, keys) for keys in groups.values())
    return [ablation for ablation in found if ablation is not None]


def described(option: str, value: object) -> str:
    """Return an option and its value as a reader says it."""
    if option == "positions":
        kinds = {"none": "no positions", "alibi": "ALiBi", "learned": "learned positions"}
        return kinds.get(str(value), f"{value} positions")
    nouns = {"heads": "head", "layers": "layer"}
    if option in nouns:
        return f"{value} {nouns[option]}{'' if value == 1 else 's'}"
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    names = {"key_width": "keys of width", "feedforward": "feed-forward width"}
    return f"{names.get(option, option.replace('_', ' '))} {shown}"


def _group(cell: Mapping[str, Any]) -> str:
    recipe = {name: v for name, v in cell.get("recipe", {}).items() if name != "label_smoothing"}
    return digest([cell["measure"], cell.get("task"), cell.get("data", {}), recipe])


def _options(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that table 3 varies; what stands at its default may be absent."""
    given = {**DEFAULTS, **cell.get("recipe", {}), **cell.get("model", {})}
    found = {name: given.get(name) for names in LETTERS.values() for name in names}
    if found["feedforward"] is None and found["width"] is not None:
        found["feedforward"] = 4 * found["width"]
    return found


def _others(cell: Mapping[str, Any]) -> str:
    """Return a digest of what no row of table 3 varies."""
    varied = {name for names in LETTERS.values() for name in names}
    return digest({name: v for name, v in cell.get("model", {}).items() if name not in varied})


def _ablation(results: Results, keys: Sequence[str]) -> Ablation | None:
    cells = {key: results.planned[key]["cell"] for key in keys}
    first = cells[keys[0]]
    base = _options(first)
    settings: dict[str, list[str]] = {}
    for key, cell in cells.items():
        if _others(cell) == _others(first):
            settings.setdefault(digest(_options(cell)), []).append(key)
    rows = []
    for mine in settings.values():
        options = _options(cells[mine[0]])
        changed = [name for name, value in options.items() if value != base[name]]
        letter = next((k for k, names in LETTERS.items() if set(changed) <= set(names)), None)
        # learned positions are as many as are needed: that is no second change
        told = [name for name in changed if name != "max_positions"]
        if letter is None or len(told) != bool(changed):
            continue
        rows.append(_row(results, mine, letter if told else "base", told[0] if told else "", options))
    if len({row.letter for row in rows} - {"base"}) < NEEDED:
        return None
    order = list(LETTERS)
    others = sorted(rows[1:], key=lambda row: order.index(row.letter))
    return Ablation(
        label=setting_label(str(first.get("task")), first.get("data", {})),
        measure=str(first["measure"]),
        base=rows[0],
        rows=tuple(others),
        trained_to=_trained_to(first),
    )


def _row(
    results: Results, keys: Sequence[str], letter: str, option: str, options: Mapping[str, Any]
) -> Row:
    cells = [results.planned[key]["cell"] for key in keys]
    runs: dict[int, Run] = {}
    missing: dict[str, list[str]] = {}
    for key, cell in zip(keys, cells, strict=True):
        record = results.records.get(key)
        if record is not None and record.status == "ok":
            run = _run(record, _trained_to(cell))
            runs[run.seed] = run
        else:
            status = "missing" if record is None else record.status.replace("_", " ")
            missing.setdefault(status, []).append(str(cell.get("seed", 0)))
    theory = results.planned[keys[0]].get("theory") or {}
    words = described(option, options[option]) if option else "base"
    return Row(
        letter=letter,
        option=option,
        options=options,
        parameters=theory.get("parameters"),
        runs=runs,
        unfinished=tuple(
            f"{words} {status} (seed {', '.join(seeds)})" for status, seeds in missing.items()
        ),
        planned=tuple(keys),
    )


def _run(record: Record, trained_to: int | None) -> Run:
    metrics = record.metrics
    score, beyond = float(metrics["bleu" if record.cell.measure == "translate" else "test"]), None
    if trained_to is not None:
        inside = list(_lengths(record, lambda length: length <= trained_to))
        outside = list(_lengths(record, lambda length: length > trained_to))
        score = _share(inside) if inside else score
        beyond = _share(outside) if outside else None
    return Run(record.key, record.cell.seed, score, beyond, bool(metrics.get("converged", False)))


def _lengths(record: Record, wanted: Any) -> Iterator[tuple[float, float]]:
    for row in record.slices:
        known = row.get("split") == "test" and row.get("slice") == "length" and "correct" in row
        if known and wanted(row["value"]):
            yield row["correct"], row["count"]


def _share(counts: Sequence[tuple[float, float]]) -> float:
    return sum(right for right, _ in counts) / max(1, sum(count for _, count in counts))


def _trained_to(cell: Mapping[str, Any]) -> int | None:
    lengths = cell.get("data", {}).get("train_lengths")
    return int(lengths[1]) if lengths else None
