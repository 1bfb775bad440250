import json
import os
from pathlib import Path

import pytest

from experiments import cli
from experiments.locks import store_lock
from experiments.operations.cancel import cancel
from experiments.operations.merge import merge
from experiments.record import FORMAT
from experiments.store import Store, read_json
from models.errors import BadInput
from tests.experiments.operations.stores import (
    gradient,
    planned,
    record,
    statuses,
    timed_block,
    timing,
    trained_block,
    training,
    tree,
)

TRAINED = [trained_block(seed) for seed in range(3)]
TIMES = timed_block(*(timing(n) for n in (64, 128, 256)))
BLOCKS = [*TRAINED, TIMES]


def plan_two(tmp_path, blocks=BLOCKS):
    return planned(tmp_path / "a", blocks), planned(tmp_path / "b", blocks)


def merged(tmp_path, *stores, **options):
    folders = [store.folder for store in stores]
    return merge(folders, tmp_path / "out", command="seqyard merge", **options)


def refused(tmp_path, *stores, **options):
    """Merge what must be refused; return the message. Nothing may be left behind."""
    before = {str(store.folder): tree(store.folder) for store in stores}
    with pytest.raises(BadInput) as caught:
        merged(tmp_path, *stores, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {store.folder.name for store in stores}
    assert {str(store.folder): tree(store.folder) for store in stores} == before
    return message


def test_every_record_is_there_once(tmp_path):
    a, b = plan_two(tmp_path)
    record(a, TRAINED[0])
    record(a, TRAINED[1])
    record(b, TRAINED[1], metrics={"test": 0.1, "seconds": 7.0, "tokens_per_second": 3}, duration_s=9)
    record(b, TRAINED[2])
    record(b, TIMES)
    found = merged(tmp_path, a, b)
    out = Store(tmp_path / "out")
    assert set(statuses(out)) == {cell.key for block in BLOCKS for cell in block.cells}
    assert found.duplicates == 2
    assert out.read(TRAINED[1].cells[0].key).duration_s == 1.0  # the first folder's
    manifest, before = read_json(out.manifest), read_json(a.manifest)
    assert manifest.pop("commands") == [*before.pop("commands"), "seqyard merge"]
    assert manifest == before


def test_the_merged_folders_stay_as_they_are(tmp_path):
    a, b = plan_two(tmp_path)
    record(a, TRAINED[0])
    record(b, TRAINED[1])
    before = tree(a.folder), tree(b.folder)
    merged(tmp_path, a, b)
    assert (tree(a.folder), tree(b.folder)) == before
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"metrics": {"test": 0.2, "seconds": 1.0}}, "metrics.test = 0.1 against 0.2"),
        ({"metrics": {"seconds": 1.0}}, "metrics.test in one alone"),
        ({"metrics": {"test": 0.1}, "slices": [{"split": "test"}]}, "slices"),
        ({"metrics": {"test": 0.1}, "curves": {"validation": [[1, 2.0]]}}, "curves.validation"),
        ({"metrics": {"test": 0.1}, "sentences": [{"set": "test"}]}, "sentences"),
        ({"status": "diverged", "reason": "NaN"}, "status = ok against diverged"),
    ],
)
def test_another_result_is_refused_and_named(tmp_path, changes, differs):
    a, b = plan_two(tmp_path)
    block = TRAINED[1]
    record(a, block)
    record(b, block, block.cells[0], **changes)
    message = refused(tmp_path, a, b)
    for words in (block.cells[0].key, str(a.folder), str(b.folder), differs, "--prefer", "retry"):
        assert words in message
    out = Store(tmp_path / "out")
    merged(tmp_path, a, b, prefer=b.folder)
    assert out.path(block.cells[0].key).read_bytes() == b.path(block.cells[0].key).read_bytes()
    assert out.path(block.cells[1].key).read_bytes() == a.path(block.cells[1].key).read_bytes()


def test_times_and_memory_are_no_difference(tmp_path):
    a, b = plan_two(tmp_path)
    measured = {"bleu": 3.0, "cpu_seconds": 1.0, "seconds_per_step": 0.1, "peak_bytes": 10}
    curves = {"bleu_by_seconds": [[1.0, 2.0]], "bleu_by_flops": [[5.0, 2.0]]}
    other = {"bleu": 3.0, "cpu_seconds": 4.0, "seconds_per_step": 0.3, "peak_bytes": 20}
    record(a, TRAINED[0], metrics=measured, curves=curves)
    record(b, TRAINED[0], metrics=other, curves=curves | {"bleu_by_seconds": [[3.0, 2.0]]})
    assert merged(tmp_path, a, b).duplicates == 2


def test_preferring_a_folder_that_has_no_say_does_not_decide(tmp_path):
    a, b = plan_two(tmp_path)
    c = planned(tmp_path / "c", BLOCKS)
    record(a, TRAINED[1])
    record(b, TRAINED[1], metrics={"test": 0.9})
    assert TRAINED[1].cells[0].key in refused(tmp_path, a, b, c, prefer=c.folder)


