from pathlib import Path

import pytest

from analysis.load import MISSING, Results
from experiments.cell import Cell
from models.errors import BadInput
from tests.analysis.synthetic import CHANCE, Synthetic


def test_a_store_reads_the_same_from_disk(tmp_path: Path) -> None:
    made = Synthetic()
    made.recall("lstm", 0, {1: 1.0, 8: 0.5})
    made.time("rnn", "recurrent", 64, 32, [0.1, 0.2, 0.3], kernel="C++ loop")
    read = Results.read(made.write(tmp_path))
    assert read.training().equals(made.results().training())
    assert read.sizes("step_time").equals(made.results().sizes("step_time"))
    assert read.architectures == ["rnn", "lstm", "attentional_lstm", "transformer"]
    assert read.chance("recall") == CHANCE
    assert read.chance("digits") is None
    assert read.tasks_with("distance") == ["recall"]


def test_every_planned_cell_is_a_row(tmp_path: Path) -> None:
    made = Synthetic()
    made.recall("rnn", 0, {1: 0.9})
    made.recall("rnn", 1, {1: 0.9}, status="diverged")
    made.recall("rnn", 2, {1: 0.9}, status="missing")
    results = Results.read(made.write(tmp_path))
    training = results.training("recall").sort_values("seed")
    assert list(training.status) == ["ok", "diverged", MISSING]
    assert list(training.converged) == [True, False, False]
    assert list(training.test.isna()) == [False, True, True]
    assert list(training.reason) == ["", "it diverged", ""]
    assert len(results.missing) == 1
    assert results.training("digits").empty


def test_a_record_that_is_not_planned_is_stale(tmp_path: Path) -> None:
    made = Synthetic()
    made.recall("rnn", 0, {1: 0.9})
    old = made.recall("rnn", 1, {1: 0.1}, width=65)
    folder = made.write(tmp_path)
    manifest = made.manifest()
    del manifest["cells"][old]
    results = Results(manifest, made.records)
    assert results.stale == [old]
    assert list(results.training().seed) == [0]
    # on disk it is not even read: a damaged one does no harm
    import json

    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "records" / f"{old}.json").write_text("{")
    assert Results.read(folder).stale == [old]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    made = Synthetic()
    key = made.recall("rnn", 0, {1: 0.9})
    folder = made.write(tmp_path)
    (folder / "records" / f"{key}.json").write_text("{")
    with pytest.raises(BadInput, match=key):
        Results.read(folder)


def test_no_manifest_and_a_newer_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="manifest"):
        Results.read(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(BadInput, match="newer"):
        Results.read(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BadInput, match="no object"):
        Results.read(tmp_path)


def test_slices_are_raw_counts_of_finished_runs() -> None:
    made = Synthetic()
    made.recall("lstm", 0, {1: 1.0, 8: 0.25})
    made.recall("lstm", 1, {1: 1.0}, status="timed_out")
    rows = made.results().slices("recall", "distance")
    assert list(rows.value) == [1, 8]
    assert list(rows.correct) == [1000, 250]
    assert list(rows.accuracy) == [1.0, 0.25]
    assert set(rows.seed) == {0}
    assert made.results().slices("recall", "length").empty


def test_squared_errors_are_no_accuracies() -> None:
    made = Synthetic()
    made.add(
        Cell(measure="train", architecture="rnn", task="recall"),
        metrics={"test": 0.2},
        slices=[{"split": "test", "slice": "distance", "value": 1, "total": 3.5, "count": 10}],
    )
    assert made.results().slices("recall", "distance").empty


def test_sizes_name_part_width_and_kernels() -> None:
    made = Synthetic()
    made.size("memory", "transformer", "", 64, 32, 4096, model={"attention": "explicit"})
    made.size("memory", "transformer", "scores", 64, 32, 0, status="out_of_memory")
    rows = made.results().sizes("memory", architecture="transformer")
    assert list(rows.part) in (["attention", "scores"], ["scores", "attention"])
    first = made.results().sizes("memory", part="attention").iloc[0]
    assert (first.n, first.d, first.value, first.attention) == (64, 32, 4096, "explicit")
    failed = made.results().sizes("memory", part="scores").iloc[0]
    assert failed.status == "out_of_memory"
    assert failed.value != failed.value  # NaN
    assert made.results().sizes("memory", scope="model").empty
    with pytest.raises(BadInput, match="flops"):
        made.results().sizes("train")


def test_gradients_name_the_run_they_follow() -> None:
    made = Synthetic()
    key = made.recall("rnn", 0, {1: 0.9})
    made.gradient("rnn", 0, -0.5, trained=key)
    made.gradient("rnn", 1, -0.5, status="missing")
    rows = made.results().gradients("recall").sort_values("seed")
    assert list(rows.trained) == [key, ""]
    assert rows.state_init.iloc[0][0] == [0, 1.0]
    assert rows.state_init.iloc[1] == []
    assert made.results().gradients("digits").empty


def test_an_empty_store_has_empty_tables() -> None:
    results = Synthetic().results()
    assert results.training().empty
    assert results.gradients().empty
    assert all(results.sizes(measure).empty for measure in ("flops", "step_time", "depth"))
