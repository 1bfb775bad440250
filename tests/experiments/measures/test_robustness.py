"""Corrupted input and minimal pairs: the corruptions by hand, the measures against counts by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.measures.base import Context
from experiments.measures.minimal_pairs import MinimalPairs
from experiments.measures.robustness import CORRUPTIONS, Robustness, corrupted, cut, drop, swap
from experiments.measures.train import Train, prepare, trained_model
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.store import Store
from experiments.tasks.agreement import Agreement
from experiments.tasks.copying import Copying
from models.errors import BadInput
from models.problem import Problem

ROW = np.arange(3, 43)  # forty different tokens
SMALL = {
    "distances": [1, 4],
    "nouns": 1,
    "train_sentences": 200,
    "test_per_point": 20,
    "validation_per_point": 8,
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))


def cell(measure: str, data: dict, architecture: str = "lstm", **options: object) -> Cell:
    return Cell(
        measure=measure,
        architecture=architecture,
        task="agreement",
        model={"width": 8},
        data=data,
        recipe={"steps": 4, "batch_size": 8, "validate_every": 2, "warmup_steps": 1},
        options=options,
        seed=1,
    )


def test_cutting_takes_the_first_tokens() -> None:
    np.testing.assert_array_equal(cut(ROW, 0.1), ROW[4:])
    np.testing.assert_array_equal(cut(ROW, 0.2), ROW[8:])


def test_dropping_keeps_the_order() -> None:
    left = drop(ROW, 0.2)
    assert len(left) == 32
    assert (np.diff(left) > 0).all()
    assert set(drop(ROW, 0.1)) > set(left)  # what goes at 10 % goes at 20 % too


def test_swapping_moves_as_many_tokens_as_asked_and_loses_none() -> None:
    for share in (0.05, 0.1, 0.2):
        mixed = swap(ROW, share)
        assert sorted(mixed) == ROW.tolist()
        moved = np.flatnonzero(mixed != ROW)
        assert len(moved) == round(share * 40)
        assert (np.abs(mixed - ROW) <= 1).all()  # by one place each


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_share_of_short_rows_is_met_on_average(name: str) -> None:
    """5 % of three tokens is 0.15 of a token: some rows lose one."""
    rows = [np.array([5, 6, 7]) + 3 * i for i in range(3000)]
    changed = [CORRUPTIONS[name](row, 0.05) for row in rows]
    assert min(len(row) for row in changed) >= 1
    touched = sum(row.tobytes() != new.tobytes() for row, new in zip(rows, changed, strict=True))
    tokens = touched * (2 if name == "swap" else 1)
    assert abs(tokens / (3 * len(rows)) - 0.05) < 0.01


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_something_always_stays_and_one_token_is_left_alone(name: str) -> None:
    assert CORRUPTIONS[name](ROW[:1], 0.9).tolist() == [3]
    assert len(CORRUPTIONS[name](ROW, 0.99)) >= 1


def test_a_corruption_depends_on_the_example_alone() -> None:
    task = Agreement.model_validate(SMALL)
    by_size = []
    for size in (7, 64):
        found = []
        for batch in task.evaluation("test", size):
            changed = corrupted(batch, lambda row: drop(row, 0.2))
            assert changed.target is batch.target
            assert (changed.source_lengths <= batch.source_lengths).all()
            found += [
                row[:length].tolist()
                for row, length in zip(changed.source, changed.source_lengths, strict=True)
            ]
        by_size.append(found)
    assert by_size[0] == by_size[1]


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_the_measure_tests_the_trained_weights(architecture: str, tmp_path: Path) -> None:
    context = Context(store=Store(tmp_path / "store"))
    trained = cell("train", SMALL, architecture)
    outcome = Train().one(trained, context)
    found = Robustness().one(
        cell("robustness", SMALL, architecture, trained=trained.key, shares=[0.1, 0.5]), context
    )
    assert found.metrics["test"] == outcome.metrics["test"]
    rows = {row["split"]: row["correct"] / row["count"] for row in found.slices}
    assert list(rows) == [
        "test",
        *(f"test/{name} {share}%" for name in ("cut", "drop", "swap") for share in (10, 50)),
    ]
    assert found.curves["drop"] == [
        [0.0, rows["test"]],
        *([s / 100, rows[f"test/drop {s}%"]] for s in (10, 50)),
    ]
    expected = rows["test"] - np.mean([value for split, value in rows.items() if split != "test"])
    assert found.metrics["lost"] == pytest.approx(expected)
    # counted once more, example by example
    subject = prepare(trained)
    model = trained_model(subject, trained, trained.key, context)
    right = 0
    for batch in subject.task.evaluation("test", 1):
        with torch.inference_mode():
            right += int(
                (
                    model(to_batch(corrupted(batch, lambda r: cut(r, 0.5)))).argmax(-1).numpy()
                    == batch.target
                ).sum()
            )
    assert rows["test/cut 50%"] == right / next(row["count"] for row in found.slices)


def test_numbers_cannot_be_cut(tmp_path: Path) -> None:
    digits = cell("robustness", {}, trained="0").model_copy(update={"task": "digits"})
    with pytest.raises(BadInput, match="needs tokens and classes"):
        Robustness().one(digits, Context(store=Store(tmp_path)))


class Tags(Copying):
    """Copying with an answer for every source token."""

    def problem(self) -> Problem:
        return super().problem().model_copy(update={"readout": "position"})


@pytest.mark.parametrize(
    ("measure", "task", "data", "why"),
    [
        ("robustness", f"{__name__}:Tags", {}, "readout 'position'"),
        ("robustness", "digits", {}, "needs tokens and classes"),
        ("robustness", "characters", {}, "needs tokens and classes"),
        ("minimal_pairs", "agreement", SMALL, "needs its option 'pairs'"),
    ],
)
def test_what_cannot_be_tested_is_refused_when_planning(
    measure: str, task: str, data: dict, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as error:
        make_cell(
            measure=measure,
            architecture="rnn",
            task=task,
            data=data,
            options={"trained": "0"},
            request=Request(profile="quick", architectures=["rnn"], device="cpu", threads=1),
        )
    assert "\n" not in str(error.value)


def test_minimal_pairs_are_counted_by_construction(tmp_path: Path) -> None:
    rows = [
        f"{name}\t{condition.format(number)}\tthe {noun} {between}{verb}\t"
        f"the {noun} {between}{other}\t{2 + len(between.split())}"
        for name, condition, between in (
            ("simple", "x_{}", ""),
            ("prep", "{}_MS_plur_ES", "near the towers "),
        )
        for noun, verb, other, number in (
            ("king", "swims", "swim", "sing"),
            ("kings", "swim", "swims", "plur"),
        )
    ]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    data = Agreement.model_validate({**SMALL, "pairs": str(tmp_path / "pairs.tsv")}).model_dump(
        mode="json"
    )
    context = Context(store=Store(tmp_path / "store"))
    trained = cell("train", data)
    Train().one(trained, context)
    found = MinimalPairs().one(cell("minimal_pairs", data, trained=trained.key), context)
    counts = {(row["slice"], row["value"]): row["count"] for row in found.slices}
    assert counts == {
        ("construction", "simple"): 2,
        ("construction", "prep"): 2,
        ("mismatch", 0): 3,
        ("mismatch", 1): 1,
    }
    subject = prepare(trained)
    model = trained_model(subject, trained, trained.key, context)
    right = 0
    for examples, _ in subject.task.minimal_pairs(1):  # type: ignore[attr-defined]
        with torch.inference_mode():
            right += int((model(to_batch(examples)).argmax(-1).numpy() == examples.target).sum())
    assert found.metrics == {"test": right / 4, "unknown_share": 0.0, "majority": 0.5}


def test_pairs_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs its option 'pairs'"):
        MinimalPairs().one(cell("minimal_pairs", SMALL, trained="0"), Context(store=Store(tmp_path)))
