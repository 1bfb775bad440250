"""Training speed of whole models as rows: one series an architecture, whatever kernels it used."""

import pandas as pd

from analysis.view import View
from analysis.wording import number


def throughput_rows(view: View) -> pd.DataFrame:
    """Return the steps of whole models at fixed tokens a batch.

    An architecture may change its kernel with n, as attention does. ``kernel`` then names them all in
    order, each with the lengths it was used for: "explicit to n = 128, then fused".
    """
    rows = view.frame("step_time")
    rows = rows[(rows.scope == "model") & (rows.comparison == "fixed_tokens")].copy()
    joined = {name: _in_order(group) for name, group in rows.groupby("architecture")}
    rows["kernel"] = rows.architecture.map(joined)
    return rows


def _in_order(rows: pd.DataFrame) -> str:
    known = rows[rows.kernel.astype(bool)].sort_values("n")
    last = known.groupby("kernel", sort=False).n.max().sort_values()
    *earlier, final = last.index if len(last) else [""]
    return ", then ".join([*(f"{kernel} to n = {number(last[kernel])}" for kernel in earlier), final])
