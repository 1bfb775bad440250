"""The first-order Markov model is a table over the previous token, and a prior without one."""

import pytest
import torch
from torch.nn import functional

from models.batch import Batch
from models.conformance import PROBLEMS, check
from models.conformance_cases import Case
from models.markov import Markov
from models.problem import BOS, Problem
from models.registry import config_for

V = 7
LANGUAGE = Problem(source_kind="none", source_size=0, target_size=V)


def model_of(problem: Problem, **options: object) -> Markov:
    torch.manual_seed(0)
    return Markov(config_for(Markov, {"width": 8, **options}), problem).double().eval()


def test_as_wide_as_the_vocabulary_it_is_any_table() -> None:
    model = model_of(LANGUAGE, feedforward=0)
    table_VV = torch.rand(V, V).double().softmax(-1).log()
    with torch.no_grad():
        model.target_embedding.weight.copy_(torch.eye(V, 8))
        model.head.weight.copy_(functional.pad(table_VV, (0, 0, 0, 1)).T)
        model.head.bias.zero_()
        target = torch.tensor([[3, 5, 5, 1], [4, 3, 6, 3]])
        found_BTV = model(Batch(torch.zeros(2, 0, dtype=torch.long), None, target, None)).log_softmax(
            -1
        )
    previous = torch.tensor([[BOS, 3, 5, 5], [BOS, 4, 3, 6]])
    torch.testing.assert_close(found_BTV, table_VV[previous])


@pytest.mark.parametrize("name", ["decoder-tokens", "decoder-floats"])
def test_an_answer_depends_on_the_previous_token_alone(name: str) -> None:
    problem = PROBLEMS[name]
    model = model_of(problem)
    shape = (2, 5) if problem.source_kind == "tokens" else (2, 5, problem.source_size)
    kind = torch.randint(3, 9, shape) if len(shape) == 2 else torch.randn(shape).double()
    target = torch.tensor([[3, 4, 3, 4, 8], [5, 6, 3, 4, 7]])
    found_BTV = model(Batch(kind, None, target, None))
    torch.testing.assert_close(found_BTV[:, 3:], found_BTV[:1, 3:].expand(2, -1, -1))
    torch.testing.assert_close(found_BTV[0, 1], found_BTV[0, 3], rtol=0, atol=0)  # both follow a 3
    assert not torch.allclose(found_BTV[0, 1], found_BTV[0, 2])


@pytest.mark.parametrize("readout", ["last", "position"])
def test_without_a_target_it_learns_the_prior(readout: str) -> None:
    problem = Problem(source_size=V, target_size=3, readout=readout)
    model = model_of(problem).train()
    counts = torch.tensor([1, 2, 5])
    target = torch.arange(3).repeat_interleave(counts)
    source = torch.randint(3, V, (8, 4))
    if readout == "position":
        target = target[:, None].expand(8, 4).contiguous()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.loss(model(Batch(source, None, target, None)), Batch(source, None, target, None))
        loss.backward()
        optimizer.step()
    p = counts / counts.sum()
    assert float(loss.detach()) == pytest.approx(float(-(p * p.log()).sum()), abs=1e-3)


def test_what_it_cannot_do_is_declared_and_fails() -> None:
    problem = PROBLEMS["decoder-tokens"]
    case = Case("", Markov, config_for(Markov, {"width": 16}), problem)
    for name in ("depends_on_source", "gradients"):
        assert check(case, name).status == "exempt"
    alone = Case("", Markov, case.config, PROBLEMS["decoder-alone"])
    assert check(alone, "gradients").status == "passed"


def test_the_floor_has_as_many_parameters_as_its_rivals_and_no_path() -> None:
    config = config_for(Markov, {"width": 32})
    assert Markov.core_parameters(config, LANGUAGE) == 8 * 32**2 + 5 * 32
    assert Markov.cost(config, LANGUAGE, 0, 10).state_size == 0
    (layer,) = Markov.layers().values()
    assert (layer.path_over(config, 0), layer.path_over(config, 1)) == (1, None)
