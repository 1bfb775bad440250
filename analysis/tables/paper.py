"""Table 1 of the paper, with a measured column beside each theoretical one."""

from fractions import Fraction
from typing import Any

import pandas as pd

from analysis.exponents import Exponent, exponent, one_width
from analysis.polynomials import Polynomial, formula, polynomial, terms
from analysis.style import clip, styles
from analysis.tables.base import NOT_MEASURED, Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, interval, number, span


def table1(view: View) -> Table | None:
    """Return the paper's Table 1 with a measured column beside each theoretical one."""
    flops, times = view.frame("flops"), view.frame("step_time")
    times = times[times.comparison == "fixed_batch"]
    depth, path = view.frame("depth"), view.frame("path")
    frames = [frame[frame.scope == "layer"] for frame in (flops, times, depth)]
    frames.append(path)
    if all(frame[frame.status == "ok"].empty for frame in frames):
        return None
    looks = styles(view.architectures)
    rows, data, keys = [], [], []
    for architecture in view.architectures:
        parts = view.layers.get(architecture, {})
        for place, (part, theory) in enumerate(parts.items()):
            mine = [f[(f.architecture == architecture) & (f.part == part)] for f in frames]
            if all(frame.empty for frame in mine):
                continue
            counted, timed, deep, far = mine
            by_n = exponent(one_width(counted, "n"), "n", "forward")
            by_d = exponent(one_width(counted, "width"), "width", "forward")
            entries = [
                _counted(flop_formula(counted), by_n, by_d),
                _timed(timed),
                Entry(theory["sequential"]),
                _depth(deep),
                Entry(theory["path"]),
                _path(far),
            ]
            if all(entries[i] == NOT_MEASURED for i in (0, 1, 3, 5)):
                continue  # theory alone: what there is was counted for another question
            label = looks[architecture].label if place == 0 else f"↳ {looks[architecture].label}"
            rows.append(
                (
                    Entry(label, clip(part.replace("_", " ")), colour=looks[architecture].colour),
                    Entry(theory["complexity"]),
                    *entries,
                )
            )
            data.append(_numbers(architecture, part, theory, by_n, by_d, mine))
            keys += [key for frame in mine for key in frame.key]
    if not rows:
        return None
    return Table(
        name="table1",
        title="Theory in italics, measurement beside it",
        caption="One layer of each architecture: the first line of each is the paper’s row, ↳ marks "
        "its further parts.",
        groups=(
            ("", 1),
            ("Complexity per layer", 3),
            ("Sequential operations", 2),
            ("Maximum path length", 2),
        ),
        columns=(
            Column("Architecture", note="and layer"),
            Column("theory", "theory"),
            Column("FLOPs, counted", note="exact where a sum; slopes"),
            Column("time, measured", note="exponent in n, [95 %]"),
            Column("theory", "theory"),
            Column("depth, counted", note="operators in a row"),
            Column("theory", "theory"),
            Column("updates, measured", note="to reach distance k"),
        ),
        rows=tuple(rows),
        notes=(
            "A sum of powers, where it stands, goes exactly through every count. Slopes are those on "
            "logarithmic axes over the largest three sizes; that of counts lies between the powers "
            "while both still matter. The interval of a time exponent covers timing rounds on this "
            "device, nothing else.",
            "Depth is the longest chain of dependent operators in the forward graph. Updates: how "
            "often the layer’s smallest parallel step is applied until the output depends on the "
            "input k back.",
        ),
        data=pd.DataFrame(data),
        keys=keys_of(keys),
    )


def _counted(law: str | None, by_n: Exponent | None, by_d: Exponent | None) -> Entry:
    fits = [(x, fit) for x, fit in (("n", by_n), ("d", by_d)) if fit is not None]
    if not fits:
        return NOT_MEASURED
    slopes = " · ".join(f"{x}^{fixed(fit.value)}" for x, fit in fits)
    ranges = ", ".join(f"{x} {span([fit.first, fit.last])}" for x, fit in fits)
    if law is None:
        return Entry(slopes, ranges)
    return Entry(law, f"slope {slopes}")


def time_exponents(timed: pd.DataFrame, x: str = "n") -> dict[str, Exponent]:
    """Return kernel class → exponent of the time of one series of layers."""
    found = {}
    for kernel, rows in one_width(timed, x).groupby("kernel", sort=True):
        fit = exponent(rows, x, "seconds")
        if fit is not None:
            found[str(kernel)] = fit
    return found


