import pytest
from pydantic import ValidationError

from experiments.cell import Block, Cell, digest


def cell(**changes):
    return Cell(**{"measure": "train", "architecture": "lstm", "versions": {"measure": "1"}, **changes})


def test_equal_cells_have_equal_keys_whatever_the_order_of_their_options():
    assert cell(options={"a": 1, "b": 2}).key == cell(options={"b": 2, "a": 1}).key


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "rnn"},
        {"seed": 1},
        {"threads": 2},
        {"precision": "bfloat16"},
        {"speed": "plain"},
        {"device_model": "Some CPU"},
        {"versions": {"measure": "2"}},
        {"model": {"width": 64}},
        {"recipe": {"steps": 10}},
    ],
)
def test_every_part_enters_the_key(changes):
    assert cell(**changes).key != cell().key


def test_true_one_and_one_point_zero_are_not_the_same_option():
    keys = {cell(options={"x": value}).key for value in (True, 1, 1.0, "1", None)}
    assert len(keys) == 5


def test_nan_is_no_option():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"x": float("nan")})


def test_the_key_survives_json():
    original = cell(data={"distances": [1, 2, 4]}, recipe={"learning_rates": [0.001]})
    assert Cell.model_validate_json(original.model_dump_json()).key == original.key


@pytest.mark.parametrize("changes", [{"seed": -1}, {"threads": 0}, {"precission": "float32"}])
def test_wrong_fields_are_refused(changes):
    with pytest.raises(ValidationError):
        cell(**changes)


def test_a_block_is_known_by_its_cells_in_order():
    first, second = cell(), cell(seed=1)
    assert Block(name="a", cells=(first, second)).key == Block(name="b", cells=(first, second)).key
    assert Block(name="a", cells=(first, second)).key != Block(name="a", cells=(second, first)).key


def test_a_block_has_a_cell():
    with pytest.raises(ValidationError):
        Block(name="empty", cells=())
