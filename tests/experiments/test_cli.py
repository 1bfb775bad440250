import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import cli
from experiments.commands.request import distinct, find_plan
from experiments.commands.run import command_line
from experiments.commands.settings import assign, value_of
from experiments.locks import store_lock
from experiments.record import FORMAT
from experiments.store import Store, read_json
from models import MODELS
from models.errors import BadInput
from tests.experiments.toy_plan import ACTIONS
from tests.experiments.toys import block, toy

PLAN = "tests.experiments.toy_plan:PLAN"


@pytest.fixture(autouse=True)
def folder(apart, tmp_path, monkeypatch):
    """An empty current folder; what the command appends to the path is taken back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ACTIONS, str(tmp_path / "actions.txt"))
    return tmp_path


def run(*extra, actions=("value", "value")):
    Path("actions.txt").write_text("\n".join(actions))
    return cli.main(["run", PLAN, "--profile", "smoke", "--only", "lstm", "--no-report", *extra])


BAD = {
    "command": (["rnu"], "unknown command 'rnu'. Did you mean 'run'"),
    "plan": (["run", "tabel1"], "unknown plan 'tabel1'. Did you mean 'table1'"),
    "no plan": (["run", "tests.experiments.toy_plan:NO_PLAN"], "not an experiments.plans.base.Plan"),
    "plan left out": (["run"], "PLAN"),
    "profile": (["run", "table1", "--profile", "quik"], "Did you mean 'quick'"),
    "option": (["run", "table1", "--archtecture", "rnn"], "Did you mean '--architecture'"),
    "abbreviation": (["run", "table1", "--prof", "quick"], "Did you mean '--profile'"),
    "workers": (["run", "table1", "--workers", "0"], "--workers: 0 is not at least 1"),
    "seconds": (["run", "table1", "--seconds", "soon"], "'soon' is no float"),
    "architecture": (["run", "table1", "--only", "lsmt"], "Did you mean 'lstm'"),
    "module": (["run", "table1", "--architecture", "nowhere:Model"], "no module 'nowhere'"),
    "device": (["run", "table1", "--device", "gpu"], "unknown device 'gpu'"),
    "kind": (["list", "task"], "Did you mean 'tasks'"),
    "no store": (["status", "nowhere"], "store 'nowhere' has no manifest.json"),
    "no stores": (["report"], "no store under runs/"),
    "task": (["train", "--task", "recal", "--architecture", "lstm"], "Did you mean 'recall'"),
    "task left out": (["train", "--architecture", "lstm"], "--task"),
    "check": (["check", "lsmt"], "Did you mean 'lstm'"),
}
TRAIN = {
    "length": (["--set", "length=-3"], "length = -3"),
    "key": (["--set", "lenght=3"], "unknown key 'lenght'. Did you mean 'length'"),
    "part": (["--set", "modle.layers=3"], "unknown part 'modle'. Did you mean 'model'"),
    "no value": (["--set", "layers"], "write KEY=VALUE"),
    "steps": (["--steps", "0"], "steps = 0"),
    "rate": (["--learning-rate", "-1"], "-1 is not more than 0"),
    "heads": (["--architecture", "transformer", "--width", "30"], "not divisible by heads"),
    "both": (["--width", "32", "--budget", "60000"], "give one of the two"),
    "small": (["--budget", "3"], "the nearest is"),
    "seed": (["--seed", "-1"], "seed = -1"),
    "unwritable": (["--store", "/proc/nothing"], "cannot be written"),
}


def check_refused(capsys, arguments, message):
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("seqyard: error: ")
    assert message in line


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(name, capsys):
    check_refused(capsys, *BAD[name])


@pytest.mark.parametrize("name", TRAIN)
def test_bad_training_flags_are_one_line_and_exit_code_2(name, capsys):
    arguments, message = TRAIN[name]
    check_refused(capsys, ["train", "--task", "recall", "--architecture", "lstm", *arguments], message)


def last_line(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_a_store_of_a_newer_version_is_refused(capsys, folder):
    (folder / "newer").mkdir()
    (folder / "newer" / "manifest.json").write_text(json.dumps({"format": FORMAT + 1}))
    assert run("--store", "newer") == 2
    assert "newer Seqyard" in last_line(capsys)
    check_refused(capsys, ["status", "newer"], "newer Seqyard")


def test_a_store_that_cannot_be_written_is_refused(capsys):
    assert run("--store", "actions.txt/store") == 2
    assert "cannot be written" in last_line(capsys)


def test_a_store_in_use_is_refused(capsys):
    store = Store("busy")
    store.create()
    with store_lock(store.folder):
        assert run("--store", "busy") == 2
    assert "in use by another run" in last_line(capsys)


def test_a_damaged_record_is_named(capsys):
    assert run("--store", "mine") == 0
    path = next(Store("mine").records.glob("*.json"))
    path.write_text("{")
    assert run("--store", "mine") == 2
    assert path.name in last_line(capsys)
    check_refused(capsys, ["status", "mine"], path.name)


def test_a_run_is_summed_up_and_goes_on_where_it_was(capsys):
    assert run("--json", actions=["value", "memory", "diverge"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["cells"], summary["done"], summary["new"], summary["left"]) == (3, 3, 3, 0)
    assert summary["statuses"] == {"diverged": 1, "ok": 1, "out_of_memory": 1}
    assert summary["store"] == "runs/toys-smoke"
    assert run("--json", actions=["value", "memory", "diverge", "raise"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 1


def test_without_result_is_told_in_words(capsys):
    assert run(actions=["value", "memory"]) == 0
    output = capsys.readouterr()
    assert "2/2 cells done, 2 of them now" in output.out
    assert "without result: 1 out of memory" in output.out
    assert "out of memory: MemoryError" in output.err


def test_a_time_limit_leaves_cells_and_says_so(capsys):
    assert run("--seconds", "0") == 0
    output = capsys.readouterr().out
    assert "2 cells left; run the same command again" in output
    assert cli.main(["status", "runs/toys-smoke", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["left"] == {"tests.experiments.toys:Act": 2}


def test_status_counts_and_explains(capsys):
    run(actions=["value", "raise"])
    capsys.readouterr()
    assert cli.main(["status"]) == 0
    output = capsys.readouterr().out
    assert "2/2 cells done" in output
    assert "failed: ZeroDivisionError: division by zero" in output


def test_a_stopped_run_has_exit_code_1_and_says_why(capsys):
    assert run(actions=["exit"]) == 1
    assert "SystemExit" in last_line(capsys)


def test_ctrl_c_is_exit_code_130_and_tells_what_is_kept(capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.launch.Supervisor._step", interrupt)
    assert run(actions=["sleep"]) == 130
    assert "0 of 1 cells are done and kept" in last_line(capsys)


def test_architectures_are_added_or_replaced():
    from experiments.commands.request import make_request
    from experiments.commands.run import parser

    def names(*arguments):
        return list(
            make_request(
                parser().parse(["table1", "--device", "cpu", *arguments]), find_plan("table1")
            ).architectures
        )

    standard = ["rnn", "lstm", "attentional_lstm", "transformer"]
    toy_model = "tests.models.toy:Toy"
    assert names() == standard
    assert names("--architecture", toy_model, "lstm") == [*standard, toy_model]
    assert names("--only", "lstm", "--architecture", toy_model) == ["lstm", toy_model]


def test_the_manifest_keeps_the_command_without_folders(capsys, folder):
    run("--store", str(folder / "mine"))
    (command,) = read_json(folder / "mine" / "manifest.json")["commands"]
    assert command.startswith(f"seqyard run {PLAN} --profile smoke")
    assert str(folder) not in (folder / "mine" / "manifest.json").read_text()
    assert command_line(["toys", "--store=/home/somebody/x"]) == "seqyard run toys --store=x"
    assert command_line(["toys", "--corpus", "../../home/somebody/x"]) == "seqyard run toys --corpus x"


def test_cells_in_two_blocks_are_measured_once():
    first, second, third = (toy(seed=seed) for seed in range(3))
    found = distinct([block(first, second), block(second, third), block(first)])
    assert [list(each.cells) for each in found] == [[first, second], [third]]


def test_a_comparison_shares_no_cell():
    with pytest.raises(ValueError, match="'toys'"):
        distinct([block(toy()), block(toy(), exclusive=True)])


def test_train_prints_what_came_out(capsys):
    arguments = ["train", "--task", "recall", "--architecture", "lstm", "--steps", "4", "--width", "8"]
    arguments += ["--set", "length=10", "--set", "distances=[1,2]", "--set", "test_per_value=8"]
    arguments += ["--set", "validation_per_value=8", "--threads", "1", "--json"]
    assert cli.main(arguments) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "ok", record["reason"]
    assert record["cell"]["data"]["distances"] == [1, 2]
    assert record["cell"]["recipe"]["steps"] == 4
    assert 0 <= record["metrics"]["test"] <= 1
    assert cli.main(arguments[:-1]) == 0  # from the record this time
    output = capsys.readouterr()
    assert "recorded before" in output.err
    assert "lstm on recall, seed 0: ok" in output.out


def test_settings_find_their_part():
    parts = {"model": {"layers": 0, "dropout": 0}, "task": {"length": 0, "dropout": 0}}
    found = assign(["layers=2", "length=[1,2]", "task.dropout=0.5"], parts)
    assert found == {"model": {"layers": 2}, "task": {"length": [1, 2], "dropout": 0.5}}
    with pytest.raises(BadInput, match=r"write model\.dropout or task\.dropout"):
        assign(["dropout=1"], parts)


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("1e-3", 1e-3), ("true", True), ("null", None), ("post", "post")]
)
def test_values_are_json_or_text(text, value):
    assert value_of(text) == value


def test_list_names_everything_with_a_line(capsys):
    assert cli.main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == ["architectures", "tasks", "measures", "plans"]
    assert list(listed["architectures"]) == list(MODELS)
    lines = [line for rows in listed.values() for line in rows.values()]
    assert all(lines), listed
    assert cli.main(["list", "tasks"]) == 0
    assert "recall" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_every_command_has_help_with_examples(command, capsys):
    with pytest.raises(SystemExit) if command else pytest.MonkeyPatch.context() as ended:
        assert cli.main([command, "--help"] if command else ["--help"]) == 0
    assert not command or ended.value.code == 0
    output = capsys.readouterr().out
    assert "examples:" in output
    assert f"seqyard {command}".rstrip() in output


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("seqyard ")


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["status", "--help"], ["run", "--help"]])
def test_light_commands_import_no_torch(arguments):
    code = f"""
import sys
from experiments import cli
try:
    cli.main({arguments!r})
except SystemExit:
    pass
sys.exit(3 if "torch" in sys.modules else 0)
"""
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
    )


def test_help_answers_at_once():
    times = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "experiments.cli", "--help"], check=True, capture_output=True
        )
        times.append(time.monotonic() - begin)
    assert min(times) < 0.5
