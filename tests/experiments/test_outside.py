"""An architecture in one file outside the repository: checked, measured, and in the report."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example" / "my_module.py"


def seqyard(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "experiments.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path / "my_module.py")
    return tmp_path


@pytest.mark.slow
def test_the_example_conforms_and_appears_in_a_report(folder: Path) -> None:
    checked = seqyard(folder, "check", "my_module:MyModel")
    assert checked.returncode == 0, checked.stdout
    arguments = ("--profile", "smoke", "--only", "lstm", "--architecture", "my_module:MyModel")
    ran = seqyard(folder, "run", "complexity", *arguments)
    assert ran.returncode == 0, ran.stderr
    report = (folder / "runs" / "complexity-smoke" / "report.html").read_text(encoding="utf-8")
    assert "MyModel" in report
    assert "gated average" in report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "caught"),
    [
        # decodes from the state after the whole target: every position sees the future
        (
            "return self.decoder(self.dropout(target_BTD), memory.final)",
            "return self.decoder(self.dropout(target_BTD), memory.final).flip(1)",
            "no_future",
        ),
        # the state runs on through the padding
        ("f_BND.masked_fill(~mask_BN[..., None], 1.0)", "f_BND", "padding"),
    ],
)
def test_a_leak_is_caught_by_name(folder: Path, right: str, wrong: str, caught: str) -> None:
    module = folder / "my_module.py"
    text = module.read_text(encoding="utf-8")
    assert right in text
    module.write_text(text.replace(right, wrong), encoding="utf-8")
    checked = seqyard(folder, "check", "my_module:MyModel", "--json")
    assert checked.returncode == 1
    found = {row["check"]: row["status"] for row in json.loads(checked.stdout)["checks"]}
    assert found[caught] == "failed"
