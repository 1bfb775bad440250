"""What is counted, without noise: FLOPs, depth, path and parameters at the same sizes in two stores."""

from collections.abc import Iterator

from analysis.difference.base import CHANGED, SAME, Change
from analysis.load import Results

MEASURES = {"flops": "FLOPs", "depth": "depth", "path": "path length"}
Size = tuple[object, ...]


def count_changes(a: Results, b: Results) -> Iterator[Change]:
    """Yield a change for each layer and measure, with the values of the first size that differs."""
    for measure, words in MEASURES.items():
        before, after = (_counts(results, measure) for results in (a, b))
        for (architecture, part), counts in before.items():
            others = after.get((architecture, part), {})
            shared = [size for size in counts if size in others]
            if not shared:
                continue
            differ = [size for size in shared if counts[size] != others[size]]
            shown = differ[0] if differ else shared[-1]
            yield Change(
                kind="counts",
                what=f"{words} of layer {part.replace('_', ' ')} at n = {shown[0]:g}, d = {shown[1]:g}",
                architecture=architecture,
                before=counts[shown],
                after=others[shown],
                outcome=CHANGED if differ else SAME,
                points=(len(shared), len(shared)),
                covers="sizes",
                note=f"{len(differ)} of {len(shared)} sizes differ" if differ else "",
            )


def _counts(results: Results, measure: str) -> dict[tuple[str, str], dict[Size, float]]:
    found: dict[tuple[str, str], dict[Size, float]] = {}
    frame = results.sizes(measure)
    ok = frame[(frame.status == "ok") & frame.value.notna()]
    for architecture, part, n, d, batch, model, value in zip(
        ok.architecture, ok.part, ok.n, ok.d, ok.batch, ok.model, ok.value, strict=True
    ):
        options = tuple(sorted((key, str(option)) for key, option in model.items()))
        size = (float(n), float(d), float(batch), options)
        found.setdefault((str(architecture), str(part)), {})[size] = float(value)
    return found
