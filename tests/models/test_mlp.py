"""The fully connected network against torch's own modules; its parameters grow with the length."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.batch import Batch
from models.conformance_cases import cases
from models.errors import BadInput
from models.mlp import MLP, MLPConfig
from models.problem import Problem
from models.registry import config_for

N, D, H = 6, 4, 5
CLASSES = Problem(source_size=9, target_size=3, readout="last")


def config_of(**options: object) -> MLPConfig:
    return config_for(MLP, {"width": D, "hidden": H, "positions": N, **options})


def model_of(**options: object) -> MLP:
    torch.manual_seed(0)
    return MLP(config_of(**options), CLASSES).double().eval()


def test_it_is_torchs_own_network_over_the_sequence_with_zeros_behind() -> None:
    model = model_of(layers=2)
    oracle = nn.Sequential(
        nn.Linear(N * D, H), nn.ReLU(), nn.Linear(H, H), nn.ReLU(), nn.Linear(H, D)
    ).double()
    for own, other in zip([model.first, *model.further, model.out], oracle[::2], strict=True):
        other.load_state_dict(own.state_dict())
    tokens = torch.randint(3, 9, (3, 5))
    mask_BS = torch.arange(5) < torch.tensor([5, 1, 4])[:, None]
    embedded_BSD = model.source_embedding(tokens) * mask_BS[..., None]
    wanted_BV = model.head(oracle(functional.pad(embedded_BSD, (0, 0, 0, N - 5)).flatten(1)))
    got_BV = model(Batch(tokens, mask_BS, torch.zeros(3, dtype=torch.long), None))
    torch.testing.assert_close(got_BV, wanted_BV, rtol=0, atol=1e-12)


def test_a_layers_parameters_grow_with_the_length() -> None:
    (layer,) = MLP.layers().values()
    counts = [layer.parameters(config_of(positions=n)) for n in (16, 32, 64, 128)]
    assert counts == [n * D * D + D for n in (16, 32, 64, 128)]
    for n, count in zip((16, 32), counts, strict=False):
        built = layer.build(config_of(positions=n))
        assert sum(parameter.numel() for parameter in built.parameters()) == count


def test_a_longer_sequence_is_refused() -> None:
    with pytest.raises(BadInput, match=r"7 positions: .* for 6 \(positions = 6\)") as found:
        model_of().encode_source(torch.ones(1, 7, dtype=torch.long), None)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("readout", ["decoder", "position"])
def test_other_readouts_are_refused_in_one_line(readout: str) -> None:
    with pytest.raises(BadInput, match=f"readout '{readout}' needs another") as found:
        MLP(config_of(), Problem(source_size=9, target_size=9, readout=readout))
    assert "\n" not in str(found.value)
    assert {case.problem.readout for case in cases(MLP)} == {"last"}


def test_as_many_positions_as_the_suite_tries_need_no_exemption() -> None:
    assert "any_length" in config_of(positions=99).exemptions()
    assert not config_of(positions=100).exemptions()
