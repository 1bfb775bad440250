"""`seqyard sweep`: from a plan to records, on SQLite and on a real PostgreSQL."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from experiments import cli
from experiments.commands.sweep import command_line
from experiments.store import Store, read_json
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage, shown
from tests.experiments.sweep.postgres import PASSWORD, free_port
from tests.experiments.toy_plan import ACTIONS
from tests.experiments.toys import begun

pytestmark = pytest.mark.usefixtures("apart")

PLAN = "tests.experiments.toy_plan:PLAN"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty current folder; what the command appends to the path is taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ACTIONS, str(tmp_path / "actions.txt"))
    monkeypatch.delenv("SEQYARD_STORAGE", raising=False)
    return tmp_path


def sweep(*extra, storage="queue.db", actions=("value", "value")):
    Path("actions.txt").write_text("\n".join(actions))
    command = ["sweep", PLAN, "--profile", "smoke", "--only", "lstm", "--no-report"]
    return cli.main([*command, "--workers", "1", "--storage", storage, *extra])


def check_refused(capsys, arguments, message):
    assert cli.main(arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("seqyard: error: ")
    assert message in line
    assert "secret" not in line


ADDRESSES = {
    "missing": ("nowhere.db", "no such file"),
    "folder": (".", "unable to open database file"),
    "kind": (
        "postgre://seqyard:secret@host/sweeps",
        "unknown kind 'postgre'. Did you mean 'postgresql'",
    ),
    "port": ("postgresql://seqyard:secret@host:many/sweeps", "cannot be read; write sqlite:///PATH"),
    "memory": ("sqlite://", "name a file"),
    "no sqlite": ("notes.txt", "file is not a database"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_wrong_storage_is_one_line(name, capsys):
    address, message = ADDRESSES[name]
    Path("notes.txt").write_text(
        "this is no database, and long enough to be taken for a damaged one " * 20
    )
    assert sweep("--plan-only", "--store", "mine") == 0
    capsys.readouterr()
    check_refused(capsys, ["work", "--storage", address, "--store", "mine"], message)


def test_an_unreachable_server_is_one_line_without_the_password(capsys):
    pytest.importorskip("psycopg")
    address = f"postgresql://seqyard:secret@127.0.0.1:{free_port()}/sweeps"
    check_refused(
        capsys, ["sweep", PLAN, "--profile", "smoke", "--storage", address], "Connection refused"
    )
    check_refused(
        capsys, ["sweep", PLAN, "--profile", "smoke", "--storage", address], "seqyard:***@127"
    )


def test_a_wrong_password_is_not_repeated(capsys, postgres):
    address = postgres.plain("postgres").replace(quote(PASSWORD), "secret")
    check_refused(capsys, ["sweep", PLAN, "--storage", address], "password authentication failed")
    check_refused(
        capsys,
        ["sweep", PLAN, "--storage", f"{postgres.plain('none')}"],
        'database "none" does not exist',
    )


def test_passwords_are_hidden_wherever_they_stand():
    assert shown("postgresql://a:secret@h:1/d") == "postgresql://a:***@h:1/d"
    assert "secret" not in shown("postgresql://h/d?user=a&password=secret")
    assert shown("postgresql://a:secret@h:many/d") == "postgresql://..."
    assert shown("runs/queue.db") == "runs/queue.db"
    for arguments in (
        ["--storage", "postgresql://a:secret@h/d"],
        ["--storage=postgresql://a:secret@h/d"],
    ):
        line = command_line(["table1", *arguments])
        assert line.startswith("seqyard sweep table1 ")
        assert "a:***@h/d" in line
        assert "secret" not in line


def test_without_a_storage_its_variable_counts(capsys, monkeypatch):
    check_refused(capsys, ["work", "--store", "mine"], "set SEQYARD_STORAGE")
    check_refused(capsys, ["sweep", PLAN], "set SEQYARD_STORAGE")


def test_work_needs_a_store_that_was_planned(capsys):
    assert sweep("--plan-only") == 0
    Path("empty").mkdir()
    capsys.readouterr()
    check_refused(capsys, ["work", "--storage", "queue.db", "--store", "empty"], "no manifest.json")
    Path("runs/toys-smoke/sweep.json").unlink()
    arguments = ["work", "--storage", "queue.db", "--store", "runs/toys-smoke"]
    check_refused(capsys, arguments, "no sweep.json")


def test_a_store_of_another_plan_is_refused(capsys):
    assert sweep("--plan-only") == 0
    capsys.readouterr()
    arguments = ["sweep", PLAN, "--only", "lstm", "--storage", "queue.db", "--store", "runs/toys-smoke"]
    check_refused(capsys, arguments, "is of toys (smoke), not of toys (quick)")


def test_a_sweep_is_planned_once_worked_off_and_goes_on(capsys, url):
    assert sweep("--plan-only", "--json", storage=url) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["blocks"], told["added"]) == (2, 2)
    assert sweep("--plan-only", storage=url) == 0
    assert "0 of 2 blocks added" in capsys.readouterr().out
    assert sweep("--json", storage=url, actions=["value", "value", "memory"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["cells"], summary["done"], summary["new"], summary["left"]) == (3, 3, 3, 0)
    assert summary["statuses"] == {"ok": 2, "out_of_memory": 1}
    assert sweep("--json", storage=url, actions=["value", "value", "memory"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 0
    assert sorted(begun()) == ["memory 2", "value 0", "value 1"]
    manifest = Store("runs/toys-smoke").manifest.read_text()
    assert PASSWORD not in manifest
    assert quote(PASSWORD) not in manifest


def test_what_has_lost_its_record_is_queued_again(capsys):
    assert sweep() == 0
    next(Store("runs/toys-smoke").records.glob("*.json")).unlink()
    assert sweep("--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["new"] == 1


def records(store):
    return {(record.key, record.status) for record in Store(store)}


@pytest.mark.slow
def test_the_smoke_sweep_gives_the_same_records_on_sqlite_and_postgresql(capsys, postgres):
    """On PostgreSQL two planners begin at once, and both work."""
    address = postgres.fresh()
    command = [sys.executable, "-m", "experiments.cli", "sweep", "long_range", "--profile", "smoke"]
    command += ["--workers", "2", "--no-report"]
    once = subprocess.run([*command, "--storage", "one.db", "--store", "one"], check=True)
    assert once.returncode == 0
    both = [subprocess.Popen([*command, "--storage", address, "--store", "two"]) for _ in range(2)]
    assert [process.wait(1200) for process in both] == [0, 0]
    planned = set(read_json(Store("one").manifest)["cells"])
    assert records("one") == records("two")
    assert {key for key, _ in records("one")} == planned
    assert len(planned) >= 8
    queue = Queue(open_storage(address), read_json(Path("two/sweep.json"))["queue"])
    assert {row.state.name for row in queue.rows()} == {"COMPLETE"}
    assert len(queue.rows()) == len({row.block for row in queue.rows()})
