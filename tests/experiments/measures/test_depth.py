"""Longest paths of graphs whose depth is known by hand, and how they grow in the real layers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from experiments.measures.depth import Depth
from experiments.measures.operator_graph import OperatorGraph, Region
from models.registry import architecture
from tests.experiments.measures.layers import cell, context


def recorded(function: Callable[[Tensor], object], *shape: int) -> OperatorGraph:
    x = torch.empty(shape or (8, 8), device="meta")
    with OperatorGraph() as graph:
        function(x)
    return graph


def chain(x: Tensor, k: int) -> Tensor:
    for _ in range(k):
        x = x + 1
    return x


def tree_sum(x: Tensor) -> Tensor:
    leaves = [x + 1 for _ in range(8)]  # one level
    while len(leaves) > 1:  # three levels
        leaves = [a + b for a, b in zip(leaves[::2], leaves[1::2], strict=True)]
    return leaves[0]


@pytest.mark.parametrize("k", [1, 5])
def test_a_chain_is_as_deep_as_it_is_long(k: int) -> None:
    graph = recorded(lambda x: chain(x, k))
    assert (graph.depth, graph.operators) == (k, k)


def test_a_tree_is_as_deep_as_it_has_levels() -> None:
    graph = recorded(tree_sum)
    assert (graph.depth, graph.operators) == (4, 15)


def test_views_are_no_operators() -> None:
    assert recorded(lambda x: x.t().reshape(8, 2, 4)[1:].unsqueeze(0).detach()).depth == 0
    assert recorded(lambda x: (x + 1).t().view(8, 8) + 1).depth == 2


def test_an_operator_in_place_deepens_what_it_writes() -> None:
    def own(x: Tensor) -> Tensor:
        y = x + 1
        y.mul_(2)
        return y + 1

    def through_a_view(x: Tensor) -> Tensor:
        y = x + 1
        y.t()[2:].mul_(2)
        return y + 1

    assert recorded(own).depth == recorded(through_a_view).depth == 3


def test_writes_side_by_side_do_not_wait_for_each_other() -> None:
    def halves(x: Tensor) -> Tensor:
        left, right = (x + 1).chunk(2, dim=1)
        for _ in range(3):
            left.mul_(2)
        right.mul_(2)
        return right + 1

    def overlapping(x: Tensor) -> Tensor:
        y = x + 1
        left, right = y[:, :5], y[:, 3:]
        for _ in range(3):
            left.mul_(2)
        return right + 1

    assert recorded(halves).depth == 4, "1 + 3 on the left, 1 + 1 + 1 on the right"
    assert recorded(overlapping).depth == 5


def test_what_reads_nothing_waits_for_nothing() -> None:
    assert recorded(lambda x: torch.zeros(3, device="meta")).depth == 0
    assert recorded(lambda x: chain(x, 2) + torch.ones(8, 8, device="meta")).depth == 3


@pytest.mark.parametrize("seed", range(30))
def test_regions_meet_where_they_share_an_element(seed: int) -> None:
    torch.manual_seed(seed)
    base = torch.arange(6 * 8 * 4).view(6, 8, 4)
    size = [int(torch.randint(1, limit + 1, ())) for limit in (3, 4, 2)]
    boxes = []
    for _ in range(2):
        low = [
            int(torch.randint(limit - length + 1, ()))
            for limit, length in zip((6, 8, 4), size, strict=True)
        ]
        boxes.append(
            base[tuple(slice(a, a + b) for a, b in zip(low, size, strict=True))].transpose(0, 2)
        )
    shared = bool(set(boxes[0].flatten().tolist()) & set(boxes[1].flatten().tolist()))
    assert Region.of(boxes[0]).meets(Region.of(boxes[1])) == shared


def depths(tmp_path: Path, name: str, part: str, lengths: list[int]) -> list[dict[str, int]]:
    return [Depth().one(cell("depth", part, name, n=n), context(tmp_path)).metrics for n in lengths]


def test_recurrence_grows_by_the_operators_of_one_step(tmp_path: Path) -> None:
    rnn = depths(tmp_path, "rnn", "recurrent", [8, 9, 64])
    assert rnn[1]["forward"] - rnn[0]["forward"] == 3, "product, sum, tanh"
    lstm = depths(tmp_path, "lstm", "recurrent", [8, 9, 64])
    assert lstm[1]["forward"] - lstm[0]["forward"] == 7, "product, sum, gate, ⊙, sum, tanh, ⊙"
    for series in (rnn, lstm):
        for way in ("forward", "training"):
            step = series[1][way] - series[0][way]
            assert series[2][way] == series[0][way] + 56 * step


@pytest.mark.parametrize("part", ["attention", "scores", "transformer"])
def test_attention_is_as_deep_at_any_length(tmp_path: Path, part: str) -> None:
    found = depths(tmp_path, "transformer", part, [8, 255, 4096])
    assert found[0] == found[1] == found[2]
    assert found[0]["training"] > found[0]["forward"] > 0
    assert not found[2]["extrapolated"]


def test_explicit_attention_has_the_depth_of_its_three_operators(tmp_path: Path) -> None:
    outcome = Depth().one(cell("depth", "explicit"), context(tmp_path))
    assert outcome.metrics["forward"] == 3


def test_a_long_recurrence_is_extrapolated_exactly(tmp_path: Path, monkeypatch) -> None:
    (extrapolated,) = depths(tmp_path, "lstm", "recurrent", [72])
    monkeypatch.setattr("experiments.measures.counting.EXACT_UP_TO", 72)
    (counted,) = depths(tmp_path, "lstm", "recurrent", [72])
    assert extrapolated.pop("extrapolated")
    assert not counted.pop("extrapolated")
    assert extrapolated == counted


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_a_scan_grows_with_the_logarithm_and_is_recorded_at_any_length(
    tmp_path: Path, name: str
) -> None:
    found = depths(tmp_path, name, "scan", [8**2, 8**3, 8**4, 8**5])
    assert not any(metrics["extrapolated"] for metrics in found)
    for way in ("forward", "training"):
        first, *steps = (metrics[way] for metrics in found)
        # every factor of 8 adds a pass over chunks, a constant, while n grows 512-fold
        grown = [after - before for before, after in zip([first, *steps], steps, strict=False)]
        assert all(0 < step < 40 for step in grown)
        assert found[-1][way] < 4 * first


def test_the_states_of_a_state_space_model_are_far_less_deep_than_a_recurrence(tmp_path: Path) -> None:
    short, long = depths(tmp_path, "selective_ssm", "", [256, 512])
    assert not long["extrapolated"]
    assert long["forward"] - short["forward"] < 32
    (lstm,) = depths(tmp_path, "lstm", "recurrent", [512])
    assert lstm["forward"] > 20 * long["forward"]


@pytest.mark.parametrize("name", ["linear_attention", "local_transformer", "conv", "mlp", "markov"])
def test_what_has_no_recurrence_is_recorded_at_any_length(tmp_path: Path, name: str) -> None:
    for part in architecture(name).layers():
        model = {"positions": 5000} if name == "mlp" else {}
        found = [
            Depth().one(cell("depth", part, name, model=model, n=n), context(tmp_path)).metrics
            for n in (512, 4096)
        ]
        assert not found[1]["extrapolated"]
        assert found[0] == found[1]


def test_whole_models(tmp_path: Path) -> None:
    def forward(name: str, n: int) -> int:
        found = Depth().one(cell("depth", "", name, scope="model", n=n), context(tmp_path))
        return found.metrics["forward"]

    assert forward("lstm", 1000) - forward("lstm", 500) == 500 * 14, "encoder and decoder"
    assert forward("transformer", 1000) == forward("transformer", 8)


@pytest.mark.parametrize("name", ["mingru", "minlstm", "selective_ssm"])
def test_parallel_scans_grow_with_log_n(tmp_path: Path, name: str) -> None:
    part = next(
        part for part, layer in architecture(name).layers().items() if layer.sequential == "log n"
    )
    shortest, short, long, longest = depths(tmp_path, name, part, [64, 512, 1024, 8192])
    for when in ("forward", "training"):
        assert 0 < longest[when] - long[when] <= 1.1 * (short[when] - shortest[when])  # 8 times n
