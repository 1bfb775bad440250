"""Formulas of the recurrent architectures against what is counted, and path lengths against Jacobians.

N positions, D width.
"""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.attentional import AttentionalLSTM
from models.base import Seq2Seq
from models.batch import Batch
from models.decoding import next_logits
from models.gru import GRU
from models.lstm import LSTM
from models.problem import Problem
from models.rnn import RNN

CASES: list[tuple[type[Seq2Seq], dict[str, Any]]] = [
    *[(cls, {"layers": n}) for cls in (RNN, LSTM, GRU) for n in (1, 2, 3)],
    *[(cls, {"kernel": "loop", "layers": 2}) for cls in (RNN, LSTM, GRU, AttentionalLSTM)],
    *[
        (AttentionalLSTM, {"layers": n, "score": score, "input_feeding": feeding})
        for n in (1, 2, 3)
        for score in ("dot", "general", "additive")
        for feeding in (False, True)
    ],
    *[(AttentionalLSTM, {"attention": kernel}) for kernel in ("explicit", "fused")],
]
PROBLEMS = [
    Problem(source_kind=kind, source_size=6, target_size=9, readout=readout)
    for kind in ("tokens", "floats")
    for readout in ("decoder", "position", "last")
]
IDS = [f"{cls.__name__}-{'-'.join(map(str, options.values()))}" for cls, options in CASES]


def source(problem: Problem, length: int, device: str = "meta") -> torch.Tensor:
    if problem.source_kind == "tokens":
        return torch.ones(1, length, dtype=torch.long, device=device)
    return torch.ones(1, length, problem.source_size, device=device)


@pytest.mark.parametrize(("cls", "options"), CASES, ids=IDS)
def test_parameters_and_flops_are_exact(cls: type[Seq2Seq], options: dict[str, Any]) -> None:
    config = cls.Config.model_validate({"width": 12, **options})
    for problem in PROBLEMS:
        with torch.device("meta"):
            model = cls(config, problem)
        assert cls.core_parameters(config, problem) == model.counted_core_parameters()
        S, T = 5, 3 if problem.readout == "decoder" else 0
        target = torch.ones(1, T, dtype=torch.long, device="meta")
        batch = Batch(source(problem, S), None, target, None)
        with FlopCounterMode(display=False) as counter:
            model(batch)
        cost = cls.cost(config, problem, S, T)
        assert cost.flops == counter.get_total_flops() > 0
        assert cost.parameters == model.counted_core_parameters()


@pytest.mark.parametrize(("cls", "options"), CASES, ids=IDS)
def test_layer_formulas_are_exact(cls: type[Seq2Seq], options: dict[str, Any]) -> None:
    config = cls.Config.model_validate({"width": 12, **options})
    for layer in cls.layers().values():
        with torch.device("meta"):
            module = layer.build(config)
        assert layer.parameters(config) == sum(p.numel() for p in module.parameters())
        for n in (1, 5):
            with FlopCounterMode(display=False) as counter:
                module(torch.ones(1, n, 12, device="meta"))
            assert layer.flops(config, n) == counter.get_total_flops() > 0


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_the_textbook_ratios(cls: type[Seq2Seq]) -> None:
    """Table 1 of Vaswani et al. 2017: O(n d²); an LSTM layer has 4 times an RNN layer's products."""
    layer = cls.layers()["recurrent"]
    config = cls.Config(width=64)
    assert layer.flops(config, 20) == 2 * layer.flops(config, 10)
    assert layer.flops(config.resized(width=128), 10) == 4 * layer.flops(config, 10)
    assert layer.flops(config, 10) == {RNN: 1, LSTM: 4, GRU: 3}[cls] * 4 * 10 * 64**2


