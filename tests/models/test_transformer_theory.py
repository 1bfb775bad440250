"""The Transformer's formulas against what is counted: parameters, FLOPs, state, depth, path.

N positions, D width, S source positions, T target positions.
"""

import itertools
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.batch import Batch
from models.decoding import next_logits
from models.decoding_state import select_rows
from models.problem import Problem
from models.transformer import Transformer

OPTIONS: list[dict[str, Any]] = [
    {},
    {"heads": 1, "layers": 1},
    {"heads": 2, "layers": 3, "decoder_layers": 1},
    {"feedforward": 7, "norm": "post"},
    {"layers": 1, "decoder_layers": 3, "norm": "post", "positions": "none"},
    {"attention": "fused"},
    {"attention": "explicit", "feedforward": 50, "width": 20, "heads": 5},
    {"causal": True, "width": 48, "heads": 6},
    {"key_width": 5, "attention": "explicit"},
    {"key_width": 2, "heads": 3, "attention": "fused", "layers": 1},
]
PROBLEMS = [
    Problem(source_kind=kind, source_size=6, target_size=9, readout=readout)
    for kind, readout in itertools.product(("tokens", "floats"), ("decoder", "position", "last"))
]


def config_of(options: dict[str, Any]) -> Any:
    return Transformer.Config.model_validate({"width": 12, **options})


def make_batch(problem: Problem, S: int, T: int, device: str) -> Batch:
    shape = (1, S) if problem.source_kind == "tokens" else (1, S, problem.source_size)
    kind = torch.long if problem.source_kind == "tokens" else torch.float32
    source = torch.ones(shape, dtype=kind, device=device)
    return Batch(source, None, torch.ones(1, T, dtype=torch.long, device=device), None)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_parameters_and_flops_are_exact(options) -> None:
    config = config_of(options)
    for problem in PROBLEMS:
        with torch.device("meta"):
            model = Transformer(config, problem)
        counted = model.counted_core_parameters()
        assert Transformer.core_parameters(config, problem) == counted
        for S, T in ((1, 1), (5, 8), (300, 20)):
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                model(make_batch(problem, S, T, "meta"))
            cost = Transformer.cost(config, problem, S, T if problem.readout == "decoder" else 0)
            assert cost.flops == counter.get_total_flops() > 0
            assert cost.parameters == counted


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_state_size_is_what_decoding_keeps(options) -> None:
    config, S, T = config_of(options), 5, 4
    model = Transformer(config, PROBLEMS[0]).eval()
    with torch.no_grad():
        memory = model.encode_source(torch.ones(1, S, dtype=torch.long), None)
        state = model.start(memory)
        for _ in range(T):
            _, state = next_logits(model, torch.ones(1, dtype=torch.long), state, memory)
    assert state.slots.used == T  # there is room for more
    kept = state.written()
    assert all(len(tensor) == 1 for tensor in kept)
    wanted = Transformer.cost(config, PROBLEMS[0], S, T).state_size
    assert sum(tensor.numel() for tensor in kept) == wanted


def test_rows_of_the_state_can_be_chosen() -> None:
    """Beam search reorders the batch of every tensor of the state."""
    torch.manual_seed(0)
    model = Transformer(config_of({}), PROBLEMS[0]).eval()
    source, order = torch.randint(3, 6, (3, 5)), torch.tensor([2, 0, 2])
    memory, chosen = model.encode_source(source, None), model.encode_source(source[order], None)
    token = torch.tensor([3, 4, 5])
    _, state = next_logits(model, token, model.start(memory), memory)
    state = select_rows(state, order)
    got, _ = next_logits(model, token, state, chosen)
    _, wanted_state = next_logits(model, token[order], model.start(chosen), chosen)
    wanted, _ = next_logits(model, token, wanted_state, chosen)
    torch.testing.assert_close(got, wanted)


def test_depth_and_path_do_not_grow_with_length() -> None:
    config = config_of({"layers": 2, "decoder_layers": 3})
    short, long = (Transformer.cost(config, PROBLEMS[0], n, n) for n in (4, 4096))
    assert short.sequential_operations == long.sequential_operations == 5
    assert short.path_length == long.path_length == 1
    encoder = Transformer.cost(config, Problem(source_size=6, target_size=9, readout="last"), 4, 0)
    assert (encoder.sequential_operations, encoder.state_size) == (2, 0)


@pytest.mark.parametrize(
    "options", [{}, {"feedforward": 30, "heads": 3}, {"norm": "post"}, {"key_width": 7}], ids=str
)
@pytest.mark.parametrize("part", ["attention", "scores", "transformer"])
def test_the_measured_layers_match_their_formulas(part, options) -> None:
    config, layer = config_of(options), Transformer.layers()[part]
    with torch.device("meta"):
        module = layer.build(config)
    assert layer.parameters(config) == sum(p.numel() for p in module.parameters())
    for n in (1, 16, 700):
        with FlopCounterMode(display=False) as counter:
            assert module(torch.zeros(1, n, 12, device="meta")).shape == (1, n, 12)
        assert layer.flops(config, n) == counter.get_total_flops()


def test_the_textbook_counts() -> None:
    d, n = 64, 100
    config = Transformer.Config(width=d)
    layers = Transformer.layers()
    assert list(layers) == ["attention", "scores", "transformer"]
    assert layers["attention"].flops(config, n) == 8 * n * d**2 + 4 * n**2 * d
    assert layers["scores"].flops(config, n) == 4 * n**2 * d
    assert layers["scores"].parameters(config) == 0
    assert layers["transformer"].flops(config, n) == 24 * n * d**2 + 4 * n**2 * d


@pytest.mark.parametrize("attention", ["explicit", "fused"])
@pytest.mark.parametrize("part", ["attention", "scores", "transformer"])
def test_one_update_joins_any_two_positions(part, attention) -> None:
    """The Jacobian's support: after one update the last output depends on every input."""
    torch.manual_seed(0)
    layer, n = Transformer.layers()[part], 9
    module = layer.build(config_of({"attention": attention}))
    x_BND = torch.randn(1, n, 12, requires_grad=True)
    output_BND, state = module.update(x_BND, None)
    (gradient_BND,) = torch.autograd.grad(output_BND[0, -1].square().sum(), x_BND)
    assert (gradient_BND[0].norm(dim=-1) > 0).all()
    assert [layer.path_length(k) for k in (1, 8)] == [1, 1]
    again_BND, _ = module.update(x_BND, state)
    torch.testing.assert_close(again_BND, module(output_BND))


def test_only_explicit_scores_are_quadratic_in_memory() -> None:
    """What autograd keeps for the backward pass: n² numbers a head, or not."""
    kept: dict[tuple[str, int], int] = {}
    for attention, n in itertools.product(("explicit", "fused"), (64, 128)):
        module = Transformer.layers()["scores"].build(config_of({"attention": attention}))
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x
        ):
            module(torch.randn(1, n, 12, requires_grad=True))
        kept[attention, n] = max(sizes)
    assert kept["explicit", 128] == 4 * kept["explicit", 64] == 4 * 128**2
    assert kept["fused", 128] == 2 * kept["fused", 64]
    for layer in Transformer.layers().values():
        assert (layer.explicit_memory_exponent, layer.memory_exponent) == (2, 1)
