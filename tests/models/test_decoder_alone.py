"""Language models: the decoder half alone, against torch.nn and against loops by hand.

B batch, T target positions, D width.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.attentional import AttentionalConfig, AttentionalLSTM
from models.base import Seq2Seq
from models.batch import Batch
from models.decoding import greedy
from models.decoding_state import tensors
from models.errors import BadInput
from models.lstm import LSTM
from models.positions import sinusoids
from models.problem import Problem
from models.registry import architecture
from models.rnn import RNN
from models.sampling import sample
from models.transformer import DecoderState, Transformer
from tests.models.kinds import LANGUAGE_MODELS, READERS
from tests.models.test_attentional_oracles import SCORES, attend_by_hand, cell_by_hand
from tests.models.test_attentional_oracles import D as WIDTH
from tests.models.toy import Toy

B, T, D, H, INNER, LAYERS, V = 3, 6, 16, 4, 40, 2, 11
ALONE = Problem(source_kind="none", source_size=0, target_size=V)
NO_SOURCE = torch.zeros(B, 0, dtype=torch.long)


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(NO_SOURCE, None, torch.randint(3, V, (B, T), generator=generator), None)


def build(cls: type[Seq2Seq], **options: object) -> Any:
    torch.manual_seed(0)
    return cls(cls.Config.model_validate({"width": D, **options}), ALONE).eval()


def numbers(state: Any) -> int:
    kept = state.written() if isinstance(state, DecoderState) else tensors(state)
    return sum(tensor[0].numel() for tensor in kept)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("attention", ["explicit", "fused"])
def test_the_transformer_is_torchs_encoder_with_a_causal_mask(norm: str, attention: str) -> None:
    """A decoder layer without attention to a source is an encoder layer; the mask makes it causal."""
    options = {"heads": H, "feedforward": INNER, "layers": LAYERS, "norm": norm}
    ours = build(Transformer, attention=attention, **options)
    layer = nn.TransformerEncoderLayer(
        D, H, INNER, dropout=0.0, batch_first=True, norm_first=norm == "pre"
    )
    end = nn.LayerNorm(D) if norm == "pre" else None
    oracle = nn.TransformerEncoder(layer, LAYERS, end, enable_nested_tensor=False)
    pairs = []
    for mine, theirs in zip(ours.decoder, oracle.layers, strict=True):
        pairs += [
            (mine.attention.query_key_value.weight, theirs.self_attn.in_proj_weight),
            (mine.attention.query_key_value.bias, theirs.self_attn.in_proj_bias),
        ]
        for own, other in [
            (mine.attention.out, theirs.self_attn.out_proj),
            (mine.attention_residual.norm, theirs.norm1),
            (mine.feedforward.widen, theirs.linear1),
            (mine.feedforward.narrow, theirs.linear2),
            (mine.feedforward_residual.norm, theirs.norm2),
        ]:
            pairs += [(own.weight, other.weight), (own.bias, other.bias)]
    if end is not None:
        pairs += [(ours.decoder_end.weight, end.weight), (ours.decoder_end.bias, end.bias)]
    assert sum(mine.numel() for mine, _ in pairs) == ours.counted_core_parameters()
    with torch.no_grad():
        for mine, theirs in pairs:
            theirs.normal_(std=0.3)
            mine.copy_(theirs)
    embedded_BTD = torch.randn(B, T, D)
    got_BTD = ours.decode(embedded_BTD, ours.encode_source(NO_SOURCE, None))
    causal_TT = nn.Transformer.generate_square_subsequent_mask(T)
    wanted_BTD = oracle(embedded_BTD + sinusoids(T, D), mask=causal_TT)
    torch.testing.assert_close(got_BTD, wanted_BTD, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("cls", "kind"), [(RNN, nn.RNN), (LSTM, nn.LSTM)])
def test_a_recurrent_language_model_starts_from_zeros(cls: Any, kind: Any) -> None:
    model, example = build(cls), batch()
    oracle = kind(D, D, batch_first=True)
    oracle.load_state_dict(model.decoder.recurrences[0].weights.state_dict())
    states_BTD = oracle(model.target_embedding(model.shift_right(example.target)))[0]
    torch.testing.assert_close(model(example), model.head(states_BTD), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("input_feeding", [False, True])
def test_attention_over_its_own_states_equals_a_loop(input_feeding: bool, score: str) -> None:
    torch.manual_seed(4)
    config = AttentionalConfig(width=WIDTH, score=score, input_feeding=input_feeding)
    model = AttentionalLSTM(config, ALONE).eval()
    logits_BTV = model(batch())
    layer = model.decoder.recurrences[0]
    for b in range(B):
        h, c, attentional_D = torch.zeros(WIDTH), torch.zeros(WIDTH), torch.zeros(WIDTH)
        states: list[Tensor] = []
        for t, token in enumerate(model.shift_right(batch().target)[b]):
            x_F = model.target_embedding(token)
            if input_feeding:
                x_F = torch.cat([x_F, attentional_D])
            h, c = cell_by_hand(layer, x_F, h, c)
            states.append(h)
            attentional_D = attend_by_hand(model.attention, h, torch.stack(states))
            torch.testing.assert_close(
                logits_BTV[b, t], model.head(attentional_D), atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_encoder_half_is_not_built(name: str) -> None:
    model = build(architecture(name))
    names = [key for key, _ in model.named_parameters()]
    assert not [key for key in names if key.startswith(("encoder", "source")) or "cross" in key]
    if name in READERS:
        both = Problem(source_size=V, target_size=V)
        config = model.config
        assert model.core_parameters(config, ALONE) < model.core_parameters(config, both)


@pytest.mark.parametrize("options", [{}, {"score": "additive"}, {"input_feeding": True}])
@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_state_size_is_what_decoding_keeps(name: str, options: dict[str, object]) -> None:
    cls = architecture(name)
    if not options.keys() <= cls.Config.model_fields.keys():
        pytest.skip("no such option")
    model, example = build(cls, **options), batch()
    memory = model.encode_source(example.source, None)
    state = model.start(memory)
    for t in range(T):
        _, state = model.step(model.target_embedding(example.target[:, t]), state, memory)
    assert numbers(state) == cls.cost(model.config, ALONE, 0, T).state_size


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_greedy_decoding_needs_no_source(name: str) -> None:
    model = build(architecture(name))
    answer_BT = greedy(model, NO_SOURCE, None, T, stop_at_eos=False)
    logits_BTV = model(Batch(NO_SOURCE, None, answer_BT, None))
    assert torch.equal(logits_BTV.argmax(-1), answer_BT)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_samples_need_no_source_and_follow_the_model(name: str) -> None:
    """The first token's frequencies are its probabilities; each score is the model's own."""
    model = build(architecture(name))
    generator = torch.Generator().manual_seed(0)
    drawn = sample(model, NO_SOURCE[:1], None, max_length=3, samples=2000, generator=generator)[0]
    with torch.inference_mode():
        first_V = model(Batch(NO_SOURCE[:1], None, torch.zeros(1, 1, dtype=torch.long), None))[0, 0]
    p_V = first_V.softmax(-1)
    counts_V = torch.bincount(torch.tensor([found.tokens[0] for found in drawn]), minlength=V)
    error_V = (counts_V / len(drawn) - p_V).abs()
    assert bool((error_V < 5 * (p_V * (1 - p_V) / len(drawn)).sqrt()).all())
    for found in drawn[:5]:
        target_1T = torch.tensor([found.tokens])
        with torch.inference_mode():
            log_p_TV = model(Batch(NO_SOURCE[:1], None, target_1T, None))[0].log_softmax(-1)
        total = log_p_TV.gather(1, target_1T.T).sum()
        assert found.log_probability == pytest.approx(float(total), abs=1e-4)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_target_embedding_can_be_tied_and_a_source_cannot(name: str) -> None:
    model = build(architecture(name), tie_embeddings="target")
    assert any(weight is model.target_embedding.weight for weight in model.head.parameters())
    with pytest.raises(BadInput, match="one joint vocabulary"):
        build(architecture(name), tie_embeddings="all")


def test_what_needs_a_source_says_so() -> None:
    with pytest.raises(BadInput, match="Toy cannot be a language model: its decoder needs a source"):
        Toy(Toy.Config(width=4), ALONE)


@pytest.mark.parametrize(
    "given",
    [
        {"source_kind": "none", "source_size": 3, "target_size": 3},
        {"source_kind": "tokens", "source_size": 0, "target_size": 3},
        {"source_kind": "none", "source_size": 0, "target_size": 3, "readout": "last"},
    ],
)
def test_a_problem_without_anything_to_read_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"source_kind 'none'|source_size = 0"):
        Problem.model_validate(given)
