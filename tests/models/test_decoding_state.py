"""Rows of trees of tensors; caches whose writers do not disturb each other; candidates."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from models.cache import Slots
from models.candidates import GROUPS, best_candidates
from models.decoding import next_logits
from models.decoding_state import select_rows, tensors
from tests.models.decoding_cases import MASK, SOURCE, build


class Pair(NamedTuple):
    left: Tensor
    right: Any


def test_rows_are_selected_everywhere_in_the_tree() -> None:
    x = torch.arange(3)
    state = {"a": [x, (x + 10,)], "b": Pair(x + 20, None), "position": 7}
    got = select_rows(state, torch.tensor([2, 0, 2, 1]))
    assert isinstance(got["b"], Pair)
    assert isinstance(got["a"][1], tuple)
    assert [tensor.tolist() for tensor in tensors(got)] == [
        [2, 0, 2, 1],
        [12, 10, 12, 11],
        [22, 20, 22, 21],
    ]
    assert got["position"] == 7
    assert got["b"].right is None


def test_what_would_be_missed_is_refused() -> None:
    with pytest.raises(TypeError, match=r"holds a set.*override Seq2Seq\.select"):
        select_rows([torch.ones(2), {torch.ones(2)}], torch.tensor([0]))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", ["transformer", "transformer-explicit"])
def test_two_continuations_of_one_state_do_not_disturb_each_other(name: str, mode: Any) -> None:
    model = build(name)
    with mode():
        memory = model.encode_source(SOURCE, MASK)

        def fresh(*tokens: int) -> tuple[Tensor, Any]:
            state = model.start(memory)
            for token in tokens:
                logits, state = next_logits(model, torch.full((12,), token), state, memory)
            return logits, state

        _, trunk = fresh(1, 3)
        _, first = next_logits(model, torch.full((12,), 4), trunk, memory)
        _, second = next_logits(model, torch.full((12,), 5), trunk, memory)
        for _ in range(40):  # beyond the room of the first buffers
            _, second = next_logits(model, torch.full((12,), 6), second, memory)
        torch.testing.assert_close(
            next_logits(model, torch.full((12,), 7), first, memory)[0], fresh(1, 3, 4, 7)[0]
        )
        torch.testing.assert_close(
            next_logits(model, torch.full((12,), 7), second, memory)[0],
            fresh(1, 3, 5, *[6] * 40, 7)[0],
        )


def test_a_state_goes_on_outside_inference_mode_and_with_gradients() -> None:
    model = build("transformer")
    with torch.inference_mode():
        memory = model.encode_source(SOURCE, MASK)
        token = torch.full((12,), 4)
        _, state = next_logits(model, token, model.start(memory), memory)
        wanted, _ = next_logits(model, token, state, memory)
    with torch.no_grad():
        memory = model.encode_source(SOURCE, MASK)
        got, _ = next_logits(model, token.clone(), state, memory)
    torch.testing.assert_close(got, wanted)
    memory, state = model.encode_source(SOURCE, MASK), None
    state = model.start(memory)
    for _ in range(3):
        got, state = next_logits(model, token.clone(), state, memory)
    got.sum().backward()
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_keys_are_never_copied_when_beams_change_places() -> None:
    model, rows_N = build("transformer-explicit"), torch.tensor([1, 0, 3, 3])
    with torch.inference_mode():
        memory = model.encode_source(SOURCE[:2], MASK[:2])
        state = model.start(memory)
        _, state = next_logits(model, torch.tensor([1, 1]), state, memory)
        state = model.select(state, torch.tensor([0, 0, 1, 1]), None)
        _, state = next_logits(model, torch.tensor([3, 4, 5, 6]), state, memory)
        before = [tensor.data_ptr() for tensor in tensors(state.layers)]
        state = model.select(state, rows_N, None)
        _, state = next_logits(model, torch.tensor([3, 4, 5, 6]), state, memory)
    assert [tensor.data_ptr() for tensor in tensors(state.layers)] == before
    assert isinstance(state.slots, Slots)
    wanted = [[[1, 0, 1, 1, 0], [1, 1, 0, 0, 1]], [[1, 0, 1, 1, 0], [1, 0, 1, 0, 1]]]
    assert state.slots.ancestry_BKX.int().tolist() == wanted


@pytest.mark.parametrize("vocabulary", [3, 40, 4 * GROUPS, 4 * GROUPS + 77, 4000])
@pytest.mark.parametrize(("beams", "count"), [(1, 2), (5, 10), (3, 1), (2, GROUPS + 3)])
def test_candidates_are_the_largest_of_all(vocabulary: int, beams: int, count: int) -> None:
    torch.manual_seed(vocabulary)
    logits_NV, total_BK = 4 * torch.randn(4 * beams, vocabulary), -8 * torch.rand(4, beams)
    total_BK[0, -1] = -torch.inf
    scores_BX = (logits_NV.double().log_softmax(1) + total_BK.double().view(-1, 1)).view(4, -1)
    kept = min(count, scores_BX.shape[1])
    wanted_BM, place_BM = scores_BX.topk(kept)
    got_BM, row_BM, token_BM = best_candidates(logits_NV, total_BK, count)
    assert got_BM.shape == row_BM.shape == token_BM.shape == (4, count)
    torch.testing.assert_close(got_BM[:, :kept].double(), wanted_BM, rtol=0, atol=1e-5)
    assert (got_BM[:, kept:] == -torch.inf).all()
    possible = wanted_BM > -torch.inf
    assert torch.equal((row_BM * vocabulary + token_BM)[:, :kept][possible], place_BM[possible])
