"""Figure ``depth``: sequential operations against n, and updates against distance."""

import pandas as pd

from analysis.figures import sweep
from analysis.figures.base import Figure, Panel
from analysis.style import styles
from analysis.view import View
from analysis.wording import number


def draw(results: View) -> Figure | None:
    """Draw the depth of the operator graph and the path length of each layer."""
    depth, path = results.frame("depth"), results.frame("path")
    looks = styles(results.architectures)
    panels: list[Panel] = []
    keys: list[str] = []
    if not depth.empty and (depth.status == "ok").any():
        depth = depth[depth.scope == "layer"] if (depth.scope == "layer").any() else depth
        chart = sweep.Sweep(
            name="depth_operations",
            title="Sequential operations of one layer",
            x="n",
            y="forward",
            x_label="n, positions",
            y_label="operators in a row, forward",
            shown=number,
            height=3.4,
            with_kernel=False,
        )
        panels.append(sweep.draw(chart, depth, looks))
        keys += list(depth.key)
    if not path.empty and ((path.status == "ok") & path.updates.notna()).any():
        chart = sweep.Sweep(
            name="depth_path",
            title="Path between two positions k apart",
            x="n",
            y="updates",
            x_label="k, distance (tokens)",
            y_label="updates needed",
            shown=number,
            height=3.4,
            with_kernel=False,
        )
        panels.append(sweep.draw(chart, path, looks))
        keys += list(path.key)
    if not panels:
        return None
    columns = ["measure", *sweep.SERIES, "n", "forward", "updates", "status", "key"]
    data = pd.concat([depth.assign(updates=None), path.assign(forward=None)])[columns]
    return Figure(
        name="depth",
        title="Sequential operations and maximum path length, counted",
        caption="Left: longest path of the operator graph. Right: how often a layer must be applied "
        "until the output at t depends on the input at t − k, from the support of the Jacobian. "
        "Lines that coincide hide one another: Table 1 has the numbers.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(keys)),
    )
