"""Attention for every recurrent cell, against loops over torch's cells written out by hand.

B batch, S source positions, T target positions, D width.
"""

import pytest
import torch
from torch import Tensor, nn

from models.base import Seq2Seq
from models.batch import Batch
from models.errors import BadInput
from models.problem import Problem
from models.registry import architecture, config_for

B, S, T, D = 3, 6, 5, 8
LENGTHS = [6, 3, 1]
PROBLEM = Problem(source_size=9, target_size=9)
CELLS = {"attentional_rnn": nn.RNNCell, "attentional_lstm": nn.LSTMCell, "attentional_gru": nn.GRUCell}
SCORES = ["dot", "general", "additive"]


def cell_of(name: str, recurrence) -> nn.Module:
    """Return torch's cell with the weights of one of our layers."""
    given = {key.removesuffix("_l0"): value for key, value in recurrence.weights.state_dict().items()}
    cell = CELLS[name](given["weight_ih"].shape[1], D).double()
    cell.load_state_dict(given)
    return cell


def run(cell: nn.Module, x_F: Tensor, state: object) -> tuple[Tensor, object]:
    state = cell(x_F[None], state)
    h_1D = state[0] if isinstance(state, tuple) else state
    return h_1D[0], state


def compared(model: Seq2Seq, h_D: Tensor, s_D: Tensor) -> Tensor:
    """Luong et al. 2015, section 3.1; Bahdanau et al. 2015, appendix A.1.2."""
    own = model.attention
    if own.score == "dot":
        return h_D @ s_D
    if own.score == "general":
        return h_D @ (own.query.weight.T @ s_D)
    return own.scorer.weight[0] @ torch.tanh(own.query.weight @ h_D + own.key.weight @ s_D)


@torch.no_grad()
def by_hand(name: str, model: Seq2Seq, source_SD: Tensor, target_TD: Tensor) -> Tensor:
    """One row, unpadded, one position after the other."""
    reader = cell_of(name, model.encoder.recurrences[0])
    writer = cell_of(name, model.decoder.recurrences[0])
    state, states = None, []
    for x_D in source_SD:
        h_D, state = run(reader, x_D, state)
        states.append(h_D)
    outputs, fed_D = [], torch.zeros(D, dtype=torch.float64)
    for x_D in target_TD:
        given = torch.cat([x_D, fed_D]) if model.input_feeding else x_D
        h_D, state = run(writer, given, state)
        weights_S = torch.stack([compared(model, h_D, s_D) for s_D in states]).softmax(dim=0)
        context_D = sum(w * s_D for w, s_D in zip(weights_S, states, strict=True))
        fed_D = torch.tanh(model.attention.merge.weight @ torch.cat([context_D, h_D]))
        outputs.append(fed_D)
    return torch.stack(outputs)


@pytest.mark.parametrize("input_feeding", [False, True])
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("name", CELLS)
def test_decoding_equals_the_published_equations(name: str, score: str, input_feeding: bool) -> None:
    torch.manual_seed(0)
    cls = architecture(name)
    config = config_for(cls, {"width": D, "score": score, "input_feeding": input_feeding})
    model = cls(config, PROBLEM).double().eval()
    source, target = torch.randint(3, 9, (B, S)), torch.randint(3, 9, (B, T))
    mask_BS = torch.arange(S) < torch.tensor(LENGTHS)[:, None]
    with torch.no_grad():
        got_BTD = model.states(model.encode_source(source, mask_BS), target)
        source_BSD = model.source_embedding(source)
        target_BTD = model.target_embedding(model.shift_right(target))
    for row, length in enumerate(LENGTHS):
        wanted_TD = by_hand(name, model, source_BSD[row, :length], target_BTD[row])
        torch.testing.assert_close(got_BTD[row], wanted_TD, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_the_cell_brings_its_own_options_and_search_space(name: str) -> None:
    cls, alone = architecture(name), architecture(name.removeprefix("attentional_"))
    own = {key for key in alone.Config.model_fields if key not in {"width", "dropout"}}
    assert own <= set(cls.Config.model_fields)
    assert set(cls.own_search_space()) - set(alone.own_search_space()) == {"model.score"}
    assert alone.cell_name in cls.layers()["recurrent_attention"].description


@pytest.mark.parametrize("name", CELLS)
def test_a_relu_or_a_chrono_cell_attends_too(name: str) -> None:
    options = {"attentional_rnn": {"activation": "relu"}}.get(name, {"forget_bias": "chrono"})
    cls = architecture(name)
    model = cls(config_for(cls, {"width": D, "bidirectional": True, **options}), PROBLEM)
    tokens = torch.randint(3, 9, (2, 4))
    assert model(Batch(tokens, None, tokens, None)).shape == (2, 4, 9)


def test_no_attention_names_the_architectures_without() -> None:
    with pytest.raises(BadInput, match=r"score = 'none'.*rnn, lstm or gru"):
        config_for(architecture("attentional_gru"), {"score": "none"})