def test_a_comparison_of_times_is_of_one_machine(tmp_path):
    """The second folder has more of it, so all of it is from there."""
    a, b = plan_two(tmp_path)
    record(a, TIMES, *TIMES.cells[:2], rounds=[1.0])
    record(b, TIMES, rounds=[2.0])
    merged(tmp_path, a, b)
    out = Store(tmp_path / "out")
    assert [out.read(cell.key).rounds for cell in TIMES.cells] == [[2.0]] * 3


def test_a_comparison_is_not_pieced_together(tmp_path):
    a, b = plan_two(tmp_path)
    record(a, TIMES, *TIMES.cells[:2], rounds=[1.0])
    record(b, TIMES, *TIMES.cells[2:], rounds=[2.0])
    merged(tmp_path, a, b)
    out = Store(tmp_path / "out")
    assert set(statuses(out)) == {cell.key for cell in TIMES.cells[:2]}


def test_a_conflict_within_a_comparison_keeps_it_whole(tmp_path):
    a, b = plan_two(tmp_path)
    record(a, TIMES, rounds=[1.0])
    record(b, TIMES, rounds=[2.0])
    record(b, TIMES, TIMES.cells[1], status="out_of_memory", reason="")
    refused(tmp_path, a, b)
    merged(tmp_path, a, b, prefer=b.folder)
    out = Store(tmp_path / "out")
    assert [out.read(cell.key).status for cell in TIMES.cells] == ["ok", "out_of_memory", "ok"]
    assert out.read(TIMES.cells[0].key).rounds == [2.0]


def test_what_was_cancelled_on_one_machine_was_measured_on_the_other(tmp_path):
    a, b = plan_two(tmp_path)
    cells = {cell.key: cell for block in TRAINED for cell in block.cells}
    cancel(a, set(cells), cells, {})
    record(b, TRAINED[0])
    merged(tmp_path, a, b)
    found = statuses(Store(tmp_path / "out"))
    assert [found[cell.key] for cell in TRAINED[0].cells] == ["ok", "ok"]
    assert [found[cell.key] for cell in TRAINED[1].cells] == ["skipped", "skipped"]


def test_architectures_measured_apart_come_together_in_legend_order(tmp_path):
    a = planned(tmp_path / "a", [trained_block(0, "transformer")])
    b = planned(tmp_path / "b", [trained_block(0, "mine:Mine"), trained_block(0, "lstm")])
    record(a, trained_block(0, "transformer"))
    record(b, trained_block(0, "lstm"))
    merged(tmp_path, a, b)
    out = Store(tmp_path / "out")
    manifest = read_json(out.manifest)
    assert manifest["architectures"] == ["lstm", "transformer", "mine:Mine"]
    assert set(manifest["layers"]) == set(manifest["parts"]) == {"lstm", "transformer", "mine:Mine"}
    assert (len(manifest["cells"]), len(statuses(out))) == (6, 4)


def test_what_versions_tell_of_an_architecture_may_differ_and_the_first_ones_stays(tmp_path):
    told = [{"lstm": {"description": "one"}}, {"lstm": {"description": "two"}, "gru": {}}]
    stores = []
    for name, words, block in zip("ab", told, TRAINED, strict=False):
        stores.append(planned(tmp_path / name, TRAINED, descriptions=words))
        record(stores[-1], block)
    merged(tmp_path, *stores)
    found = read_json(Store(tmp_path / "out").manifest)["descriptions"]
    assert found == {"lstm": {"description": "one"}, "gru": {}}


def test_times_of_two_kinds_of_machine_are_not_mixed(tmp_path):
    one = timed_block(timing(64, device_model="CPU A"), timing(128, device_model="CPU A"))
    two = timed_block(timing(64, device_model="CPU B"), timing(128, device_model="CPU B"))
    a, b = planned(tmp_path / "a", [TRAINED[0], one]), planned(tmp_path / "b", [TRAINED[0], two])
    record(a, one)
    record(b, two)
    message = refused(tmp_path, a, b)
    assert "'layer time' holds for one machine" in message
    assert f"--prefer {a.folder}" in message
    merged(tmp_path, a, b, prefer=b.folder)
    out = Store(tmp_path / "out")
    assert set(statuses(out)) == {cell.key for cell in two.cells}
    assert [row["key"] for row in read_json(out.manifest)["blocks"]] == [TRAINED[0].key, two.key]


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"plan": "table1"}, "plan differs: long_range against table1"),
        ({"profile": "full"}, "profile differs"),
        ({"budget": "equal seconds"}, "budget differs"),
        ({"request": {"device": "cuda", "speed": "fast"}}, "request.device differs: cpu against cuda"),
        ({"tasks": {"recall": {"chance": 0.5}}}, "tasks.recall differs"),
    ],
)
def test_different_plans_are_refused(tmp_path, changes, differs):
    a = planned(tmp_path / "a", BLOCKS)
    b = planned(tmp_path / "b", BLOCKS, **changes)
    message = refused(tmp_path, a, b)
    assert differs in message
    assert "different plans" in message


