"""Bidirectional encoders against torch's own, and their view of what follows."""

import pytest
import torch
from torch import nn

from models.bidirectional import BidirectionalStack, reversal
from models.errors import BadInput
from models.problem import Problem
from models.recurrence import LSTMRecurrence, TanhRecurrence
from models.recurrent_stack import RecurrentStack
from models.registry import architecture, config_for


@pytest.mark.parametrize(("kind", "reference"), [(LSTMRecurrence, nn.LSTM), (TanhRecurrence, nn.RNN)])
def test_outputs_and_last_states_are_torchs(kind: type, reference: type) -> None:
    torch.manual_seed(0)
    ours = BidirectionalStack(lambda: RecurrentStack(lambda inputs: kind(inputs, 4), 6, 4, 1, 0.0))
    theirs = reference(6, 4, batch_first=True, bidirectional=True)
    for stack, suffix in ((ours.onward, ""), (ours.backward_, "_reverse")):
        for name, value in stack.recurrences[0].weights.named_parameters():
            getattr(theirs, name + suffix).data.copy_(value.data)
    x_BSF, length_B = torch.randn(3, 7, 6), torch.tensor([7, 2, 5])
    mask_BS = torch.arange(7) < length_B[:, None]
    packed = nn.utils.rnn.pack_padded_sequence(x_BSF, length_B, batch_first=True, enforce_sorted=False)
    packed, final = theirs(packed)
    expected_BSD, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    states_BSD, last = ours(x_BSF, None, mask_BS)
    torch.testing.assert_close(states_BSD * mask_BS[..., None], expected_BSD)
    for mine, its in zip(last[0], final if isinstance(final, tuple) else (final,), strict=True):
        torch.testing.assert_close(mine, torch.cat([its[0], its[1]], dim=-1))


def test_reversal_is_its_own_inverse_and_leaves_padding() -> None:
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    order = reversal(torch.zeros(2, 4, 1), mask)
    assert order.tolist() == [[2, 1, 0, 3], [3, 2, 1, 0]]
    assert order.gather(1, order).tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize(
    "name", ["rnn", "lstm", "gru", "attentional_rnn", "attentional_lstm", "attentional_gru"]
)
def test_the_first_position_sees_the_last(name: str) -> None:
    cls = architecture(name)
    problem = Problem(source_size=9, target_size=9, readout="position")
    for bidirectional in (True, False):
        torch.manual_seed(0)
        config = config_for(cls, {"width": 8, "bidirectional": bidirectional})
        model = cls(config, problem).eval()
        source = torch.randint(3, 9, (2, 6))
        changed = source.clone()
        changed[:, -1] = (changed[:, -1] - 2) % 6 + 3
        first = [model.encode_source(given, None).states[:, 0] for given in (source, changed)]
        assert torch.equal(*first) is not bidirectional


def test_a_width_without_halves_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"width = 7 has no half for each direction.* 8"):
        config_for(architecture("lstm"), {"width": 7, "bidirectional": True})
