"""Our recurrent layers against cells written out from the published gate equations.

B batch, N positions, F input features, D width. The oracles use plain tensor operations, position by
position and row by row, and know nothing of padding.
"""

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from models.recurrence import LSTMRecurrence, Recurrence, TanhRecurrence
from models.recurrence_gru import GRURecurrence

KINDS = [TanhRecurrence, LSTMRecurrence, GRURecurrence]
KERNELS = ["fused", "loop"]
B, N, F, D = 4, 9, 5, 7
LENGTHS = [9, 4, 1, 6]


def elman(layer: Recurrence, x_NF: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Elman 1990: the hidden units see the input and a copy of themselves one step before."""
    W, U = layer.weights.weight_ih_l0, layer.weights.weight_hh_l0
    b = layer.weights.bias_ih_l0 + layer.weights.bias_hh_l0
    (h,) = state
    outputs = []
    for x in x_NF:
        h = torch.tanh(W @ x + U @ h + b)
        outputs.append(h)
    return torch.stack(outputs), [h]


def long_short_term_memory(
    layer: Recurrence, x_NF: Tensor, state: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
    W_i, W_f, W_c, W_o = layer.weights.weight_ih_l0.split(D)
    U_i, U_f, U_c, U_o = layer.weights.weight_hh_l0.split(D)
    b_i, b_f, b_c, b_o = (layer.weights.bias_ih_l0 + layer.weights.bias_hh_l0).split(D)
    h, c = state
    outputs = []
    for x in x_NF:
        input_gate = 1 / (1 + torch.exp(-(W_i @ x + U_i @ h + b_i)))
        forget_gate = 1 / (1 + torch.exp(-(W_f @ x + U_f @ h + b_f)))
        output_gate = 1 / (1 + torch.exp(-(W_o @ x + U_o @ h + b_o)))
        candidate = torch.tanh(W_c @ x + U_c @ h + b_c)
        c = forget_gate * c + input_gate * candidate
        h = output_gate * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), [h, c]


def gated_recurrent_unit(
    layer: Recurrence, x_NF: Tensor, state: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Cho et al. 2014, section 2.3; z keeps the state, r acts on the product with its bias."""
    W_r, W_z, W_h = layer.weights.weight_ih_l0.split(D)
    U_r, U_z, U_h = layer.weights.weight_hh_l0.split(D)
    b_r, b_z, b_h = layer.weights.bias_ih_l0.split(D)
    e_r, e_z, e_h = layer.weights.bias_hh_l0.split(D)
    (h,) = state
    outputs = []
    for x in x_NF:
        reset = 1 / (1 + torch.exp(-(W_r @ x + b_r + U_r @ h + e_r)))
        keep = 1 / (1 + torch.exp(-(W_z @ x + b_z + U_z @ h + e_z)))
        candidate = torch.tanh(W_h @ x + b_h + reset * (U_h @ h + e_h))
        h = keep * h + (1 - keep) * candidate
        outputs.append(h)
    return torch.stack(outputs), [h]


ORACLES = {
    TanhRecurrence: elman,
    LSTMRecurrence: long_short_term_memory,
    GRURecurrence: gated_recurrent_unit,
}


def make(kind: type[Recurrence], kernel: str, dtype: torch.dtype = torch.float32) -> Recurrence:
    torch.manual_seed(1)
    layer = kind(F, D, kernel).to(dtype)
    with torch.no_grad():  # biases that are all different, in both of torch's vectors
        for bias_G in (layer.weights.bias_ih_l0, layer.weights.bias_hh_l0):
            bias_G.normal_()
    return layer


def inputs(layer: Recurrence, dtype: torch.dtype = torch.float32) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(2)
    x_BNF = torch.randn(B, N, F, dtype=dtype, requires_grad=True)
    return x_BNF, [torch.randn(B, D, dtype=dtype, requires_grad=True) for _ in range(layer.tensors)]


def weighted(outputs: Tensor, final: list[Tensor]) -> Tensor:
    """A scalar in which every element of every result has a weight of its own."""
    torch.manual_seed(3)
    mix = [torch.randn(tensor.shape, dtype=tensor.dtype) for tensor in (outputs, *final)]
    return sum((a * b).sum() for a, b in zip(mix, (outputs, *final), strict=True))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_equals_the_published_equations(
    kind: type[Recurrence], kernel: str, padded: bool, training: bool
) -> None:
    """Outputs, last states and all gradients, each row as if it were alone and unpadded."""
    layer = make(kind, kernel).train(training)
    lengths = LENGTHS if padded else [N] * B
    x_BNF, state = inputs(layer)
    variables = [x_BNF, *state, *layer.parameters()]
    mask_BN = torch.arange(N) < torch.tensor(lengths)[:, None]

    h_BND, final = layer(x_BNF, tuple(state), mask_BN if padded else None)
    got = h_BND * mask_BN[..., None], list(final)
    got_gradients = torch.autograd.grad(weighted(*got), variables)

    rows = [
        ORACLES[kind](layer, x_BNF[row, :length], [tensor[row] for tensor in state])
        for row, length in enumerate(lengths)
    ]
    expected_BND = torch.stack(
        [torch.nn.functional.pad(outputs, (0, 0, 0, N - len(outputs))) for outputs, _ in rows]
    )
    expected = expected_BND, [torch.stack(last) for last in zip(*(r[1] for r in rows), strict=True)]
    expected_gradients = torch.autograd.grad(weighted(*expected), variables)

    torch.testing.assert_close(got[0], expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1], expected[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(got_gradients, expected_gradients, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_zero_state_is_the_default(kind: type[Recurrence]) -> None:
    layer = make(kind, "fused")
    x_BNF, state = inputs(layer)
    zeros = tuple(torch.zeros_like(tensor) for tensor in state)
    torch.testing.assert_close(layer(x_BNF)[0], layer(x_BNF, zeros)[0], rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_fused_equals_loop_exactly_enough_in_float64(kind: type[Recurrence]) -> None:
    fused, loop = make(kind, "fused", torch.float64), make(kind, "loop", torch.float64)
    x_BNF, state = inputs(fused, torch.float64)
    mask_BN = torch.arange(N) < torch.tensor(LENGTHS)[:, None]
    results = []
    for layer in (fused, loop):
        h_BND, final = layer(x_BNF, tuple(state), mask_BN)
        variables = [x_BNF, *state, *layer.parameters()]
        masked_BND = h_BND * mask_BN[..., None]
        gradients = torch.autograd.grad(weighted(masked_BND, list(final)), variables)
        results.append((masked_BND, *final, *gradients))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_the_padding_is_never_read(kind: type[Recurrence], kernel: str) -> None:
    """Nor how much of it there is: c passes a long padding full of large numbers unchanged."""
    layer = make(kind, kernel)
    x_BNF, state = inputs(layer)
    loud_BNF = torch.cat([x_BNF, 100 * torch.randn(B, 200, F)], dim=1)
    mask_BN = (torch.arange(N + 200) < N).expand(B, -1)
    _, quiet = layer(x_BNF, tuple(state))
    _, loud = layer(loud_BNF, tuple(state), mask_BN)
    torch.testing.assert_close(loud, quiet, atol=1e-6, rtol=0)
    gradient_BNF = torch.autograd.grad(sum(tensor.sum() for tensor in loud), loud_BNF)[0]
    assert torch.equal(gradient_BNF[:, N:], torch.zeros(B, 200, F))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize("padded", [False, True])
def test_padded_batches_keep_the_fused_lstm(padded: bool) -> None:
    layer = make(LSTMRecurrence, "fused")
    x_BNF, _ = inputs(layer)
    mask_BN = torch.arange(N) < torch.tensor(LENGTHS)[:, None] if padded else None
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        h_BND, _ = layer(x_BNF, None, mask_BN)
        h_BND.sum().backward()
    names = [event.key for event in trace.key_averages()]
    assert "aten::mkldnn_rnn_layer" in names
    assert "aten::mkldnn_rnn_layer_backward" in names
    assert "aten::_pack_padded_sequence" not in names


@pytest.mark.parametrize("kind", KINDS)
def test_initialisation(kind: type[Recurrence]) -> None:
    torch.manual_seed(0)
    layer = kind(20, 30)
    bound = (6 / (20 + 30)) ** 0.5
    for inputs_DF, recurrent_DD in zip(
        layer.weights.weight_ih_l0.split(30), layer.weights.weight_hh_l0.split(30), strict=True
    ):
        torch.testing.assert_close(recurrent_DD @ recurrent_DD.T, torch.eye(30), atol=1e-5, rtol=0)
        assert 0.9 * bound < inputs_DF.abs().max() <= bound
    assert not layer.weights.bias_hh_l0.any()
    if kind is TanhRecurrence:
        assert not layer.weights.bias_ih_l0.any()


@pytest.mark.parametrize(("option", "value"), [("zero", 0.0), ("one", 1.0)])
def test_forget_bias(option: str, value: float) -> None:
    weights = LSTMRecurrence(F, D, forget_bias=option).weights
    total_G = (weights.bias_ih_l0 + weights.bias_hh_l0).detach()
    expected_G = torch.zeros(4 * D)
    expected_G[D : 2 * D] = value
    torch.testing.assert_close(total_G, expected_G, rtol=0, atol=0)


@pytest.mark.parametrize(("option", "value"), [("zero", 0.0), ("one", 1.0)])
def test_the_forget_bias_of_a_gru_is_that_of_the_update_gate(option: str, value: float) -> None:
    weights = GRURecurrence(F, D, forget_bias=option).weights
    total_G = (weights.bias_ih_l0 + weights.bias_hh_l0).detach()
    expected_G = torch.zeros(3 * D)
    expected_G[D : 2 * D] = value
    torch.testing.assert_close(total_G, expected_G, rtol=0, atol=0)
    # with no input and a full gate, the state stays: sigmoid(b) of it is kept
    layer = GRURecurrence(F, D, forget_bias=option)
    with torch.no_grad():
        layer.weights.weight_hh_l0.zero_()
        (h_BD,) = layer.step(torch.zeros(1, F), (torch.ones(1, D),))
    torch.testing.assert_close(h_BD, torch.full((1, D), value).sigmoid())


def test_chrono_initialisation_of_a_gru() -> None:
    torch.manual_seed(0)
    b_r, b_z, b_n = GRURecurrence(1, 500, forget_bias="chrono", chrono_max=50).weights.bias_ih_l0.split(
        500
    )
    uniform = b_z.detach().exp()
    assert 1 - 1e-5 <= uniform.min() < 2
    assert 48 < uniform.max() <= 49 + 1e-3
    assert not b_r.any()
    assert not b_n.any()


def test_chrono_initialisation() -> None:
    """Tallec & Ollivier 2018: time scales 1 + exp(b_f) spread evenly up to the longest dependency."""
    torch.manual_seed(0)
    width, longest = 500, 50
    weights = LSTMRecurrence(1, width, forget_bias="chrono", chrono_max=longest).weights
    b_i, b_f, b_c, b_o = (weights.bias_ih_l0 + weights.bias_hh_l0).detach().split(width)
    uniform = b_f.exp()
    assert uniform.min() >= 1 - 1e-5
    assert uniform.max() <= longest - 1 + 1e-3
    assert abs(float(uniform.mean()) - longest / 2) < 3
    assert uniform.min() < 2
    assert uniform.max() > longest - 2
    torch.testing.assert_close(b_i, -b_f, rtol=0, atol=0)
    assert not b_c.any()
    assert not b_o.any()