def test_a_gru_layer_has_three_quarters_of_the_parameters_of_an_lstm_layer() -> None:
    for width in (1, 7, 64):
        gru, lstm = (cls.layers()["recurrent"] for cls in (GRU, LSTM))
        assert 4 * gru.parameters(GRU.Config(width=width)) == 3 * lstm.parameters(
            LSTM.Config(width=width)
        )
        assert 4 * gru.flops(GRU.Config(width=width), 5) == 3 * lstm.flops(LSTM.Config(width=width), 5)


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU, AttentionalLSTM])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_path_length_is_the_number_of_updates_until_an_input_arrives(
    cls: type[Seq2Seq], k: int
) -> None:
    torch.manual_seed(0)
    N, t = 9, 7
    for layer in cls.layers().values():
        module = layer.build(cls.Config(width=6)).double()
        x_1ND = torch.randn(1, N, 6, dtype=torch.float64, requires_grad=True)
        state, updates, arrived = None, 0, False
        while not arrived:
            output_1ND, state = module.update(x_1ND, state)
            updates += 1
            (gradient_1ND,) = torch.autograd.grad(output_1ND[0, t].sum(), x_1ND, retain_graph=True)
            arrived = bool(gradient_1ND[0, t - k].any())
        assert updates == layer.path_length(k)


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU, AttentionalLSTM])
def test_as_many_updates_as_positions_give_the_layer(cls: type[Seq2Seq]) -> None:
    torch.manual_seed(0)
    for layer in cls.layers().values():
        module = layer.build(cls.Config(width=6)).double()
        x_BND = torch.randn(2, 5, 6, dtype=torch.float64)
        state = None
        for _ in range(5):
            output_BND, state = module.update(x_BND, state)
        torch.testing.assert_close(output_BND, module(x_BND))


@pytest.mark.parametrize(("cls", "options"), CASES, ids=IDS)
def test_steps_equal_decode(cls: type[Seq2Seq], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    problem = Problem(source_size=10, target_size=9)
    model = cls(cls.Config.model_validate({"width": 12, **options}), problem).eval()
    source_BS, target_BT = torch.randint(3, 10, (3, 6)), torch.randint(3, 9, (3, 5))
    mask_BS = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
    with torch.no_grad():
        logits_BTV = model(Batch(source_BS, mask_BS, target_BT, None))
        memory = model.encode_source(source_BS, mask_BS)
        state = model.start(memory)
        for t, token_B in enumerate(model.shift_right(target_BT).unbind(dim=1)):
            logits_BV, state = next_logits(model, token_B, state, memory)
            torch.testing.assert_close(logits_BV, logits_BTV[:, t], atol=1e-5, rtol=0)


def test_state_size_is_what_decoding_keeps() -> None:
    problem = Problem(source_size=10, target_size=9)

    def numbers(thing: Any) -> int:
        if isinstance(thing, torch.Tensor):
            return thing.numel()
        values = thing.values() if isinstance(thing, dict) else thing
        return sum(map(numbers, values))

    for cls, options in CASES:
        config = cls.Config.model_validate({"width": 12, **options})
        model = cls(config, problem)
        memory = model.encode_source(source(problem, 7, "cpu"), None)
        kept = numbers(model.start(memory))
        if cls is AttentionalLSTM:
            kept += memory.states.numel() + numbers(memory.final.get("keys", []))
        assert cls.cost(config, problem, 7, 4).state_size == kept


def test_theory_of_steps_and_paths() -> None:
    problem = Problem(source_size=10, target_size=9)
    config = AttentionalLSTM.Config(layers=2)
    assert RNN.cost(RNN.Config(), problem, 10, 6).sequential_operations == 16
    assert LSTM.cost(LSTM.Config(layers=3), problem, 10, 6).path_length == 18
    attentional = AttentionalLSTM.cost(config, problem, 10, 6)
    assert (attentional.sequential_operations, attentional.path_length) == (18, 3)
    fed = AttentionalLSTM.cost(AttentionalLSTM.Config(input_feeding=True), problem, 10, 6)
    assert (fed.sequential_operations, fed.path_length) == (22, 2)
    tagging = problem.model_copy(update={"readout": "position"})
    assert AttentionalLSTM.cost(config, tagging, 10, 0).path_length == 11
