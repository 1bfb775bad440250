"""``seqyard check`` on a file outside the repository: right architectures pass, leaks are named."""

import json
import sys
from pathlib import Path

import pytest

from experiments.check import run_check
from models.conformance import CHECKS
from models.errors import BadInput

OUTSIDE = '''
"""Written outside the repository."""

from tests.models.toy import FutureLeak, LastStateLeak, Exempt, Toy


class Right(Toy):
    """Conforms."""


class Leaks(FutureLeak):
    """Sees the future."""


class Pads(LastStateLeak):
    """Reads its answer from the padding."""


class Declared(Exempt):
    """Says that it leaks."""
'''


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    sys.modules.pop("outside_models", None)
    (tmp_path / "outside_models.py").write_text(OUTSIDE)


def test_a_right_architecture_conforms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check("outside_models:Right") == 0
    printed = capsys.readouterr().out
    assert "outside_models:Right conforms." in printed
    assert "failed" not in printed
    assert all(name in printed for name in CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "leak"), [("Leaks", "no_future"), ("Pads", "padding")])
def test_a_leak_is_named(name: str, leak: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(f"outside_models:{name}") == 1
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if f" {leak} " in line)
    assert "failed" in row
    last = printed.strip().splitlines()[-1]
    assert last.startswith(f"outside_models:{name} fails:")
    assert leak in last


def test_json_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check("outside_models:Declared", json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"]
    rows = {row["check"]: row for row in answer["checks"]}
    assert rows["no_future"]["status"] == "exempt"
    assert "averages the target" in rows["no_future"]["reason"]
    assert rows["padding"]["status"] == "exempt"
    assert rows["overfits"]["status"] == "passed"
    assert rows["overfits"]["seconds"] > 0
    cases = {(item["case"], item["name"]): item["status"] for item in answer["results"]}
    assert cases["default/decoder-tokens", "padding"] == "exempt"
    assert cases["default/last-tokens", "padding"] == "passed"


def test_a_wrong_name_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"has no 'Rigth'\. Did you mean 'Right'"):
        run_check("outside_models:Rigth")
