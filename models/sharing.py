"""Many sentences: batches of similar length, shared between threads.

B sentences of a batch, S source positions.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from models.base import Seq2Seq, evaluating
from models.errors import BadInput
from models.problem import PAD

Answer = TypeVar("Answer")
Decode = Callable[[Tensor, Tensor | None], Sequence[Answer]]


def decode_sentences(
    model: Seq2Seq,
    sources: Sequence[Sequence[int]],
    decode: Decode[Answer],
    *,
    batch_size: int = 32,
    workers: int = 1,
) -> list[Answer]:
    """Return ``decode``'s answer to each source, in the order of the sources.

    The products of a decoding step are too small to gain much from a second thread. So with several
    ``workers`` each decodes whole batches on a single thread of its own: on a CPU, one worker a core is
    fastest. An answer does not depend on the number of workers.

    Args:
        model: an architecture that reads tokens; it is in evaluation mode meanwhile.
        sources: token sequences, none of them empty.
        decode: from padded source tokens (B, S) int64 on the model's device and their mask (B, S) bool
            (None if nothing is padded) to B answers. With several workers it is called from several
            threads at once, under the caller's autocast.
        batch_size: sentences a batch; those of a batch have similar lengths.
        workers: threads. With 1, torch's own threads are left as they are.

    Raises:
        BadInput: ``batch_size`` or ``workers`` is below 1.
    """
    if batch_size < 1 or workers < 1:
        raise BadInput(f"batch_size = {batch_size}, workers = {workers}: both are at least 1.")
    # the longest first: what is left to the end, when a worker may wait for another, is short
    order = sorted(range(len(sources)), key=lambda row: -len(sources[row]))
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    answers: dict[int, Answer] = {}

    def run(rows: list[int]) -> None:
        source_BS, mask_BS = _padded([sources[row] for row in rows], model.device)
        answers.update(zip(rows, decode(source_BS, mask_BS), strict=True))

    with evaluating(model):
        if workers == 1:
            for rows in batches:
                run(rows)
        else:
            _share(run, batches, workers, model.device.type)
    return [answers[row] for row in range(len(sources))]


def _share(
    run: Callable[[list[int]], None], batches: list[list[int]], workers: int, device: str
) -> None:
    # autocast is a setting of each thread
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    def run_like_caller(rows: list[int]) -> None:
        with torch.autocast(device, dtype, enabled=enabled):
            run(rows)

    with _single_threaded(), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(run_like_caller, batches):  # raises what a worker raised
            pass


@contextmanager
def _single_threaded() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor | None]:
    lengths_B = torch.tensor([len(row) for row in rows])
    source_BS = torch.full((len(rows), int(lengths_B.max())), PAD, dtype=torch.long)
    for source_S, row in zip(source_BS, rows, strict=True):
        source_S[: len(row)] = torch.tensor(row, dtype=torch.long)
    mask_BS = torch.arange(source_BS.shape[1]) < lengths_B[:, None]
    return source_BS.to(device), None if bool(mask_BS.all()) else mask_BS.to(device)
