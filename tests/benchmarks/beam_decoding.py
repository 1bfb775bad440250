"""Beam search and greedy decoding against Hugging Face's ``generate``, in sentences a second.

Transformers of equal sizes (Marian's is post-norm, so ours is), 24 source tokens, exactly 24 output
tokens (EOS is made impossible), beam 5, batches of 32. "Workers" share the batches, each with one
thread; "threads" are torch's own. The competitors take turns in one process, and the median of the
ratios within the rounds is printed. Needs the package transformers.
Run: python tests/benchmarks/beam_decoding.py [--json]
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from interleaved import flags, race, tell
from torch import Tensor

from models import speed
from models.attentional import AttentionalLSTM
from models.base import Seq2Seq
from models.beam import beam_search
from models.decoding import greedy
from models.problem import BOS, EOS, PAD, Problem
from models.sharing import decode_sentences
from models.transformer import Transformer

WIDTH, HEADS, LAYERS, INNER, VOCABULARY = 256, 4, 3, 1024, 4000
BATCH, LENGTH, BEAM = 32, 24, 5
PROBLEM = Problem(source_size=VOCABULARY, target_size=VOCABULARY)
Decode = Callable[[Tensor, Tensor | None], Any]


def endless(model: Seq2Seq) -> Seq2Seq:
    """Return the model without EOS: every output has the same length."""
    with torch.no_grad():
        model.head.bias[EOS] = -1e9
    return model.eval()


def marian(attention: str) -> Any:
    """Return Hugging Face's model of the same sizes."""
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER,
        activation_function="relu",
        max_position_embeddings=64,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        forced_eos_token_id=None,
        attn_implementation=attention,
    )
    model = MarianMTModel(config).eval()
    model.final_logits_bias[0, EOS] = -1e9
    layers = [*model.model.encoder.layers, *model.model.decoder.layers]
    core = sum(p.numel() for layer in layers for p in layer.parameters())
    ours = Transformer.Config(width=WIDTH, heads=HEADS, layers=LAYERS, norm="post", feedforward=INNER)
    assert core == Transformer.core_parameters(ours, PROBLEM), "the competitors differ in size"
    return model


def runner(
    model: Seq2Seq, decode: Decode, settings: speed.Speed, sentences: int, workers: int
) -> Callable[[], float]:
    """Return a function that decodes all sentences once."""
    noise = torch.Generator().manual_seed(0)
    sources = torch.randint(3, VOCABULARY, (sentences, LENGTH), generator=noise).tolist()

    def step() -> float:
        speed.apply(settings)
        began = time.perf_counter()
        decode_sentences(model, sources, decode, batch_size=BATCH, workers=workers)
        return time.perf_counter() - began

    return step


def main() -> None:
    found = flags(__doc__ or "", rounds=5)
    warnings.simplefilter("ignore")
    fast, plain, threads = speed.choose("cpu"), speed.PLAIN, found.threads
    sentences = BATCH * threads
    torch.manual_seed(0)
    config = Transformer.Config(width=WIDTH, heads=HEADS, layers=LAYERS, norm="post", feedforward=INNER)
    ours = endless(Transformer(config, PROBLEM))
    recurrent = endless(AttentionalLSTM(AttentionalLSTM.Config(width=WIDTH), PROBLEM))
    theirs = {attention: marian(attention) for attention in ("sdpa", "eager")}

    def search(model: Seq2Seq) -> Decode:
        return lambda source, mask: beam_search(model, source, mask, beam=BEAM, max_length=LENGTH)

    def generate(attention: str, beams: int) -> Decode:
        def decode(source: Tensor, mask: Tensor | None) -> Tensor:
            output = theirs[attention].generate(
                input_ids=source,
                attention_mask=torch.ones_like(source),
                num_beams=beams,
                max_new_tokens=LENGTH,
                do_sample=False,
                use_cache=True,
            )
            assert output.shape == (len(source), LENGTH + 1)
            return output

        return decode

    def greedily(source: Tensor, mask: Tensor | None) -> Tensor:
        return greedy(ours, source, mask, LENGTH)

    def one(decode: Decode, settings: speed.Speed, workers: int, model: Seq2Seq = ours) -> Any:
        return runner(model, decode, settings, sentences, workers)

    def half(source: Tensor, mask: Tensor | None) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return search(ours)(source, mask)

    beam, shared = f"beam {BEAM}", f"{threads} workers"
    competitors = {
        f"ours, {beam}, {shared}": one(search(ours), fast, threads),
        f"ours, {beam}, {threads} threads": one(search(ours), fast, 1),
        f"ours, {beam}, {shared}, bfloat16": one(half, fast, threads),
        f"ours, {beam}, {shared}, plain settings": one(search(ours), plain, threads),
        f"Hugging Face as it ships, {beam}, {threads} threads": one(generate("sdpa", BEAM), plain, 1),
        f"Hugging Face, same precision, {beam}, {threads} threads": one(
            generate("eager", BEAM), fast, 1
        ),
        f"Hugging Face, same precision, {beam}, {shared}": one(generate("eager", BEAM), fast, threads),
        f"ours, greedy, {shared}": one(greedily, fast, threads),
        f"ours, greedy, {threads} threads": one(greedily, fast, 1),
        f"Hugging Face as it ships, greedy, {threads} threads": one(generate("sdpa", 1), plain, 1),
        f"our attentional LSTM, {beam}, {shared}": one(search(recurrent), fast, threads, recurrent),
    }
    times = race(competitors, found.rounds)
    tell(
        times,
        lambda name: f"ours, greedy, {shared}" if "greedy" in name else f"ours, {beam}, {shared}",
        found.json,
    )
    if not found.json:
        for name, seconds in times.items():
            print(f"{name}: {sentences / sorted(seconds)[len(seconds) // 2]:.0f} sentences/s")


if __name__ == "__main__":
    main()
