"""Convolutional seq2seq against loops over positions and torch's own modules, in float64.

B batch, S source, T target, N positions, D width, C channels.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from models.batch import Batch
from models.conv import SCALE, Conv, ConvConfig, receptive_field
from models.conv_layers import ConvLayer
from models.decoding import next_logits
from models.errors import BadInput
from models.gated_convolution import GatedConvolution
from models.problem import Problem
from models.registry import config_for

D, V = 6, 9
BOTH = Problem(source_size=V, target_size=V)
TAGGING = Problem(source_size=V, target_size=V, readout="position")


def config_of(**options: object) -> ConvConfig:
    return config_for(Conv, {"width": D, **options})


def model_of(problem: Problem, **options: object) -> Conv:
    torch.manual_seed(0)
    return Conv(config_of(**options), problem).double().eval()


def by_hand(layer: GatedConvolution, x_ND: Tensor) -> Tensor:
    """One sum for every position, tap by tap; what lies outside of the sequence adds nothing."""
    N, k, gap = len(x_ND), layer.kernel_size, layer.dilation
    outputs = []
    for t in range(N):
        first = t - (k - 1) * gap if layer.causal else t - k // 2 * gap
        total_X = layer.bias_X.clone()
        for tap in range(k):
            if 0 <= first + tap * gap < N:
                total_X = total_X + layer.weight_XDk[:, :, tap] @ x_ND[first + tap * gap]
        value_C, gate_C = total_X.chunk(2)
        outputs.append(layer.narrow(value_C * torch.sigmoid(gate_C)))
    return torch.stack(outputs)


@pytest.mark.parametrize("channels", [None, 4])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("k", "gap"), [(3, 1), (5, 1), (3, 3), (5, 5), (3, 1 << 30)])
@pytest.mark.parametrize("N", [1, 4, 12])
def test_a_gated_convolution_is_a_sum_over_its_taps(N, k, gap, causal, channels) -> None:
    torch.manual_seed(0)
    layer = GatedConvolution(D, k, gap, causal=causal, channels=channels).double()
    nn.init.normal_(layer.bias_X)
    x_BND = torch.randn(2, N, D).double()
    wanted_BND = torch.stack([by_hand(layer, x_ND) for x_ND in x_BND])
    torch.testing.assert_close(layer(x_BND), wanted_BND, rtol=0, atol=1e-12)
    if causal:
        past_BMD, stepped = x_BND[:, :0], []
        for x_BD in x_BND.unbind(dim=1):
            output_BD, past_BMD = layer.step(x_BD, past_BMD)
            stepped.append(output_BD)
            assert past_BMD.shape[1] <= layer.kept
        torch.testing.assert_close(torch.stack(stepped, 1), wanted_BND, rtol=0, atol=1e-12)


def test_a_gated_convolution_is_torchs_own_with_its_gate() -> None:
    torch.manual_seed(0)
    layer = GatedConvolution(D, 5, 2, causal=False).double()
    oracle = nn.Conv1d(D, 2 * D, 5, padding=4, dilation=2).double()
    oracle.load_state_dict({"weight": layer.weight_XDk, "bias": layer.bias_X})
    x_BND = torch.randn(3, 11, D).double()
    wanted_BDN = nn.GLU(dim=1)(oracle(x_BND.transpose(1, 2)))
    torch.testing.assert_close(layer(x_BND), wanted_BDN.transpose(1, 2), rtol=0, atol=1e-12)


def test_variances_stay_through_a_deep_stack() -> None:
    """Gehring et al. 2017, sections 3.4 and 3.5: what the scaling and the initial weights are for."""
    torch.manual_seed(0)
    config = config_of(width=64, layers=20)
    x_BND = SCALE * torch.randn(4, 200, 64)
    for gap in config.dilations:
        x_BND = ConvLayer(config, gap, causal=True)(x_BND)
    assert 0.7 * SCALE < float(x_BND.detach().std()) < 1.4 * SCALE


@pytest.mark.parametrize("options", [{}, {"dilated": True, "channels": 5}, {"kernel_size": 5}])
def test_the_whole_model_equals_loops_over_positions(options: dict[str, object]) -> None:
    model = model_of(BOTH, layers=3, positions="none", **options)
    lengths, T = [7, 3], 5
    mask_BS = torch.arange(7) < torch.tensor(lengths)[:, None]
    source, target = torch.randint(3, V, (2, 7)), torch.randint(3, V, (2, T))
    got_BTV = model(Batch(source, mask_BS, target, None)).detach()
    for row, S in enumerate(lengths):
        e_SD = 0.1 * model.source_embedding(source[row, :S])
        z_SD = e_SD
        for layer in model.encoder:
            z_SD = (z_SD + by_hand(layer.convolution, z_SD)) / math.sqrt(2)
        g_TD = 0.1 * model.target_embedding(model.shift_right(target[row : row + 1]))[0]
        h_TD = g_TD
        for layer in model.decoder:
            convolved_TD, read = by_hand(layer.convolution, h_TD), []
            for t in range(T):
                query_D = (layer.attention.query(convolved_TD[t]) + g_TD[t]) / math.sqrt(2)
                weights_S = torch.stack([query_D @ z_D for z_D in z_SD]).softmax(0)
                values_SD = (z_SD + e_SD) / math.sqrt(2)
                read.append(sum(w * v_D for w, v_D in zip(weights_S, values_SD, strict=True)))
            attended_TD = (convolved_TD + math.sqrt(S) * torch.stack(read)) / math.sqrt(2)
            h_TD = (h_TD + attended_TD) / math.sqrt(2)
        torch.testing.assert_close(got_BTV[row], model.head(h_TD).detach(), rtol=0, atol=1e-11)


def seen(model: Conv, N: int, t: int) -> set[int]:
    """The positions that the encoder's state at t depends on."""
    x_1ND = torch.randn(1, N, D).double().requires_grad_()
    model.encode(x_1ND, None).states[0, t].sin().sum().backward()
    return set(x_1ND.grad[0].abs().sum(dim=1).nonzero().flatten().tolist())


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"kernel_size": 3, "layers": 4}, 9),
        ({"kernel_size": 5, "layers": 2}, 9),
        ({"kernel_size": 3, "layers": 3, "dilated": True}, 27),
        ({"kernel_size": 5, "layers": 2, "dilated": True}, 25),
    ],
)
def test_the_receptive_field_is_what_the_jacobian_reaches(options: dict, field: int) -> None:
    model, N = model_of(TAGGING, **options), 41
    assert receptive_field(model.config) == field
    half = field // 2
    assert seen(model, N, 20) == set(range(20 - half, 20 + half + 1))
    assert seen(model, N, N - 1) == set(range(N - 1 - half, N)), "at the end, its left half"


