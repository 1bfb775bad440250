"""What a corpus takes of memory does not grow with it, but for a few bytes a pair.

Counted is private memory: pages of a memory-mapped file belong to the file, and are given back first.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.experiments.conftest import ROOT
from tests.experiments.corpora.conftest import write_text

SMALL, LARGE = 40_000, 140_000  # pairs
BYTES_A_PAIR = 120
"""Epochs, lengths and the pairs that are kept take about 50; tokens as int64 would take more."""

PREPARE = """
import sys
from experiments.corpora.corpus import import_corpus
from experiments.corpora.prepared import prepared

corpus = import_corpus(sys.argv[1], "en-de")
found = prepared(corpus, 1000, True, 64)
print(found.corpus.size("train"), found.overlong, flush=True)
for epoch in range(3):
    found.batch(0, epoch * len(found._epoch(0, epoch, 4000)), 4000)
assert found.markov.sentence()
"""


def texts(folder: Path, count: int) -> Path:
    random_numbers = random.Random(0)
    words = ["".join(random_numbers.choices("abcdefghijklmnop", k=5)) for _ in range(800)]

    def sentence() -> str:
        return " ".join(random_numbers.choices(words, k=random_numbers.randint(3, 8)))

    held_out = [(sentence(), sentence()) for _ in range(50)]
    train = [(sentence(), sentence()) for _ in range(count)]
    return write_text(folder, {"train": train, "val": held_out, "test": held_out})


def private_bytes(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return 1024 * int(found[0]) if found else 0  # a process that is ending has none


def peak(corpus: Path) -> int:
    """Return the most private memory of a process that prepares a corpus and trains on it."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_ARENA_MAX": "1",
    }
    command = [sys.executable, "-c", PREPARE, str(corpus)]
    most = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            most = max(most, private_bytes(process.pid))
            time.sleep(0.002)
        assert process.stdout
        said = process.stdout.read()
    assert process.returncode == 0
    assert said.split()[1] == "0"
    return most


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="private memory is read from /proc")
def test_memory_hardly_grows_with_the_corpus(tmp_path: Path) -> None:
    small, large = (peak(texts(tmp_path / str(count), count)) for count in (SMALL, LARGE))
    assert small > 0
    assert (large - small) / (LARGE - SMALL) < BYTES_A_PAIR
