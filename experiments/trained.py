"""A trained model of a store, taken up again: which one, and its weights."""

from collections.abc import Sequence
from typing import Any, Literal

from experiments.fit import Subject
from experiments.measures.train import prepare, with_weights
from experiments.record import Record
from experiments.store import Store
from experiments.tasks.find import find_task
from experiments.tasks.text import TextTask
from models.base import Seq2Seq
from models.errors import BadInput, nearest

TRAINING = ("translate", "train")
"""Measures that leave weights behind."""


def choose(store: Store, key: str | None = None, architecture: str | None = None) -> Record:
    """Return the record of a model that translates: by key, or the best on validation.

    The best of several is one of those trained on the same data: scores on other data say nothing.

    Raises:
        BadInput: there is none, or the choice is not clear; one line that names what there is.
    """
    if key is not None:
        return _by_key(store, key)
    there = [record for record in store if _translates(record)]
    if not there:
        raise BadInput(
            f"store '{store.folder}' has no trained model that translates; "
            "`seqyard run translation` or `seqyard train --task translation` makes one."
        )
    names = sorted({record.cell.architecture for record in there})
    if architecture is not None:
        if architecture not in names:
            raise BadInput(
                f"--architecture '{architecture}': none trained.{nearest(architecture, names)}"
            )
        there = [record for record in there if record.cell.architecture == architecture]
    elif len(names) > 1:
        raise BadInput(f"store '{store.folder}': choose one with --architecture: {', '.join(names)}.")
    kept = [record for record in there if _weights(store, record.key).is_file()]
    if not kept:
        raise BadInput(_missing(store, there[0]))
    if any(record.cell.data != kept[0].cell.data for record in kept):
        rows = ", ".join(f"{record.key} ({_data(record)})" for record in kept)
        raise BadInput(
            f"store '{store.folder}': trained on several corpora; choose one with --key: {rows}."
        )
    return max(kept, key=_validation)


def load(
    store: Store, record: Record, device: Literal["cpu", "cuda"], corpus: str | None = None
) -> tuple[TextTask, Seq2Seq]:
    """Return a record's task and its model, in evaluation mode on the device.

    Args:
        store: where the weights are.
        record: as ``choose`` returns it.
        device: where the model is to be.
        corpus: place of the corpus, read again; None: it is in the cache.

    Raises:
        BadInput: the weights are missing or damaged, or do not fit; the corpus is not in the cache, or
            another one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    artifact = _weights(store, record.key)
    if not artifact.is_file():
        raise BadInput(_missing(store, record))
    if corpus is not None:
        _import_again(record, corpus)
    cell = record.cell.model_copy(update={"device": device})
    subject: Subject = prepare(cell)
    assert isinstance(subject.task, TextTask)
    try:
        model = with_weights(subject, cell, load_file(artifact))
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{artifact} is damaged ({error}); train it again.") from error
    except RuntimeError as error:  # what torch says of other names or shapes
        raise BadInput(
            f"{artifact} does not fit: architecture '{cell.architecture}' or the subwords have changed "
            "since; train it again."
        ) from error
    return subject.task, model


def _by_key(store: Store, key: str) -> Record:
    if not store.has(key):
        there = [record.key for record in store if _translates(record)]
        raise BadInput(f"--key '{key}': no such record in '{store.folder}'.{nearest(key, there)}")
    record = store.read(key)
    if not _translates(record):
        found = f"{record.cell.measure} of {record.cell.task or 'no task'}, {record.status}"
        raise BadInput(f"--key '{key}': no trained model that translates, but {found}.")
    return record


def _translates(record: Record) -> bool:
    cell = record.cell
    if record.status != "ok" or cell.measure not in TRAINING or cell.task is None:
        return False
    try:
        return issubclass(find_task(cell.task), TextTask)
    except BadInput:  # a task from outside that is not here
        return False


def _import_again(record: Record, corpus: str) -> None:
    """Read a corpus into the cache, and make sure that it is the record's."""
    from experiments.corpora.corpus import import_corpus

    data: dict[str, Any] = record.cell.data
    if not data.get("content"):
        raise BadInput(f"--corpus '{corpus}': task '{record.cell.task}' reads none.")
    columns: Sequence[str] | None = data.get("columns")
    keys = (columns[0], columns[1]) if columns else None
    content = import_corpus(corpus, str(data["pair"]), keys).content
    if content != data["content"]:
        raise BadInput(
            f"--corpus '{corpus}' has other text (content {content}) than the model was trained on "
            f"({data['corpus']}, content {data['content']})."
        )


def _weights(store: Store, key: str) -> Any:
    return store.artifacts / f"{key}.safetensors"


def _missing(store: Store, record: Record) -> str:
    return (
        f"weights of {record.cell.architecture} (record {record.key}) are not in {store.artifacts}; "
        "copy them there, or remove the record and run again."
    )


def _data(record: Record) -> str:
    data = record.cell.data
    return " ".join(str(data[name]) for name in ("corpus", "pair", "split") if data.get(name))


def _validation(record: Record) -> tuple[float, str]:
    metrics = record.metrics
    score = metrics.get("validation_bleu", metrics.get("validation"))
    return (float("-inf") if score is None else float(score)), record.key
