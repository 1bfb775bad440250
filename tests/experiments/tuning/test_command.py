"""`seqyard tune` from end to end, with real workers; then a run with what it found."""

import json
import sys

import pytest

from experiments.cli import main
from experiments.commands import tune as command
from experiments.launch import Settings
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.progress import Display
from experiments.store import Store
from experiments.tuning.supervisor import TuningSupervisor
from models.errors import BadInput
from tests.experiments.toys import block, toy

pytestmark = pytest.mark.usefixtures("apart")

PLAN = "tests.experiments.tuning.tiny_plan:PLAN"


class Asking(Measure):
    """Ask after every step whether to give up, as training does; no torch."""

    class Options(base.Options):
        action: str = ""
        seconds: float = 0.0

    def one(self, cell, context: Context) -> Outcome:
        for number in range(1, 6):
            if context.prune(number, number / 10):
                return Outcome(status="pruned", reason="given up", metrics={"steps": number})
        return Outcome(metrics={"steps": 5})


class Answers:
    """A source of given blocks that gives up one cell at its third validation."""

    exclusive, threads = False, 1

    def __init__(self, blocks, give_up):
        self.blocks, self.give_up, self.asked, self.over = list(blocks), give_up, [], []

    def take(self):
        return self.blocks.pop(0) if self.blocks else None

    def prune(self, block, number, best):
        self.asked.append((block.key, number, best))
        return block.key == self.give_up and number == 3

    def done(self, block):
        self.over.append(block.key)

    def deaths(self, block):
        return {}

    def at(self, block, cell):
        pass

    def lost(self):
        return ()

    def waits(self):
        return True

    def empty(self):
        return not self.blocks

    def tick(self):
        pass


def test_workers_ask_and_go_on_as_they_are_told(store):
    cells = [toy(seed=seed).model_copy(update={"measure": f"{__name__}:Asking"}) for seed in (0, 1)]
    blocks = [block(cell) for cell in cells]
    source = Answers(blocks, give_up=blocks[1].key)
    assert TuningSupervisor(store, Settings(workers=2), Display(cells, {})).run(source)
    assert [store.read(cell.key).status for cell in cells] == ["ok", "pruned"]
    assert [store.read(cell.key).metrics["steps"] for cell in cells] == [5, 3]
    asked = [(number, best) for key, number, best in source.asked if key == blocks[0].key]
    assert asked == [(n, n / 10) for n in range(1, 6)]
    assert sorted(source.over) == sorted(each.key for each in blocks)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQYARD_STORAGE", raising=False)
    return tmp_path


def tune(*arguments):
    return main(["tune", PLAN, "--profile", "smoke", "--only", "rnn", "lstm", *arguments])


@pytest.mark.slow
def test_tuning_then_running_with_what_it_found(here, capsys):
    """Also: out of time, going on, nothing left to do, and the report with its section."""
    assert tune("--trials", "2", "--workers", "2", "--seconds", "0") == 1
    assert "out of time; rnn 0/2, lstm 0/2 trials" in capsys.readouterr().err
    assert not (here / "tuned/tiny.json").exists()

    assert tune("--trials", "2", "--workers", "2", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: row["finished"] for name, row in told["architectures"].items()} == {
        "rnn": 2,
        "lstm": 2,
    }
    found = json.loads((here / "tuned/tiny.json").read_text())
    store = Store(here / "tuned/tiny-smoke")
    records = {record.key: record for record in store}
    trials = [trial for row in found["architectures"].values() for trial in row["trials"]]
    assert {trial["key"] for trial in trials} == set(records)
    for trial in trials:
        record = records[trial["key"]]
        assert record.cell.measure == "validate"
        assert record.cell.seed == found["seed"] == 2
        assert record.metrics["validation"] == trial["validation"]
    assert "--tuned" not in found["command"]
    assert found["command"].startswith("seqyard tune ")

    before = {path: path.stat().st_mtime_ns for path in store.records.iterdir()}
    assert tune("--trials", "2") == 0
    assert {path: path.stat().st_mtime_ns for path in store.records.iterdir()} == before
    capsys.readouterr()

    run = ["run", PLAN, "--profile", "smoke", "--only", "rnn", "lstm", "--workers", "2"]
    run += ["--store", "runs/tiny"]
    assert main([*run, "--no-report"]) == 0
    assert main([*run, "--tuned", "tuned/tiny.json"]) == 0
    page = (here / "runs/tiny/report.md").read_text()
    assert "Each architecture got 2 finished trials on recall" in page
    assert "Tuned against untuned" in page
    planned = json.loads((here / "runs/tiny/manifest.json").read_text())["cells"].values()
    values = {name: row["values"] for name, row in found["architectures"].items()}
    trained = [row["cell"] for row in planned if row["cell"]["measure"] == "train"]
    assert trained
    for cell in trained:
        for part, keys in values[cell["architecture"]].items():
            assert {key: cell[part][key] for key in keys} == keys

    # without it again, the report is that of the plan's own values
    assert main([*run, "--no-report"]) == 0
    assert not (here / "runs/tiny/tuned.json").exists()


def test_what_was_tuned_for_another_plan_is_not_replaced(here):
    (here / "tuned").mkdir()
    kept = {"plan": "tiny", "profile": "full", "architectures": {}}
    (here / "tuned/tiny.json").write_text(json.dumps(kept))
    with pytest.raises(BadInput, match=r"is of tiny \(full\), not of tiny \(smoke\)"):
        command.main([PLAN, "--profile", "smoke"])
    assert json.loads((here / "tuned/tiny.json").read_text()) == kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trials", "0"], "0 is not at least 1"),
        (["--pruner", "medain"], "Did you mean 'median'"),
        (["--task", "recal"], "Did you mean 'recall'"),
        (["--storage", "mysql://user:secret@host/db"], "unknown kind 'mysql'"),
    ],
)
def test_wrong_arguments_are_one_line(here, capsys, arguments, words):
    assert tune(*arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert words in error
    assert "secret" not in error


def test_help_needs_neither_optuna_nor_torch():
    import subprocess

    code = (
        "import sys\n"
        "from experiments.commands import tune\n"
        "tune.parser()\n"
        "print(sorted({'optuna', 'torch', 'wandb'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
