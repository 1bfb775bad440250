import json

import pytest

from experiments import cli
from experiments.locks import store_lock
from experiments.run import cells_to_run
from experiments.store import read_json
from tests.experiments.operations.stores import (
    planned,
    record,
    statuses,
    timed_block,
    timing,
    trained_block,
)

TRAINED = [trained_block(seed) for seed in range(4)]
TIMES = timed_block(*(timing(n) for n in (64, 128, 256, 512)))


@pytest.fixture
def store(tmp_path):
    found = planned(tmp_path / "store", [*TRAINED, TIMES])
    for block in (*TRAINED, TIMES):
        record(found, block)
    return found


def fail(store, block, index, status, reason="because"):
    cell = block.cells[index]
    record(store, block, cell, status=status, reason=reason)
    return cell.key


def retry(capsys, store, *arguments):
    code = cli.main(["retry", str(store.folder), *arguments, "--json"])
    output = capsys.readouterr()
    assert code == 0, output.err
    return {row["key"]: row for row in json.loads(output.out)["retried"]}


def test_faults_are_set_aside_and_nothing_else(store, capsys):
    keys = {
        fail(store, TRAINED[index], 1, status)
        for index, status in enumerate(("failed", "killed", "timed_out"))
    }
    kept = {fail(store, TRAINED[3], 1, "diverged")}
    before = {key: store.path(key).read_bytes() for key in statuses(store)}
    rows = retry(capsys, store)
    assert set(rows) == keys
    assert set(statuses(store)) == set(before) - keys
    assert kept <= set(statuses(store))
    for key, row in rows.items():
        assert row["reason"] == "because"
        assert (store.folder / "retried" / f"{key}.json").read_bytes() == before[key]
    assert [cell.key for cell in cells_to_run(TRAINED[0], store)] == [TRAINED[0].cells[1].key]


def test_statuses_and_cells_can_be_chosen(store, capsys):
    lost, done = fail(store, TRAINED[0], 1, "out_of_memory"), TRAINED[1].cells[1].key
    failed = fail(store, TRAINED[2], 1, "failed")
    assert retry(capsys, store, "--status", "killed") == {}
    assert set(retry(capsys, store, "--status", "out_of_memory", "killed")) == {lost}
    assert retry(capsys, store, done, "--status", "failed") == {}
    assert set(retry(capsys, store, done, failed, "--status", "failed")) == {failed}
    assert set(retry(capsys, store, done)) == {done}


def test_what_uses_the_weights_is_measured_again_too(store, capsys):
    train, follows = (cell.key for cell in TRAINED[0].cells)
    fail(store, TRAINED[0], 0, "failed")
    rows = retry(capsys, store)
    assert list(rows) == [train, follows]
    assert rows[follows]["because"] == f"uses the weights of {train}"


def test_a_comparison_is_set_aside_whole(store, capsys):
    """But for what a run would not measure again beside the others."""
    first, second = fail(store, TIMES, 0, "failed"), fail(store, TIMES, 1, "timed_out")
    rows = retry(capsys, store, "--status", "failed")
    assert set(rows) == {first, *(cell.key for cell in TIMES.cells[2:])}
    assert "'layer time'" in rows[TIMES.cells[2].key]["because"]
    assert store.has(second)
    assert {cell.key for cell in cells_to_run(TIMES, store)} == set(rows)


def test_a_record_is_never_lost_however_often_it_is_retried(store, capsys):
    for count in range(3):
        key = fail(store, TRAINED[0], 1, "failed", reason=f"try {count}")
        retry(capsys, store)
    found = sorted((store.folder / "retried").glob(f"{key}*.json"))
    assert sorted(read_json(path)["reason"] for path in found) == ["try 0", "try 1", "try 2"]


def test_in_words(store, capsys):
    key = fail(store, TRAINED[0], 1, "killed", reason="ended by SIGKILL")
    assert cli.main(["retry", str(store.folder)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"gradient lstm recall seed 0 ({key}): killed: ended by SIGKILL"
    assert "1 records set aside" in last
    assert "`seqyard run long_range ...`" in last
    assert cli.main(["retry", str(store.folder)]) == 0
    assert capsys.readouterr().out == "nothing to retry\n"
    (store.folder / "sweep.json").write_text("{}")
    fail(store, TRAINED[0], 1, "killed")
    assert cli.main(["retry", str(store.folder)]) == 0
    assert "`seqyard sweep long_range ...`" in capsys.readouterr().out


KEY = TRAINED[0].cells[0].key
BAD = {
    "status": (["--status", "fialed"], "unknown status 'fialed'. Did you mean 'failed'"),
    "key": ([KEY[:-1] + "g"], f"Did you mean '{KEY}'"),
    "unmeasured": ([KEY], "has no record yet"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(store, capsys, name):
    arguments, message = BAD[name]
    store.path(KEY).unlink()
    before = statuses(store)
    assert cli.main(["retry", str(store.folder), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert statuses(store) == before


def test_nothing_is_taken_from_a_run_in_progress(store, capsys):
    fail(store, TRAINED[0], 1, "failed")
    with store_lock(store.folder):
        assert cli.main(["retry", str(store.folder)]) == 2
    assert "in use by another run" in capsys.readouterr().err
    with store_lock(store.folder, shared=True):  # the workers of a queue
        assert cli.main(["retry", str(store.folder)]) == 0