def test_another_budget_of_a_block_is_another_plan(tmp_path):
    cell = training(0, recipe={"steps": 5})
    other = TRAINED[0].model_copy(update={"cells": (cell, gradient(cell))})
    message = refused(
        tmp_path,
        planned(tmp_path / "a", [TRAINED[0]]),
        planned(tmp_path / "b", [other]),
        prefer=tmp_path / "a",
    )
    assert "block 'recall lstm seed 0'" in message


def test_weights_samples_and_checkpoints_go_along(tmp_path):
    a, b = plan_two(tmp_path)
    done, unfinished = TRAINED[0].cells[0], TRAINED[1].cells[0]
    for store in (a, b):
        (store.artifacts / "checkpoints").mkdir(parents=True)
        record(store, TRAINED[0])
        for end in ("safetensors", "samples.json"):
            (store.artifacts / f"{done.key}.{end}").write_text(store.folder.name)
        (store.artifacts / f"{done.key}.part").write_text("half")
        (store.artifacts / "checkpoints" / f"{done.key}@0.001.ckpt").write_text("done")
        (store.artifacts / "checkpoints" / f"{unfinished.key}@0.001.ckpt").write_text(store.folder.name)
    os.utime(a.artifacts / "checkpoints" / f"{unfinished.key}@0.001.ckpt", (1, 1))
    merged(tmp_path, a, b)
    assert tree(tmp_path / "out" / "artifacts") == {
        f"{done.key}.safetensors": b"a",
        f"{done.key}.samples.json": b"a",
        f"checkpoints/{unfinished.key}@0.001.ckpt": b"b",  # the newest
    }


@pytest.mark.parametrize("same", [True, False])
def test_a_queue_that_all_share_goes_along(tmp_path, same):
    a, b = plan_two(tmp_path)
    for store, name in ((a, "queue 1"), (b, "queue 1" if same else "queue 2")):
        (store.folder / "sweep.json").write_text(json.dumps({"format": 1, "queue": name}))
    merged(tmp_path, a, b)
    assert (tmp_path / "out" / "sweep.json").exists() == same


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    a, b = plan_two(tmp_path)
    record(a, TRAINED[0])

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("experiments.operations.merge.shutil.copyfile", full)
    assert "No space left on device" in refused(tmp_path, a, b)


def call(capsys, *arguments):
    code = cli.main(["merge", *map(str, arguments)])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_command_says_what_came_of_it(tmp_path, capsys):
    a, b = plan_two(tmp_path)
    record(a, TRAINED[0])
    record(b, TRAINED[0])
    record(b, TRAINED[1])
    record(b, trained_block(9))  # of an earlier version of the plan
    out = tmp_path / "out"
    code, text, _ = call(capsys, a.folder, b.folder, "--store", out, "--json")
    assert code == 0
    told = json.loads(text)
    assert told["store"] == str(out)
    assert [told[key] for key in ("cells", "done", "left", "duplicates", "unplanned")] == [
        9,
        4,
        5,
        2,
        2,
    ]
    assert read_json(out / "manifest.json")["commands"][-1] == "seqyard merge a b --store out"
    assert cli.main(["status", str(out)]) == 0
    assert "4/9 cells done" in capsys.readouterr().out


BAD = {
    "no store": (["nowhere", "--store", "out"], "store 'nowhere' has no manifest.json"),
    "no out": (["a"], "--store"),
    "no folders": (["--store", "out"], "DIR"),
    "taken": (["a", "b", "--store", "b"], "--store 'b' exists"),
    "stranger": (["a", "b", "--store", "out", "--prefer", "bb"], "Did you mean 'b'"),
    "newer": (["a", "newer", "--store", "out"], "newer Seqyard"),
    "damaged": (["a", "damaged", "--store", "out"], "damaged"),
    "unwritable": (["a", "b", "--store", "file/out"], "--store 'file/out' cannot be written"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    plan_two(tmp_path)
    planned(tmp_path / "newer", BLOCKS, format=FORMAT + 1)
    Path("damaged").mkdir()
    Path("damaged/manifest.json").write_text("[]")
    Path("file").write_text("")
    arguments, message = BAD[name]
    code, text, errors = call(capsys, *arguments)
    assert (code, text) == (2, "")
    assert len(errors.splitlines()) == 1
    assert message in errors
    assert not Path("out").exists()


def test_a_store_that_a_run_holds_is_refused(tmp_path, capsys):
    a, b = plan_two(tmp_path)
    with store_lock(b.folder):
        code, _, errors = call(capsys, a.folder, b.folder, "--store", tmp_path / "out")
    assert code == 2
    assert "in use by another run" in errors
