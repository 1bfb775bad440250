"""Starting from word vectors and from weights: alike for all architectures; nothing else changes."""

import pytest
import torch
from torch import Tensor

from models import MODELS
from models.base import Seq2Seq
from models.errors import BadInput
from models.pretrained import fitted, start_from_vectors, start_from_weights
from models.problem import Problem
from models.registry import architecture, config_for

PROBLEM = Problem(source_size=40, target_size=3, readout="last")
LAST = [name for name in MODELS if name != "markov"]


def model(name: str = "lstm", problem: Problem = PROBLEM, seed: int = 0, **options: object) -> Seq2Seq:
    cls = architecture(name)
    torch.manual_seed(seed)
    return cls(config_for(cls, {"width": 16, **options}), problem)


def vectors(dimensions: int, seed: int = 1) -> Tensor:
    """Vectors with a common direction and very unequal spread, for all but the reserved tokens."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.logspace(1, -2, dimensions)
    found = torch.randn(40, dimensions, generator=generator) * spread + 5.0
    found[:4] = torch.nan
    found[7] = torch.nan
    return found


def known() -> Tensor:
    keep = torch.ones(40, dtype=torch.bool)
    keep[[0, 1, 2, 3, 7]] = False
    return keep


@pytest.mark.parametrize("name", LAST)
@pytest.mark.parametrize("dimensions", [5, 64])
def test_the_embedding_alone_changes_in_every_architecture(name: str, dimensions: int) -> None:
    bare, started = model(name), model(name)
    start_from_vectors(started, vectors(dimensions))
    for (key, before), after in zip(
        bare.state_dict().items(), started.state_dict().values(), strict=True
    ):
        if key == "source_embedding.weight":
            assert torch.equal(before[~known()], after[~known()])
            assert not torch.equal(before[known()], after[known()])
            assert after[known()].std(correction=0).item() == pytest.approx(1.0, abs=1e-5)
            assert after[known()].mean(dim=0).abs().max() < 1e-5
            assert not after[0].any(), "padding"
        else:
            assert torch.equal(before, after), key


def test_distances_are_kept_where_there_is_room_and_nothing_lies_idle() -> None:
    given = vectors(5)[known()]
    found = fitted(given, 16)
    torch.testing.assert_close(torch.pdist(found), torch.pdist(given), atol=1e-3, rtol=1e-3)
    spread = found.std(dim=0)
    assert spread.min() > 0.02 * spread.max()


def test_principal_components_lose_least() -> None:
    given = vectors(12)[known()].double()
    centred = given - given.mean(dim=0)
    found = fitted(given.float(), 4).double()
    kept = torch.linalg.svdvals(centred)[:4]
    torch.testing.assert_close(torch.linalg.svdvals(found), kept, atol=1e-3, rtol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    floats = Problem(source_kind="floats", source_size=40, target_size=3, readout="last")
    with pytest.raises(BadInput, match="40 tokens do not fit a source of 40 floats"):
        start_from_vectors(model(problem=floats), vectors(5))
    with pytest.raises(BadInput, match="39 tokens do not fit a source of 40 tokens"):
        start_from_vectors(model(), vectors(5)[:39])
    with pytest.raises(BadInput, match="no token"):
        start_from_vectors(model(), torch.full((40, 3), torch.nan))


@pytest.mark.parametrize("name", ["lstm", "transformer", "conv", "mingru"])
def test_an_encoder_goes_on_under_another_readout(name: str) -> None:
    restoring = model(name, Problem(source_size=40, target_size=40), seed=1)
    classifying = model(name, seed=2)
    before = {key: value.clone() for key, value in classifying.state_dict().items()}
    loaded = start_from_weights(classifying, restoring.state_dict())
    after = classifying.state_dict()
    left = set(after) - set(loaded)
    assert {key.partition(".")[0] for key in left} <= {"head", "summary"}
    assert {"head.weight", "head.bias"} <= left
    for key, value in after.items():
        expected = restoring.state_dict()[key] if key in loaded else before[key]
        assert torch.equal(value, expected), key


def test_weights_of_another_size_are_not_taken() -> None:
    with pytest.raises(BadInput, match=r"embedding.weight is \(40, 16\) here, \(40, 12\) there"):
        start_from_weights(model(), model(width=12).state_dict())
