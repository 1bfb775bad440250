"""What changed between two stores beyond noise: scores, time ratios, counts, verdicts."""

from analysis.difference.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
