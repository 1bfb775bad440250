"""Documents with few labels, each word as the features that a frozen, pretrained encoder gives it.

B examples, S source positions, H features.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.corpora.contextual import (
    Features,
    content_of,
    encoder_folder,
    keep_features,
    kept_features,
)
from experiments.tasks.base import Examples, Split
from experiments.tasks.few_labels import NO_VECTORS, FewLabels
from models.errors import BadInput
from models.problem import Problem

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Contextual(FewLabels):
    """Classify documents with few labels from the contextual features of a pretrained encoder.

    Documents, labels and their share are those of ``few_labels``; in place of an embedding stand, for
    each word, the mean of the last states of its pieces under a frozen encoder of the library
    transformers (Peters et al. 2018, "Deep Contextualized Word Representations", use such features).
    ``encoder`` is a folder, or a name on the hub, with weights in the format safetensors. They are
    computed once and kept as float16; what is kept of the encoder is its name and, in
    ``encoder_content``, the hash of its files. It needs the extra ``contextual``.
    """

    name: ClassVar[str] = "contextual"

    encoder: str = Field("", description="folder, or name on the hub; kept: its name")
    encoder_content: str = Field("", description="hash of the encoder's files; filled in")

    @model_validator(mode="after")
    def _encode(self) -> "Contextual":
        """Compute the features, unless the encoder is named by its content: then they are kept."""
        if self.vectors != NO_VECTORS:
            raise BadInput(f"vectors = '{self.vectors}': task '{self.name}' has no embedding to start.")
        if self.encoder_content:
            return self
        if not self.encoder:
            raise BadInput("encoder: name a folder, or a model on the hub.")
        folder = encoder_folder(self.encoder)
        local = Path(self.encoder).expanduser().is_dir()
        object.__setattr__(self, "encoder_content", content_of(folder))
        object.__setattr__(self, "encoder", folder.resolve().name if local else self.encoder)
        for split in _SPLITS:
            texts = [self._cut(document.text.split()) for document in self.texts[split]]
            keep_features(folder, self._kept_name(split), texts)
        return self

    def _cut(self, words: list[str]) -> list[str]:
        return words[: self.max_tokens] if self.cut == "end" else words[-self.max_tokens :]

    def _kept_name(self, split: Split) -> str:
        text = self.content or f"{self.corpus}{self.documents}"
        return f"{self.encoder_content}-{text}-{self.max_tokens}{self.cut}-{split}-{self.version}"

    def _features(self, split: Split) -> Features:
        return kept_features(self._kept_name(split), self.encoder)

    def problem(self) -> Problem:
        """Return the sizes: features and classes."""
        size = self._features("train").values.shape[1]
        return Problem(
            source_kind="floats", source_size=size, target_size=len(self.labels), readout="last"
        )

    def _examples(self, split: Split, rows: NDArray[np.int64]) -> Examples:
        found, features = super()._examples(split, rows), self._features(split)
        source_BSH = np.zeros((*found.source.shape, features.values.shape[1]), dtype=np.float32)
        for place, row in enumerate(rows.tolist()):
            values = features.of(row)
            source_BSH[place, : len(values)] = values
        return Examples(source_BSH, found.source_lengths, found.target, slices=found.slices)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the class of the document with these features: its writer is the only oracle."""
        for split in _SPLITS:
            features = self._features(split)
            for row in range(len(features.begins) - 1):
                if np.array_equal(features.of(row), source[:length]):
                    return np.asarray(self.labels.index(self.texts[split][row].label))
        raise ValueError("no such document in the corpus")
