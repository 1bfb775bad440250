"""Competitors take turns in one process; ratios are taken within the rounds."""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping

import torch

from experiments.allocator import NAME, worker_environment


def flags(about: str, rounds: int) -> argparse.Namespace:
    """Parse the flags that every benchmark has, and set the threads.

    The process is started again with the allocator settings that measuring workers run with.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    found = parser.parse_args()
    if NAME not in os.environ:
        wanted = worker_environment(found.threads, "fast")
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})
    torch.set_num_threads(found.threads)
    return found


def race(competitors: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every round of every competitor; two rounds warm up, uncounted."""
    times: dict[str, list[float]] = {name: [] for name in competitors}
    for turn in range(rounds + 2):
        for name, step in competitors.items():
            seconds = step()
            if turn >= 2:
                times[name].append(seconds)
    return times


def tell(times: Mapping[str, list[float]], against: Callable[[str], str], as_json: bool) -> None:
    """Print each competitor's median and its ratio to the one it is held against."""
    results = {}
    for name, seconds in times.items():
        ratios = [theirs / own for theirs, own in zip(seconds, times[against(name)], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        milliseconds = 1e3 * statistics.median(seconds)
        results[name] = {"ms": milliseconds, "ratio": middle, "low": low, "high": high}
        if not as_json:
            print(f"{name}: {milliseconds:.1f} ms, {middle:.2f} times ours ({low:.2f} to {high:.2f})")
    if as_json:
        print(json.dumps(results, indent=1))
