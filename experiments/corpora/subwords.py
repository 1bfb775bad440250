"""Byte-pair encoding (Sennrich et al. 2016), learned on the training split alone, kept by content.

Byte-level: any text can be encoded, and decoding gives it back as it was.
"""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from experiments.corpora.cache import cache_folder, draft, publish
from experiments.corpora.corpus import Corpus
from models.errors import BadInput
from models.problem import EOS, SPECIALS

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>")
SMALLEST = 256 + SPECIALS  # every byte and the special tokens
FORMAT = 2
_AT_ONCE = 1000


class Subwords(NamedTuple):
    """The tokenisers of both sides; one and the same where they are joint."""

    source: Any  # tokenizers.Tokenizer
    target: Any
    signature: str

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the vocabulary sizes of source and target."""
        return self.source.get_vocab_size(), self.target.get_vocab_size()

    def encode(self, side: str, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, with EOS at the end."""
        tokenizer = self.source if side == "source" else self.target
        encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [[*item.ids, EOS] for item in encoded]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the target text; special tokens are left out."""
        return str(self.target.decode(list(tokens), skip_special_tokens=True)).strip()

    def pieces(self, side: str, tokens: Sequence[int]) -> list[str]:
        """Return each token readably: ``_`` marks the begin of a word."""
        tokenizer = self.source if side == "source" else self.target
        found = []
        for token in tokens:
            text = tokenizer.decode([token], skip_special_tokens=False)
            found.append(text.replace(" ", "_"))
        return found


def subwords(corpus: Corpus, size: int, *, joint: bool) -> Subwords:
    """Return the tokenisers of a corpus, learned now or kept from before.

    A corpus with little text may give less than ``size`` subwords.

    Raises:
        BadInput: ``size`` is below the bytes.
    """
    if size < SMALLEST:
        raise BadInput(f"vocabulary = {size}: byte-level BPE needs at least {SMALLEST}.")
    sides = ("joint", "joint") if joint else ("source", "target")
    paths = {side: _learned(corpus, size, side) for side in dict.fromkeys(sides)}
    loaded = {side: _load(path) for side, path in paths.items()}
    marks = [hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in paths.values()]
    kind = "joint" if joint else "separate"
    size = max(tokenizer.get_vocab_size() for tokenizer in loaded.values())
    signature = f"bpe:byte-level|size:{size}|{kind}|corpus:{corpus.content}|hash:{'+'.join(marks)}"
    return Subwords(loaded[sides[0]], loaded[sides[1]], signature)


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> Any:
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(path))
    found.encode_special_tokens = True  # text that looks like one is text
    return found


def _learned(corpus: Corpus, size: int, side: str) -> Path:
    name = f"{corpus.content}-{side}-{size}-{FORMAT}"
    path = cache_folder() / "subwords" / name / "tokenizer.json"
    if path.exists():
        return path
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    columns = ("source", "target") if side == "joint" else (side,)
    tokenizer.train_from_iterator(_texts(corpus, columns), trainer)
    with draft("subwords") as folder:
        tokenizer.save(str(folder / path.name))
        publish(folder, name)
    return path


def _texts(corpus: Corpus, columns: Sequence[str]) -> Iterator[list[str]]:
    for batch in corpus.split("train").iter(_AT_ONCE):
        yield list(chain.from_iterable(batch[column] for column in columns))
