"""Measure ``memory``: the peak of what one training step allocates beyond what was held before it."""

import gc
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.subject import SizeOptions, apply_settings, autocast, subject_of

CPU_METHOD = "peak of the running sum of the profiler's allocation events"
CUDA_METHOD = "torch.cuda.max_memory_allocated"


class Memory(Measure):
    """Peak memory of one training step, in bytes; the method is named."""

    Options = SizeOptions
    hardware_bound = True

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Measure one cell in a pass that is not timed."""
        apply_settings(cell)
        options = SizeOptions.model_validate(cell.options)
        step = subject_of(cell, options).step(options.n, cell.device)
        step.train(autocast(cell))  # first use makes buffers and optimiser state
        gc.collect()
        watch = cuda_peak if cell.device == "cuda" else cpu_peak
        method = CUDA_METHOD if cell.device == "cuda" else CPU_METHOD
        peak = watch(lambda: step.train(autocast(cell)))
        return Outcome(
            metrics={"peak_bytes": peak, "method": method}, environment={"memory_method": method}
        )


def cpu_peak(run: Callable[[], None]) -> int:
    """Return the most bytes that torch held at once during ``run``, beyond what it held before.

    ``ru_maxrss`` never falls and tracemalloc does not see tensors, so events are summed.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = profiler.profiler.kineto_results.events()
    allocations = [event for event in events if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(allocations, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def cuda_peak(run: Callable[[], None]) -> int:
    """Return the most bytes that were allocated at once during ``run``, beyond what was before."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