def test_layers_between_two_positions() -> None:
    parts = Conv.layers()
    contiguous = [parts["convolution"].path_over(config_of(), k) for k in (0, 1, 2, 10)]
    assert contiguous == [1, 1, 2, 10]
    assert parts["convolution"].path_over(config_of(kernel_size=7), 10) == 4
    dilated = [parts["dilated"].path_over(config_of(), k) for k in (0, 2, 3, 8, 9, 26, 27, 728, 729)]
    assert dilated == [1, 1, 2, 2, 3, 3, 4, 6, 7]
    assert Conv.cost(config_of(), TAGGING, 100, 0).path_length == 99
    assert Conv.cost(config_of(dilated=True), TAGGING, 27, 0).path_length == 4
    assert Conv.cost(config_of(), BOTH, 100, 100).path_length == 1


def test_a_layer_costs_k_n_d_squared() -> None:
    for part in Conv.layers().values():
        counts = {n: part.flops(config_of(width=32, kernel_size=7), n) for n in (64, 1024)}
        assert counts == {n: 4 * 7 * n * 32**2 for n in (64, 1024)}
        wide = part.flops(config_of(width=64, kernel_size=7), 64)
        assert wide == 4 * counts[64]


@pytest.mark.parametrize("problem", [BOTH, Problem(source_kind="none", source_size=0, target_size=V)])
def test_decoding_keeps_the_last_inputs_and_equals_decode(problem: Problem) -> None:
    model, T = model_of(problem, layers=2, dilated=True), 15
    source = torch.randint(3, V, (2, 5 * problem.has_source))
    target = torch.randint(3, V, (2, T))
    with torch.no_grad():
        wanted_BTV = model(Batch(source, None, target, None))
        memory = model.encode_source(source, None)
        state = model.start(memory)
        for t, token_B in enumerate(model.shift_right(target).unbind(dim=1)):
            logits_BV, state = next_logits(model, token_B, state, memory)
            torch.testing.assert_close(logits_BV, wanted_BTV[:, t])
            assert [past.shape[1] for past in state.past] == [min(t + 1, 2), min(t + 1, 6)]
    kept = sum(past[0].numel() for past in state.past)
    if problem.has_source:
        kept += memory.states[0].numel() + memory.final[0].numel()
    assert kept == Conv.cost(model.config, problem, 5 * problem.has_source, T).state_size


def test_an_answer_for_the_whole_sequence_sees_beyond_the_receptive_field() -> None:
    model = model_of(Problem(source_size=V, target_size=V, readout="last"), layers=1)
    x_1SD = torch.randn(1, 30, D).double().requires_grad_()
    memory = model.encode(x_1SD, None)
    model.summarise(memory).sum().backward()
    assert bool(x_1SD.grad.abs().sum(dim=-1).all())


def test_attention_maps_are_weights_over_real_positions() -> None:
    model = model_of(BOTH, layers=2)
    mask_BS = torch.arange(6) < torch.tensor([6, 2])[:, None]
    tokens = torch.randint(3, V, (2, 6))
    maps = model.attention_maps(Batch(tokens, mask_BS, tokens, None))
    assert list(maps) == ["layer 1", "layer 2"]
    for weights_BTS in maps.values():
        torch.testing.assert_close(weights_BTS.sum(-1), torch.ones(2, 6).double())
        assert not bool(weights_BTS[1, :, 2:].any())


def test_a_kernel_without_a_centre_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"kernel_size = 4 has no centre.* 5"):
        config_of(kernel_size=4)
