"""Greedy decoding over ``step`` against repeated parallel decoding."""

import pytest
import torch
from torch import Tensor

from models.base import Memory, Seq2Seq
from models.conformance import PROBLEMS
from models.conformance_cases import small
from models.decoding import greedy
from models.problem import BOS, EOS, PAD
from tests.models.toy import Toy

SOURCE = torch.randint(3, 11, (12, 6), generator=torch.Generator().manual_seed(0))
MASK = torch.arange(6) < torch.tensor([6, 3, 1, 5, 6, 2, 4, 6, 1, 2, 3, 4])[:, None]


@pytest.fixture
def model() -> Seq2Seq:
    """A model with random weights large enough that its rows differ, and end at different places."""
    torch.manual_seed(10)
    model = Toy(small(Toy, {"dropout": 0.5}), PROBLEMS["decoder-tokens"]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    return model


def by_decode(model: Seq2Seq, length: int) -> Tensor:
    """Decode the whole prefix again for each token, in parallel."""
    memory = model.encode_source(SOURCE, MASK)
    tokens = torch.full((len(SOURCE), 1), BOS)
    for _ in range(length):
        output_BTD = model.decode(model.target_embedding(tokens), memory)
        tokens = torch.cat([tokens, model.head(output_BTD[:, -1:]).argmax(-1)], dim=1)
    return tokens[:, 1:]


def test_greedy_is_the_argmax_of_parallel_decoding(model: Seq2Seq) -> None:
    expected = by_decode(model, 15)
    assert len(expected.unique(dim=0)) > 6
    assert torch.equal(greedy(model, SOURCE, MASK, 15, stop_at_eos=False), expected)


def test_rows_end_with_eos_and_are_padded_after_it(model: Seq2Seq) -> None:
    unstopped = by_decode(model, 15)
    stopped = greedy(model, SOURCE, MASK, 15)
    ended = 0
    for row, free in zip(stopped.tolist(), unstopped.tolist(), strict=True):
        if EOS in free:
            end = free.index(EOS) + 1
            ended += 1
            assert row == free[:end] + [PAD] * (len(row) - end)
        else:
            assert row == free
    assert 0 < ended < len(SOURCE)


def test_rows_do_not_depend_on_their_batch_mates(model: Seq2Seq) -> None:
    together = greedy(model, SOURCE, MASK, 15)
    for row in range(len(SOURCE)):
        alone = greedy(model, SOURCE[row : row + 1], MASK[row : row + 1], 15)[0]
        assert torch.equal(alone, together[row, : len(alone)])
        assert not together[row, len(alone) :].any()


class Scripted(Toy):
    """Says EOS at the second step in every row."""

    def start(self, memory: Memory) -> int:
        return 0

    def step(self, target_BD: Tensor, state: int, memory: Memory) -> tuple[Tensor, int]:
        wanted = EOS if state == 1 else 5
        return self.head.weight[wanted].expand(len(target_BD), -1) * 1e3, state + 1


@pytest.mark.parametrize(("stop", "expected"), [(True, [5, EOS]), (False, [5, EOS, 5, 5])])
def test_decoding_stops_when_every_row_has_ended(stop: bool, expected: list[int]) -> None:
    torch.manual_seed(0)
    model = Scripted(small(Toy, {}), PROBLEMS["decoder-tokens"])
    answer = greedy(model, SOURCE, MASK, 4, stop_at_eos=stop)
    assert answer.tolist() == [expected] * len(SOURCE)
    assert answer.dtype == torch.long


def test_a_training_model_decodes_without_dropout_and_goes_on_training(model: Seq2Seq) -> None:
    expected = greedy(model, SOURCE, MASK, 8)
    model.train()
    assert torch.equal(greedy(model, SOURCE, MASK, 8), expected)
    assert model.training
    assert model.encoder.training


def test_what_cannot_be_decoded_is_refused(model: Seq2Seq) -> None:
    with pytest.raises(ValueError, match="max_length = 0"):
        greedy(model, SOURCE, MASK, 0)
    with pytest.raises(ValueError, match="generates tokens"):
        greedy(Toy(small(Toy, {}), PROBLEMS["last-tokens"]), SOURCE, MASK, 4)
