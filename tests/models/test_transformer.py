"""The Transformer's options, exemptions and conformance."""

import pytest
import torch

from models import speed
from models.attention import choose_kernel
from models.batch import Batch
from models.conformance import PROBLEMS, Case, applicable, check
from models.decoding import next_logits
from models.errors import BadInput
from models.problem import Problem
from models.registry import config_for
from models.transformer import Transformer

PROBLEM = Problem(source_size=11, target_size=11)


@pytest.mark.parametrize(
    ("width", "heads", "nearest"), [(30, 4, "28 or 32"), (3, 4, "4"), (65, 8, "64 or 72")]
)
def test_a_width_that_heads_do_not_divide_names_the_nearest(width, heads, nearest) -> None:
    with pytest.raises(BadInput) as raised:
        config_for(Transformer, {"width": width, "heads": heads})
    message = str(raised.value)
    assert "\n" not in message
    assert f"width = {width} is not divisible by heads = {heads}" in message
    assert message.endswith(f"the nearest valid width is {nearest}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"head": 4}, "Did you mean 'heads'?"),
        ({"heads": 0}, "heads = 0"),
        ({"norm": "both"}, "norm = 'both'"),
        ({"decoder_layers": 0}, "decoder_layers = 0"),
        ({"attention": "flash"}, "attention = 'flash'"),
    ],
)
def test_wrong_options_are_named(options, said) -> None:
    with pytest.raises(BadInput, match="options of Transformer") as raised:
        config_for(Transformer, options)
    assert said in str(raised.value)


def test_sizes_follow_from_the_options() -> None:
    config = Transformer.Config(width=48, heads=6, layers=3)
    assert (config.inner, config.depth, config.width_multiple()) == (192, (3, 3), 6)
    assert config.resized(width=60).inner == 240
    other = config.resized(feedforward=50, decoder_layers=1)
    assert (other.inner, other.depth) == (50, (3, 1))
    assert config.fine_dial in Transformer.Config.model_fields
    model = Transformer(other, PROBLEM)
    assert (len(model.encoder), len(model.decoder)) == (3, 1)


def test_every_variant_is_a_valid_configuration() -> None:
    assert all(Transformer.Config.model_validate(options) for options in Transformer.variants())


def test_without_the_causal_mask_the_declared_checks_fail_and_no_others() -> None:
    config = Transformer.Config(width=16, causal=False)
    case = Case("causal=False", Transformer, config, PROBLEMS["decoder-tokens"])
    status = {name: check(case, name).status for name in applicable(case.problem)}
    assert {name for name, said in status.items() if said == "exempt"} == set(config.exemptions())
    assert "no_future" in config.exemptions()
    assert "failed" not in status.values()
    assert Transformer.Config().exemptions() == {}


def test_no_causal_mask_without_a_decoder_is_refused() -> None:
    with pytest.raises(BadInput, match="causal = False"):
        Transformer(Transformer.Config(causal=False), PROBLEMS["last-tokens"])


def test_the_kernel_is_chosen_by_configuration_then_settings_then_length() -> None:
    assert choose_kernel("auto", 24, 24, "cpu") == "fused"  # torch as it ships
    speed.apply(speed.choose("cpu", "fast"))
    assert choose_kernel("auto", 24, 24, "cpu") == "explicit"
    assert choose_kernel("auto", 4096, 4096, "cpu") == "fused"
    assert choose_kernel("auto", 24, 24, "cuda") == "fused"
    assert choose_kernel("explicit", 4096, 4096, "cuda") == "explicit"


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_dropout_is_where_the_paper_has_it(norm) -> None:
    """Section 5.4: each sub-layer's output and the sums of embeddings and positions; nowhere else."""
    config = Transformer.Config(width=16, layers=2, decoder_layers=3, dropout=0.5, norm=norm)
    model, calls = Transformer(config, PROBLEM).train(), []
    for module in model.modules():
        if type(module).__name__ == "Dropout":
            module.register_forward_hook(lambda module, inputs, output: calls.append(inputs[0].shape))
    memory = model.encode_source(torch.ones(2, 5, dtype=torch.long), None)
    assert calls == [(2, 5, 16)] * (1 + 2 * 2)
    calls.clear()
    model.logits(memory, torch.ones(2, 7, dtype=torch.long))
    assert calls == [(2, 7, 16)] * (1 + 3 * 3)


@pytest.mark.parametrize("attention", ["explicit", "fused"])
def test_mixed_precision_trains_and_decodes(attention) -> None:
    torch.manual_seed(0)
    config = Transformer.Config(width=32, attention=attention, dropout=0.1)
    model = Transformer(config, PROBLEM).eval()
    source, target = torch.randint(3, 11, (4, 6)), torch.randint(3, 11, (4, 5))
    batch = Batch(source, torch.arange(6) < torch.tensor([6, 1, 4, 2])[:, None], target, None)
    exact = model(batch).detach()
    with torch.autocast("cpu", torch.bfloat16):
        memory = model.encode_source(batch.source, batch.source_mask)
        logits, state, steps = model.logits(memory, target), model.start(memory), []
        for token in model.shift_right(target).T:
            step_BV, state = next_logits(model, token, state, memory)
            steps.append(step_BV)
        speed.apply(speed.choose("cpu", "fast"))
        model.train().loss(model(batch), batch).backward()
    torch.testing.assert_close(logits.float(), exact, rtol=0, atol=0.1)
    torch.testing.assert_close(torch.stack(steps, 1).float(), exact, rtol=0, atol=0.1)
    assert state.layers[0].own.k_BHSE.dtype == torch.bfloat16
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_without_positions_the_encoder_is_blind_to_order() -> None:
    source, order = torch.tensor([[3, 4, 5, 6]]), torch.tensor([2, 0, 3, 1])
    for positions, blind in (("none", True), ("sinusoidal", False)):
        torch.manual_seed(0)
        model = Transformer(Transformer.Config(width=16, positions=positions), PROBLEM).eval()
        states = model.encode_source(source, None).states
        shuffled = model.encode_source(source[:, order], None).states
        assert torch.allclose(states[:, order], shuffled, atol=1e-5) is blind


def test_the_embedded_input_has_the_scale_of_the_paper() -> None:
    """Section 3.4: embeddings of deviation 1/√D times √D, that is 1, beside positions of about 0.7."""
    torch.manual_seed(0)
    model = Transformer(
        Transformer.Config(width=256), Problem(source_size=1000, target_size=9, readout="last")
    )
    embedded = model.source_embedding(torch.arange(3, 1000))
    assert float(embedded.detach().std()) == pytest.approx(1.0, rel=0.02)
