"""Tables of the third question: exponents and crossovers of one layer."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.exponents import Exponent, exponent, one_width
from analysis.fits import Crossover, crossover
from analysis.style import clip, styles
from analysis.tables.base import NOT_MEASURED, Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, interval, number, span


def exponents(view: View) -> Table | None:
    """Return time, memory and FLOP exponents of every layer part and kernel, with the theory's."""
    times, memory = view.frame("step_time"), view.frame("memory")
    times = times[(times.scope == "layer") & (times.comparison == "fixed_batch")]
    memory = memory[memory.scope == "layer"]
    looks = styles(view.architectures)
    rows, data, keys = [], [], []
    for architecture, look in looks.items():
        for part, theory in view.layers.get(architecture, {}).items():
            timed = times[(times.architecture == architecture) & (times.part == part)]
            stored = memory[(memory.architecture == architecture) & (memory.part == part)]
            kernels = sorted({*timed.kernel, *stored.kernel})
            for kernel in kernels:
                t, m = timed[timed.kernel == kernel], stored[stored.kernel == kernel]
                fits = {
                    "time_n": exponent(one_width(t, "n"), "n", "seconds"),
                    "time_d": exponent(one_width(t, "width"), "width", "seconds"),
                    "memory_n": exponent(one_width(m, "n"), "n", "peak_bytes"),
                }
                note = " · ".join(clip(word.replace("_", " ")) for word in (part, str(kernel)) if word)
                rows.append(
                    (
                        Entry(look.label, note, colour=look.colour),
                        _fit(fits["time_n"]),
                        Entry(f"{theory['flop_exponents'][0]:g}"),
                        _fit(fits["time_d"]),
                        Entry(f"{theory['flop_exponents'][1]:g}"),
                        _fit(fits["memory_n"]),
                        Entry(f"{_memory_theory(theory, kernel):g}"),
                    )
                )
                data.append(
                    {"architecture": architecture, "part": part, "kernel": kernel}
                    | {name: fit and fit.value for name, fit in fits.items()}
                    | {f"{name}_local": fit and fit.local for name, fit in fits.items()}
                )
                keys += [*t.key, *m.key]
    if not rows:
        return None
    return Table(
        name="exponents",
        title="Measured exponents of one layer, at the large end",
        caption="Slope on logarithmic axes over the largest three sizes; the interval covers timing "
        "rounds. “Last step” is the local slope between the two largest sizes: fits bend.",
        groups=(("", 1), ("Time in n", 2), ("Time in d", 2), ("Memory in n", 2)),
        columns=(
            Column("Architecture", note="layer · kernel class"),
            Column("measured", "num"),
            Column("theory", "theory"),
            Column("measured", "num"),
            Column("theory", "theory"),
            Column("measured", "num"),
            Column("theory", "theory", "by kernel"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(keys),
    )


def _memory_theory(theory: Mapping[str, Any], kernel: str) -> float:
    """Return the exponent of memory in n: stored scores grow faster than a fused kernel's blocks."""
    explicit = theory.get("explicit_memory_exponent")
    return float(explicit if "explicit" in kernel and explicit else theory["memory_exponent"])


def _fit(fit: Exponent | None) -> Entry:
    if fit is None:
        return NOT_MEASURED
    note = f"{span([fit.first, fit.last])}; last step {fixed(fit.local)}"
    return Entry(f"{fixed(fit.value)} {interval(fit.low, fit.high)}".strip(), note)


def crossovers(view: View) -> Table | None:
    """Return the length where a layer that grows as n² overtakes one that grows as n."""
    flops, times = view.frame("flops"), view.frame("step_time")
    flops = one_width(flops[(flops.scope == "layer") & (flops.status == "ok")], "n")
    times = times[(times.scope == "layer") & (times.comparison == "fixed_batch")]
    times = one_width(times[times.status == "ok"], "n")
    rows, data, keys = [], [], []
    for linear, squared in _pairs(view):
        counted = [_of(flops, *layer) for layer in (linear, squared)]
        if any(frame.empty for frame in counted):
            continue
        by_count = crossing(counted[1], counted[0], "forward")
        names = tuple(_name(view, *layer) for layer in (squared, linear))
        timed = []
        for kernel_s, s in _of(times, *squared).groupby("kernel", sort=True):
            for kernel_l, one in _of(times, *linear).groupby("kernel", sort=True):
                at = crossing(s, one, "seconds")
                timed.append((f"{clip(str(kernel_s))} vs {clip(str(kernel_l))}", at))
                keys += [*s.key, *one.key]
        width = counted[0].width.iloc[0]
        rows.append(
            (
                Entry(names[0], f"against {names[1]}"),
                _crossed(by_count, counted[0], width),
                Entry("\n".join(f"{label}: {_length(at)}" for label, at in timed) or "not measured"),
            )
        )
        data.append(
            {
                "squared": " ".join(squared),
                "linear": " ".join(linear),
                "width": width,
                "flops_n": by_count,
            }
            | {f"time_n {label}": at and at.value for label, at in timed}
        )
        keys += [key for frame in counted for key in frame.key]
    if not rows:
        return None
    return Table(
        name="crossovers",
        title="Up to which length is self-attention the cheaper layer?",
        caption="The length n* at which both cost the same, interpolated between measured lengths.",
        columns=(
            Column("Layer that grows as n²", note="against one that grows as n"),
            Column("n* in FLOPs", "num", "and n*/d"),
            Column("n* in time", "num", "by kernel classes"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(keys),
    )


def crossing(squared: pd.DataFrame, linear: pd.DataFrame, column: str) -> Crossover | None:
    """Return the n from which ``squared`` stays dearer; None where no length was measured of both."""
    both = squared.set_index("n")[column].to_frame("s").join(linear.set_index("n")[column].rename("l"))
    both = both.dropna()
    return crossover(both.index.to_numpy(float), both.s.to_numpy(float), both.l.to_numpy(float))


def _pairs(view: View) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return (linear, quadratic) layers of different architectures, by the theory's exponent in n."""
    layers = [
        ((architecture, part), theory["flop_exponents"][0])
        for architecture, parts in view.layers.items()
        for part, theory in parts.items()
    ]
    return [
        (one, other)
        for one, low in layers
        for other, high in layers
        if low == 1 and high == 2 and one[0] != other[0] and one[1] == view.first_part(one[0])
    ]


def _of(rows: pd.DataFrame, architecture: str, part: str) -> pd.DataFrame:
    return rows[(rows.architecture == architecture) & (rows.part == part)].drop_duplicates(
        ["n", "kernel"]
    )


def _name(view: View, architecture: str, part: str) -> str:
    look = styles(view.architectures)[architecture]
    return f"{look.label}: {clip(part.replace('_', ' '))}"


def _length(at: Crossover | None) -> str:
    if at is None:
        return "not measured"
    if at.value is not None:
        return f"n* ≈ {number(at.value, 3)}"
    return "cheaper at every length" if at.side == "always cheaper" else "dearer at every length"


def _crossed(at: Crossover | None, rows: pd.DataFrame, width: float) -> Entry:
    if at is None or at.value is None:
        return Entry(_length(at), f"n {span(list(rows.n))}, d = {number(width)}")
    return Entry(_length(at), f"n*/d = {fixed(at.value / width)}, d = {number(width)}")
