"""Contextual features: what a frozen encoder of the library transformers says of each word of a text.

Only weights in the format safetensors are read, and no code of a model's repository is run. W words of
a text, H features.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.corpora.cache import cache_folder, draft, publish
from models.errors import BadInput

_KIND, _FEATURES, _LENGTHS = "features", "features.npy", "lengths.npy"
_PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model")


class Features(NamedTuple):
    """Features of some texts, memory-mapped."""

    values: NDArray[np.float16]  # (all words, H)
    begins: NDArray[np.int64]  # of each text, and the end of the last

    def of(self, text: int) -> NDArray[np.float32]:
        """Return (W, H) of one text."""
        found = self.values[self.begins[text] : self.begins[text + 1]]
        return np.asarray(found, dtype=np.float32)


def encoder_folder(name: str) -> Path:
    """Return the folder of an encoder; one on the hub is fetched, safetensors and text alone.

    Raises:
        BadInput: the extra is not installed, or there is no such encoder.
    """
    if importlib.util.find_spec("transformers") is None:
        raise BadInput(f"encoder = '{name}': install the extra: pip install 'seqyard[contextual]'.")
    folder = Path(name).expanduser()
    if folder.is_dir():
        found = folder
    elif name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise BadInput(f"encoder = '{name}': no such folder.")
    else:
        from huggingface_hub import snapshot_download

        try:
            found = Path(snapshot_download(name, allow_patterns=list(_PATTERNS)))
        except Exception as error:  # no network, no such name, no permission: the library's own errors
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise BadInput(
                f"encoder = '{name}': neither a folder nor on the hub ({reason})."
            ) from error
    if not (found / "config.json").is_file() or not list(found.glob("*.safetensors")):
        raise BadInput(f"encoder = '{name}': {found} should hold config.json and *.safetensors.")
    return found


def content_of(folder: Path) -> str:
    """Return the hash (SHA-256) of configuration, weights and tokeniser, 16 hexadecimal digits."""
    hashes = hashlib.sha256()
    for path in sorted({path for pattern in _PATTERNS for path in folder.glob(pattern)}):
        hashes.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            hashes.update(hashlib.file_digest(file, "sha256").digest())
    return hashes.hexdigest()[:16]


def keep_features(folder: Path, name: str, texts: Sequence[Sequence[str]]) -> None:
    """Keep the features of texts in the cache under a name, as float16.

    Raises:
        BadInput: the encoder cannot be read, or the cache cannot be written.
    """
    if (cache_folder() / _KIND / name).is_dir():
        return
    from numpy.lib.format import open_memmap

    lengths = np.array([len(words) for words in texts], dtype=np.int64)
    with draft(_KIND) as place:
        values = None
        begin = 0
        for found in encoded(folder, texts):
            if values is None:
                shape = (int(lengths.sum()), found.shape[1])
                values = open_memmap(place / _FEATURES, "w+", np.float16, shape)
            values[begin : begin + len(found)] = found
            begin += len(found)
        if values is not None:
            values.flush()
        np.save(place / _LENGTHS, lengths)
        publish(place, name)


def kept_features(name: str, encoder: str) -> Features:
    """Return features that were kept.

    Raises:
        BadInput: they are not in this machine's cache, or damaged.
    """
    folder = cache_folder() / _KIND / name
    try:
        values = np.load(folder / _FEATURES, mmap_mode="r", allow_pickle=False)
        lengths = np.load(folder / _LENGTHS, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(
            f"features of encoder '{encoder}' are not in the cache {cache_folder()}; "
            "name it once more with its place: encoder = PATH."
        ) from error
    return Features(values, np.concatenate([[0], np.cumsum(lengths)]))


def encoded(folder: Path, texts: Iterable[Sequence[str]]) -> Iterator[NDArray[np.float32]]:
    """Yield (W, H) for each text: the mean of the last states of a word's pieces.

    A text that is longer than the encoder's positions is read in several parts, each alone.

    Raises:
        BadInput: model or tokeniser cannot be read.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, use_fast=True, trust_remote_code=False, local_files_only=True
        )
        model: Any = AutoModel.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"encoder '{folder.name}' cannot be read: {reason}") from error
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    model.eval()
    positions = int(getattr(model.config, "max_position_embeddings", 512))
    # two positions for what a tokeniser adds at both ends, and two that some models leave unused
    room = max(1, min(positions, int(tokenizer.model_max_length)) - 4)
    for words in texts:
        found = np.zeros((len(words), int(model.config.hidden_size)), dtype=np.float32)
        counts = np.zeros((len(words), 1), dtype=np.float32)
        for begin, part in _parts(tokenizer, words, room):
            given = tokenizer(
                part,
                is_split_into_words=True,
                return_tensors="pt",
                truncation=True,
                max_length=min(positions, int(tokenizer.model_max_length)) - 2,
            )
            with torch.inference_mode():
                states = model(**given).last_hidden_state[0].float().numpy()
            for state, word in zip(states, given.word_ids(0), strict=True):
                if word is not None:
                    found[begin + word] += state
                    counts[begin + word] += 1
        found /= np.maximum(counts, 1)
        yield found


def _parts(tokenizer: Any, words: Sequence[str], room: int) -> Iterator[tuple[int, list[str]]]:
    """Yield stretches of whole words of at most ``room`` pieces, each with its first word's place."""
    pieces = tokenizer(list(words), is_split_into_words=True, add_special_tokens=False).word_ids(0)
    sizes = dict.fromkeys(range(len(words)), 0)
    sizes |= {word: len(list(group)) for word, group in groupby(pieces)}
    begin = used = 0
    for word in range(len(words)):
        if used + sizes[word] > room and word > begin:
            yield begin, list(words[begin:word])
            begin, used = word, 0
        used += sizes[word]
    if begin < len(words):
        yield begin, list(words[begin:])
