"""Simple recurrent networks with other activations, against torch's and against loops.

B batch, N positions, F input features, D width.
"""

import pytest
import torch
from torch import Tensor, nn

from models.errors import BadInput
from models.recurrence_simple import ReLURecurrence, SigmoidRecurrence, simple_recurrence
from models.registry import architecture, config_for
from models.rnn import RNN

B, N, F, D = 3, 8, 5, 6
MASK_BN = torch.arange(N) < torch.tensor([8, 3, 1])[:, None]


def make(activation: str, kernel: str = "fused"):
    torch.manual_seed(0)
    layer = simple_recurrence(F, D, kernel, activation, "orthogonal", 1.0).double()
    with torch.no_grad():
        for bias_G in (layer.weights.bias_ih_l0, layer.weights.bias_hh_l0):
            bias_G.normal_()
    return layer


@pytest.mark.parametrize("kernel", ["fused", "loop"])
def test_the_relu_network_is_torchs(kernel: str) -> None:
    layer = make("relu", kernel)
    assert isinstance(layer, ReLURecurrence)
    oracle = nn.RNN(F, D, nonlinearity="relu", batch_first=True).double()
    oracle.load_state_dict(layer.weights.state_dict())
    x_BNF, h_BD = torch.randn(B, N, F).double(), torch.randn(B, D).double()
    wanted_BND, _ = oracle(x_BNF, h_BD[None])
    got_BND, (last_BD,) = layer(x_BNF, (h_BD,), MASK_BN)
    torch.testing.assert_close(got_BND, wanted_BND)
    torch.testing.assert_close(last_BD, wanted_BND[torch.arange(B), torch.tensor([7, 2, 0])])


@pytest.mark.parametrize("kernel", ["fused", "loop"])
def test_the_sigmoid_network_equals_its_equation_in_values_and_gradients(kernel: str) -> None:
    layer = make("sigmoid", kernel)
    assert isinstance(layer, SigmoidRecurrence)
    own = layer.weights
    x_BNF = torch.randn(B, N, F, dtype=torch.float64, requires_grad=True)
    start_BD = torch.rand(B, D, dtype=torch.float64, requires_grad=True)
    h_BD, visited = start_BD, []
    for x_BF in x_BNF.unbind(dim=1):
        sums_BD = x_BF @ own.weight_ih_l0.T + own.bias_ih_l0 + h_BD @ own.weight_hh_l0.T
        h_BD = 1 / (1 + torch.exp(-(sums_BD + own.bias_hh_l0)))
        visited.append(h_BD)
    wanted_BND = torch.stack(visited, dim=1)
    got_BND, (last_BD,) = layer(x_BNF, (start_BD,))
    torch.testing.assert_close(got_BND, wanted_BND, rtol=0, atol=1e-12)
    torch.testing.assert_close(last_BD, h_BD, rtol=0, atol=1e-12)
    mix_BND = torch.randn(B, N, D, dtype=torch.float64)
    variables = [x_BNF, start_BD, *layer.parameters()]

    def gradients(h_BND: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((h_BND * mix_BND).sum(), variables)

    torch.testing.assert_close(gradients(got_BND), gradients(wanted_BND), rtol=1e-10, atol=1e-12)


def test_a_relu_network_starts_as_the_identity() -> None:
    """Le et al. 2015: with small inputs the state is carried unchanged, over any distance."""
    layer = RNN.recurrence(RNN.Config(width=D, activation="relu"), F)
    assert torch.equal(layer.weights.weight_hh_l0.detach(), torch.eye(D))
    assert layer.weights.weight_ih_l0.abs().max() < 6e-3
    h_BD = torch.rand(B, D)
    with torch.no_grad():
        _, (last_BD,) = layer(torch.zeros(B, 50, F), (h_BD,))
    torch.testing.assert_close(last_BD, h_BD)


def test_initialisation_and_gain_are_options() -> None:
    torch.manual_seed(0)
    config = RNN.Config(width=D, activation="relu", recurrent_initialisation="orthogonal")
    plain_DD = RNN.recurrence(config, F).weights.weight_hh_l0.detach()
    torch.testing.assert_close(plain_DD @ plain_DD.T, torch.eye(D), atol=1e-5, rtol=0)
    for activation in ("tanh", "relu", "sigmoid"):
        options = {"activation": activation, "recurrent_initialisation": "identity"}
        layer = RNN.recurrence(RNN.Config(width=D, recurrent_gain=0.5, **options), F)
        assert torch.equal(layer.weights.weight_hh_l0.detach(), torch.eye(D) / 2)


def test_options_that_came_later_leave_the_plain_data_of_the_default_as_it_was() -> None:
    """The key of a cell is a hash of this."""
    assert "activation" not in RNN.Config().model_dump(mode="json")
    changed = RNN.Config(activation="relu")
    assert changed.model_dump(mode="json")["activation"] == "relu"
    assert RNN.Config.model_validate(changed.model_dump(mode="json")) == changed
    assert changed.resized(width=8).activation == "relu"


def test_a_wrong_activation_is_refused() -> None:
    with pytest.raises(BadInput, match="activation"):
        config_for(architecture("rnn"), {"activation": "gelu"})
