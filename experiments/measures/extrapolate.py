"""Exact extrapolation of counts: FLOPs and depth are polynomials in the length.

A recurrence on the meta device runs step by step (4,096 steps take 20 s), so it is counted at four
short lengths; the polynomial through three of them must give the fourth to the last digit.
"""

from collections.abc import Callable, Hashable, Mapping
from fractions import Fraction

SHORT = (8, 16, 24, 40)
"""Lengths that are counted; the last one only checks."""


_known: dict[Hashable, list[Mapping[str, int]]] = {}


def extrapolated(
    count: Callable[[int], Mapping[str, int]], n: int, subject: Hashable
) -> dict[str, int]:
    """Return each of ``count``'s numbers at length n from counts at the lengths ``SHORT``.

    ``subject`` says what is counted: the same subject is counted once in a process.

    Raises:
        ArithmeticError: the counts are no polynomial of degree two or less in n.
    """
    if subject not in _known:
        _known[subject] = [count(length) for length in SHORT]
    counted = _known[subject]
    found = {}
    for name in counted[0]:
        values = [int(numbers[name]) for numbers in counted]
        if lagrange(SHORT[:3], values[:3], SHORT[3]) != values[3]:
            pairs = dict(zip(SHORT, values, strict=True))
            raise ArithmeticError(f"{name} is no polynomial of degree 2 in n: {pairs}")
        found[name] = int(lagrange(SHORT[:3], values[:3], n))
    return found


def lagrange(points: tuple[int, ...], values: list[int], x: int) -> Fraction:
    """Return the value at x of the polynomial through the points, exactly."""
    total = Fraction(0)
    for i, (point, value) in enumerate(zip(points, values, strict=True)):
        term = Fraction(value)
        for j, other in enumerate(points):
            if j != i:
                term *= Fraction(x - other, point - other)
        total += term
    return total
