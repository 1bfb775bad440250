"""Integer counts at a long length from exact counts at short ones, checked and not fitted."""

from collections.abc import Callable, Sequence
from fractions import Fraction

LENGTHS = (16, 24, 32, 40)
"""Where counts that would take too long are made instead; the last one only checks."""


class NotPolynomial(Exception):
    """The counts do not follow a polynomial of the degree that was asked for."""


def extrapolate(count: Callable[[int], int], n: int, degree: int, what: str) -> int:
    """Return ``count(n)`` from the counts at ``degree + 2`` short lengths.

    The polynomial through the first ``degree + 1`` of them must give the last one exactly.

    Raises:
        NotPolynomial: it does not, or it is no whole number at ``n``.
    """
    lengths = LENGTHS[: degree + 2]
    counts = [count(length) for length in lengths]
    *known, last = lengths
    predicted = interpolated(known, counts[:-1], last)
    if predicted != counts[-1]:
        raise NotPolynomial(
            f"{what} at n = {', '.join(map(str, lengths))}: {', '.join(map(str, counts))}; "
            f"no polynomial of degree {degree}, so nothing is known at n = {n}"
        )
    value = interpolated(lengths, counts, n)
    if value.denominator != 1:
        raise NotPolynomial(f"{what}: the polynomial gives {value} at n = {n}, no whole number")
    return int(value)


def interpolated(lengths: Sequence[int], counts: Sequence[int], n: int) -> Fraction:
    """Return the value at ``n`` of the polynomial through the points (Lagrange), exactly."""
    total = Fraction(0)
    for i, at in enumerate(lengths):
        term = Fraction(counts[i])
        for other in (*lengths[:i], *lengths[i + 1 :]):
            term *= Fraction(n - other, at - other)
        total += term
    return total
