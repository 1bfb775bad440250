"""Measure ``memory``: peak bytes of one training step, beyond what was held before it."""

from collections.abc import Callable, Iterable

import torch
from torch.profiler import ProfilerActivity, profile

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.kernel import kernel_class
from experiments.measures.sizes import SizeOptions
from experiments.measures.subject import build

CPU_METHOD = "torch profiler: peak of the running sum of allocations"
CUDA_METHOD = "torch.cuda.max_memory_allocated"


class Memory(Measure):
    """Peak memory of one training step, beyond weights, inputs and optimiser state."""

    hardware_bound = True
    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Measure one step after a first one, which leaves the optimiser's state and buffers behind.

        What torch's allocators do not give out, such as a library's own scratch space, is not seen.
        """
        subject = build(cell)
        context.progress("first step")
        kernel = kernel_class(subject, self.Options.model_validate(cell.options).n)
        subject.step()
        subject.clear()
        context.progress("measuring")
        if cell.device == "cuda":
            method, peak = CUDA_METHOD, cuda_peak(subject.step)
        else:
            method, peak = CPU_METHOD, cpu_peak(subject.step)
        environment = {"memory_method": method} | ({"kernel": kernel} if kernel else {})
        return Outcome(metrics={"peak_bytes": peak, "method": method}, environment=environment)


def cpu_peak(function: Callable[[], object]) -> int:
    """Return the most bytes that ``function`` held at once, by the profiler's memory events.

    Releases of what was allocated before are not among them: free it before the call.

    Raises:
        RuntimeError: the profiler reports no allocation at all.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    results = profiler.profiler.kineto_results if profiler.profiler else None
    events = [
        (event.start_ns(), event.nbytes())
        for event in (results.events() if results else [])
        if event.name() == "[memory]" and event.device_type() == torch.autograd.DeviceType.CPU
    ]
    if not events:
        raise RuntimeError("the profiler reported no memory event")
    events.sort(key=lambda event: event[0])  # stable: events of one instant stay in order
    return peak_of(size for _, size in events)


def cuda_peak(function: Callable[[], object]) -> int:
    """Return the most bytes that ``function`` held at once on the current CUDA device."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    function()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def peak_of(changes: Iterable[int]) -> int:
    """Return the greatest running sum of allocations (positive) and releases (negative)."""
    held = peak = 0
    for change in changes:
        held += change
        peak = max(peak, held)
    return peak
