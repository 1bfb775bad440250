"""Architectures are found by name, and wrong names and options are answered in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from models import MODELS
from models.base import Seq2Seq
from models.errors import BadInput
from models.registry import architecture, config_for, describe_all
from tests.models.toy import Toy


@pytest.mark.parametrize("name", MODELS)
def test_every_registered_name_is_an_architecture(name: str) -> None:
    cls = architecture(name)
    assert issubclass(cls, Seq2Seq)
    assert f"{cls.__module__}:{cls.__name__}" == MODELS[name]
    assert cls.citation


def test_a_class_outside_is_found_by_module_and_name() -> None:
    assert architecture("tests.models.toy:Toy") is Toy


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("transfromer", "unknown architecture 'transfromer'. Did you mean 'transformer'? Choices: "),
        ("tests.models.toy:Toi", "has no 'Toi'. Did you mean 'Toy'?"),
        ("tests.models.nothing:Toy", "no module 'tests.models.nothing'"),
        ("tests.models.toy:ToyLayer", "ToyLayer does not extend models.base.Seq2Seq"),
        ("tests.models.toy:Any", "does not extend models.base.Seq2Seq"),
        ("tests.models.test_registry:Incomplete", "Incomplete does not implement cost, decode, step."),
    ],
)
def test_a_wrong_name_is_answered_in_one_line(name: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        architecture(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Incomplete(Toy):
    """Takes three methods of the contract back."""

    decode = Seq2Seq.decode
    step = Seq2Seq.step
    cost = Seq2Seq.__dict__["cost"]


def test_options_become_a_configuration() -> None:
    assert config_for(Toy, {"width": 24, "layers": 2}) == Toy.Config(width=24, layers=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 2}, "options of Toy: unknown key 'layer'. Did you mean 'layers'? Choices: dropout,"),
        ({"layers": 0}, "options of Toy: layers = 0: Input should be greater than 0"),
        ({"dropout": 1.5}, "options of Toy: dropout = 1.5: Input should be less than 1"),
        (
            {"tie_embeddings": "both"},
            "tie_embeddings = 'both': Input should be 'none', 'target' or 'all'",
        ),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        config_for(Toy, options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_are_described_without_importing_torch() -> None:
    described = describe_all()
    assert list(described)[: len(MODELS)] == list(MODELS)
    assert all(described.values())
    code = (
        "import sys; from models.registry import describe_all; describe_all(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
