"""The maps of self-attention are those that the layers use.

B batch, S source, T target, H heads, E width of a head's values.
"""

import pytest
import torch
from torch import Tensor

from models.attention import merge_heads
from models.batch import Batch
from models.problem import Problem
from models.registry import config_for
from models.transformer import Transformer
from models.transformer_maps import cross_maps, self_maps

B, S, T, D, H = 3, 6, 5, 16, 4
SOURCE = torch.randint(3, 9, (B, S), generator=torch.Generator().manual_seed(1))
TARGET = torch.randint(3, 9, (B, T), generator=torch.Generator().manual_seed(2))
MASK = torch.arange(S) < torch.tensor([6, 2, 4])[:, None]
BATCH = Batch(SOURCE, MASK, TARGET, None)
OPTIONS = [
    {},
    {"positions": "rotary", "norm": "post"},
    {"positions": "alibi", "scale": False},
    {"positions": "learned", "key_width": 3, "attention": "fused"},
    {"causal": False, "dropout": 0.5},
]


def build(problem: Problem | None = None, **options: object) -> Transformer:
    torch.manual_seed(0)
    config = config_for(Transformer, {"width": D, "heads": H, "layers": 2, **options})
    return Transformer(config, problem or Problem(source_size=9, target_size=9)).double()


@torch.no_grad()
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_layers_use_these_weights(options: dict[str, object]) -> None:
    model = build(**options).eval()
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {"encoder": [], "decoder": []}
    for half in seen:
        for layer in getattr(model, half):
            layer.attention.register_forward_hook(
                lambda module, given, output, half=half: seen[half].append((given[0], output))
            )
    model(BATCH)
    used = {half: list(pairs) for half, pairs in seen.items()}
    maps = self_maps(model, BATCH)
    assert list(maps) == ["encoder", "decoder"]
    for half, length in (("encoder", S), ("decoder", T)):
        assert len(maps[half]) == len(used[half]) == 2
        layers = getattr(model, half)
        for weights, layer, (x_BND, output_BND) in zip(maps[half], layers, used[half], strict=True):
            assert weights.shape == (B, H, length, length)
            v_BHNE = layer.attention.project(x_BND)[2]
            got_BND = layer.attention.out(merge_heads(weights @ v_BHNE))
            torch.testing.assert_close(got_BND, output_BND, rtol=0, atol=1e-10)


def test_nothing_is_seen_that_is_masked() -> None:
    maps = self_maps(build(), BATCH)
    for weights_BHSS in maps["encoder"]:
        assert not weights_BHSS.masked_select(~MASK[:, None, None]).any()
    later_TT = torch.ones(T, T, dtype=torch.bool).triu(1)
    for weights_BHTT in maps["decoder"]:
        assert not weights_BHTT.masked_select(later_TT).any()
        torch.testing.assert_close(weights_BHTT.sum(-1), torch.ones(B, H, T).double())


def test_one_half_alone_has_its_own_maps() -> None:
    tagger = build(Problem(source_size=9, target_size=9, readout="position"))
    assert list(self_maps(tagger, BATCH)) == ["encoder"]
    assert cross_maps(tagger, BATCH) == []
    language = build(Problem(source_kind="none", source_size=0, target_size=9))
    none = Batch(torch.zeros(B, 0, dtype=torch.long), None, TARGET, None)
    assert list(self_maps(language, none)) == ["decoder"]
    assert cross_maps(language, none) == []


def test_dropout_is_off_and_the_mode_comes_back() -> None:
    model = build(dropout=0.5).train()
    once, again = self_maps(model, BATCH), self_maps(model, BATCH)
    assert model.training
    for one, other in zip(once["decoder"], again["decoder"], strict=True):
        assert torch.equal(one, other)
