"""Attention maps: distributions over the real source, and those that the layers use.

B batch, S source, T target, H heads, E width of a head.
"""

import pytest
import torch

from models.attention import merge_heads
from models.attentional import AttentionalLSTM
from models.batch import Batch
from models.conformance import PROBLEMS
from models.transformer import Transformer
from tests.models.decoding_cases import ARCHITECTURES, MASK, SOURCE, build

TARGET = torch.randint(3, 11, (12, 5), generator=torch.Generator().manual_seed(4))
BATCH = Batch(SOURCE, MASK, TARGET, None)
ATTENTIVE = ["attentional", "input-feeding", "additive", "transformer", "transformer-explicit"]


@pytest.mark.parametrize("name", ATTENTIVE)
def test_maps_are_distributions_over_the_real_source(name: str) -> None:
    model = build(name).train()
    maps = model.attention_maps(BATCH)
    if "transformer" in name:
        wanted = [f"layer {layer} head {head}" for layer in (1, 2) for head in (1, 2, 3, 4)]
    else:
        wanted = ["cross"]
    assert list(maps) == wanted
    assert model.training
    for weights_BTS in maps.values():
        assert weights_BTS.shape == (12, 5, 6)
        torch.testing.assert_close(weights_BTS.sum(dim=2), torch.ones(12, 5))
        assert (weights_BTS >= 0).all()
        assert not weights_BTS.masked_select(~MASK[:, None]).any()
    assert len({weights_BTS.sum(0).flatten()[0].item() for weights_BTS in maps.values()}) == len(maps)
    torch.testing.assert_close(model.attention_maps(BATCH), maps)  # without dropout


@torch.no_grad()
@pytest.mark.parametrize("name", ["transformer", "transformer-explicit"])
def test_the_transformers_layers_use_these_weights(name: str) -> None:
    model = build(name)
    assert isinstance(model, Transformer)
    maps, seen = model.attention_maps(BATCH), []
    for layer in model.decoder:
        layer.cross.register_forward_hook(lambda module, given, output: seen.append((given, output)))
    model(BATCH)
    assert len(seen) == 2
    for number, (((_, cache, _), output_BTD), layer) in enumerate(
        zip(seen, model.decoder, strict=True), start=1
    ):
        heads = [maps[f"layer {number} head {head}"] for head in range(1, 5)]
        context_BHTE = torch.stack(heads, dim=1) @ cache.v_BHSE
        got_BTD = layer.cross.out(merge_heads(context_BHTE))
        torch.testing.assert_close(got_BTD, output_BTD, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("name", ["attentional", "input-feeding", "additive"])
def test_the_attentional_lstm_uses_these_weights(name: str) -> None:
    model = build(name)
    assert isinstance(model, AttentionalLSTM)
    seen: list[torch.Tensor] = []
    model.attention.merge.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    memory = model.encode_source(SOURCE, MASK)
    model.decode(model.target_embedding(model.shift_right(TARGET)), memory)
    used_BTD = torch.cat(seen, dim=1)[..., : model.config.width]  # the context is the first half
    got_BTD = model.attention_maps(BATCH)["cross"] @ memory.states
    torch.testing.assert_close(got_BTD, used_BTD, rtol=1e-4, atol=1e-4)


def test_without_attention_to_a_source_there_are_no_maps() -> None:
    for name in ("rnn", "lstm", "toy"):
        assert build(name).attention_maps(BATCH) == {}
    for name in ATTENTIVE:
        cls, options = ARCHITECTURES[name]
        config = cls.Config.model_validate({"width": 16, **options})
        for problem in ("decoder-alone", "last-tokens"):
            assert cls(config, PROBLEMS[problem]).attention_maps(BATCH) == {}
