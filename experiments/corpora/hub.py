"""Parallel corpora from the Hugging Face hub, by name."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from experiments.corpora.reading import Row, row_of
from experiments.tasks.base import Split
from models.errors import BadInput

KNOWN = {
    "multi30k": "bentrevett/multi30k",
    "wmt14": "wmt/wmt14",
    "wmt16": "wmt/wmt16",
    "opus_books": "Helsinki-NLP/opus_books",
}
"""Short names of corpora that papers use."""

_LOCAL = "download it where there is a network, and give the folder of its files: --corpus PATH"


class Place(NamedTuple):
    """Where on the hub: ``org/name[:configuration][@revision]``, or a name of ``KNOWN`` before it."""

    repository: str
    configuration: str  # empty: the pair's
    revision: str  # a commit, branch or tag; empty: the newest

    @classmethod
    def of(cls, corpus: str) -> "Place":
        """Take a corpus' name apart."""
        name, _, revision = corpus.partition("@")
        name, _, configuration = name.partition(":")
        return cls(KNOWN.get(name, name), configuration, revision)


class HubCorpus(NamedTuple):
    """A corpus on the hub: its name, its commit, and the splits' rows."""

    name: str
    revision: str  # empty where it is not known: taken offline from what `datasets` kept
    splits: dict[Split, Any]  # datasets.Dataset, memory-mapped
    columns: tuple[str, str]

    def rows(self, split: Split) -> Iterator[Row]:
        """Yield the pairs of a split in order."""
        for number, row in enumerate(self.splits[split], start=1):
            where = f"{self.name} ({split})"
            yield row_of(dict(row), where, number, *self.columns)


def load(corpus: str, source: str, target: str, columns: tuple[str, str]) -> HubCorpus:
    """Load ``org/name[:configuration][@revision]``, or a name of ``KNOWN``, through ``datasets``.

    The configuration defaults to the pair (in either order), where the corpus has one.

    Raises:
        BadInput: it is not there, the hub cannot be reached, or it has no such pair; one line, with
            the way out.
    """
    repository, configuration, revision = Place.of(corpus)
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "10")
    import datasets

    datasets.disable_progress_bars()
    try:
        revision = commit_of(repository, revision)
        if not configuration:
            there = datasets.get_dataset_config_names(repository, revision=revision or None)
            pairs = [f"{source}-{target}", f"{target}-{source}"]
            configuration = next((pair for pair in pairs if pair in there), "")
            if not configuration and len(there) > 1:
                raise BadInput(
                    f"corpus '{corpus}' has no pair {source}-{target}. Choices: {', '.join(there)}."
                )
        found = datasets.load_dataset(repository, configuration or None, revision=revision or None)
    except BadInput:
        raise
    except Exception as error:  # of many kinds: requests, hub, datasets, OSError
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise BadInput(
            f"corpus '{corpus}' cannot be loaded from the hub ({reason}); {_LOCAL}."
        ) from error
    splits: dict[Split, Any] = {}
    for split in ("train", "validation", "test"):
        if split in found:
            splits[split] = found[split]
    for split in ("train", "test"):
        if split not in splits:
            raise BadInput(
                f"corpus '{corpus}' has no {split} split, only {', '.join(found)}; {_LOCAL}."
            )
    return HubCorpus(corpus, revision, splits, columns)


def commit_of(repository: str, revision: str) -> str:
    """Return the commit that a revision, or the newest one, is now; offline what was given."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        return str(HfApi().dataset_info(repository, revision=revision or None, timeout=10).sha)
    except OfflineModeIsEnabled:
        return revision
