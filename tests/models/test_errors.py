"""Bad input is one line that names the key, the value and the nearest valid one."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from models.errors import BadInput, explain, nearest


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    width: int = 8
    heads: int = 2

    @model_validator(mode="after")
    def _divisible(self) -> "Options":
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is not divisible by heads = {self.heads}")
        return self


def explained(**options: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Options.model_validate(options)
    error = explain(caught.value, "options", Options.model_fields)
    assert isinstance(error, BadInput)
    return str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widht": 3}, "options: unknown key 'widht'. Did you mean 'width'? Choices: heads, width."),
        (
            {"width": "x"},
            "options: width = 'x': Input should be a valid integer, unable to parse string ",
        ),
        ({"width": 9}, "options: width = 9 is not divisible by heads = 2"),
    ],
)
def test_an_error_is_explained(options: dict[str, object], message: str) -> None:
    assert explained(**options).startswith(message)


def test_every_wrong_key_is_named_in_one_line() -> None:
    message = explained(depth=1, width=None)
    assert "'depth'" in message
    assert "width = None" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("lstn", " Did you mean 'lstm'? Choices: lstm, rnn."),
        ("quux", " Choices: lstm, rnn."),
    ],
)
def test_only_a_near_name_is_proposed(wrong: str, hint: str) -> None:
    assert nearest(wrong, ["rnn", "lstm"]) == hint