def _timed(timed: pd.DataFrame) -> Entry:
    fits = time_exponents(timed)
    if not fits:
        bad = sorted(set(timed[timed.status != "ok"].status))
        return Entry(", ".join(bad).replace("_", " "), kind="bad") if bad else NOT_MEASURED
    lines = [
        f"{clip(kernel)}: n^{fixed(fit.value)} {interval(fit.low, fit.high)}".removeprefix(": ").strip()
        for kernel, fit in fits.items()
    ]
    one = next(iter(fits.values()))
    return Entry("\n".join(lines), f"n {span([one.first, one.last])}")


def affine(rows: pd.DataFrame, x: str, y: str) -> str | None:
    """Return ``8·n + 5`` if that is exactly how the counts ``y`` depend on ``x``, else None."""
    points = rows[(rows.status == "ok") & rows[y].notna()]
    law = polynomial([int(v) for v in points[x]], [int(v) for v in points[y]])
    if law is None or law.degree > 1:
        return None
    start, *rates = law.coefficients
    if not rates:
        return number(float(start))
    name = "k" if y == "updates" else x
    grown = name if rates[0] == 1 else f"{number(float(rates[0]))}·{name}"
    if start == 0:
        return grown
    return f"{grown} {'+' if start > 0 else '−'} {number(abs(float(start)))}"


def flop_formula(counted: pd.DataFrame) -> str | None:
    """Return the sum of n·d² and n²·d that the counted FLOPs are, exactly, or None if they are none."""
    ok = counted[counted.status == "ok"]
    if ok.empty:
        return None
    over_n, over_d = one_width(ok, "n"), one_width(ok, "width")
    in_n, in_d = _swept(over_n, "n"), _swept(over_d, "width")
    if in_n is None or in_d is None:
        return None
    found = terms(in_n, int(over_n.width.iloc[0]), in_d, int(over_d.n.iloc[0]))
    return formula(found) if found else None


def _swept(rows: pd.DataFrame, x: str) -> Polynomial | None:
    counts = [
        Fraction(int(total), int(batch)) for total, batch in zip(rows.forward, rows.batch, strict=True)
    ]
    sizes = [int(size) for size in rows[x]]
    if len(set(zip(sizes, counts, strict=True))) > len(set(sizes)):
        return None  # of several windows or kernel sizes: no law of this size alone
    return polynomial(sizes, counts)


def _depth(deep: pd.DataFrame) -> Entry:
    return _law(deep, "forward", "n")


def _path(far: pd.DataFrame) -> Entry:
    never = far[(far.status == "ok") & far.updates.isna()]
    if len(never):
        return Entry("never", f"k ≥ {number(never.n.min())}: beyond the limit", kind="bad")
    return _law(far, "updates", "k")


def _law(rows: pd.DataFrame, y: str, name: str) -> Entry:
    ok = rows[(rows.status == "ok") & rows[y].notna()].sort_values("n")
    if ok.empty:
        return NOT_MEASURED
    where = f"{name} {span(list(ok.n))}"
    law = affine(ok, "n", y)
    if law is None:
        steps = " → ".join(f"{number(row[y])}" for _, row in ok.iloc[[0, -1]].iterrows())
        return Entry(steps, where)
    return Entry(law, f"exact for {where}" if name in law else f"at every {where}")


def _numbers(
    architecture: str,
    part: str,
    theory: dict[str, Any],
    by_n: Exponent | None,
    by_d: Exponent | None,
    frames: list[pd.DataFrame],
) -> dict[str, object]:
    counted, timed, deep, far = frames
    row: dict[str, object] = {
        "architecture": architecture,
        "part": part,
        "complexity": theory["complexity"],
        "flop_formula": flop_formula(counted),
        "flop_exponent_n": by_n and by_n.value,
        "flop_exponent_d": by_d and by_d.value,
        "flop_exponent_n_theory": theory["flop_exponents"][0],
        "flop_exponent_d_theory": theory["flop_exponents"][1],
        "sequential": theory["sequential"],
        "depth": affine(deep, "n", "forward"),
        "path": theory["path"],
        "updates": affine(far, "n", "updates"),
    }
    for kernel, fit in time_exponents(timed).items():
        row[f"time_exponent_{kernel}"] = fit.value
        row[f"time_exponent_{kernel}_low"], row[f"time_exponent_{kernel}_high"] = fit.low, fit.high
    return row
