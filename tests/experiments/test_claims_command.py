"""``seqyard claims``: every sentence, one in full, filters, and what is wrong in one line."""

import json
import re
from pathlib import Path

import pytest

from analysis.claims import CLAIMS
from analysis.claims.catalogue import catalogue
from experiments import cli
from tests.analysis.synthetic import Synthetic


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seeds in which the LSTM remembers further, four in which the Transformer does."""
    made = Synthetic()
    for seed in range(12):
        noise = 0.01 * ((seed * 5) % 7)
        made.recall("rnn", seed, {1: 0.9, 8: 0.2 + noise, 32: 0.1})
        made.recall("lstm", seed, {1: 1.0, 8: 0.9 - noise, 32: 0.5})
    for seed in range(4):
        made.recall("transformer", seed, {1: 1.0, 8: 1.0, 32: 0.96 + 0.01 * seed})
    for record in made.records:
        object.__setattr__(record, "duration_s", 30.0)
    return made.write(tmp_path_factory.mktemp("claims") / "store")


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["claims", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_every_claim_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    listed = re.findall(r"^  ([A-Z][0-9]+) ", text, flags=re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(CLAIMS)
    assert list(catalogue()) == listed
    assert "supported" not in text  # without a store there is no verdict


def test_every_row_of_the_table_of_claims_is_there() -> None:
    """Long range, speed, complexity, inside the Transformer, training and decoding."""
    rows = [f"L{n}" for n in range(1, 14)] + [f"S{n}" for n in range(1, 5)]
    rows += [f"C{n}" for n in range(1, 7)] + [f"T{n}" for n in range(1, 14)]
    rows += [f"D{n}" for n in range(1, 5)]
    assert list(catalogue()) == rows


def test_a_store_gives_verdicts_and_filters_choose(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, store, "--topic", "long")
    assert re.search(r"L3 +measured +supported", text)
    assert "Speed:" not in text
    found = json.loads(shown(capsys, store, "--verdict", "supported", "--json"))
    assert [claim["id"] for claim in found] == ["L3"]
    assert found[0]["interval"][0] > 0
    assert len(found[0]["cells"]) == 24
    assert "no claim is so" in shown(capsys, store, "--verdict", "refuted", "--topic", "speed")


def test_one_claim_shows_its_evidence_and_what_is_missing(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (("l8", store), (store, "L8")):
        text = shown(capsys, *given)
        assert text.startswith("L8 (Long-range, measured): Self-attention joins any two positions")
        assert "source: Vaswani et al. 2017" in text
        assert "asked by the plans: " in text
        assert "long_range" in text
        assert f"verdict of {store}: inconclusive" in text
        assert "4 of 10, 6 missing" in text
        # four seeds took 30 s each, six more are needed
        assert "time for the missing seeds: about 3\N{NARROW NO-BREAK SPACE}min" in text
        assert "smallest effect that would show: " in text
        assert "cells: " in text
    found = json.loads(shown(capsys, "L8", store, "--json"))
    assert found["seconds_missing"] == pytest.approx(180)
    assert [part["verdict"] for part in found["parts"]] == ["inconclusive"] * 2


def test_one_claim_without_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert "verdict" not in shown(capsys, "S1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["L44"], "unknown claim 'L44'. Did you mean 'L4'?"),
        (["L3", "L4"], "give one claim and one store"),
        (["nowhere"], "store 'nowhere' has no manifest.json"),
        (["--verdict", "refuted"], "verdicts are of a STORE"),
        (["--verdict", "refutd"], "Did you mean 'refuted'"),
        (["--topic", "sped"], "unknown topic 'sped'. Did you mean 'Speed'"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["claims", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
