"""Exact growth of counts: FLOPs and depth are polynomials in a size, found without any fit.

Divided differences in rational arithmetic (Newton's form) give the degree and every coefficient, and
points beyond the degree check them: a count that is no polynomial of low degree is told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

Terms = Mapping[tuple[int, int], Fraction]
"""Coefficients of n^i·d^j by (i, j); zero coefficients are left out."""

HOMOGENEOUS = 3
"""Every layer of Table 1 costs a sum of n·d² and n²·d: the powers add up to three."""


@dataclass(frozen=True)
class Polynomial:
    """A polynomial through counted points."""

    coefficients: tuple[Fraction, ...]  # of size⁰, size¹, ...; the last is not 0
    sizes: tuple[int, ...]

    @property
    def degree(self) -> int:
        """The leading exponent; 0 for a constant."""
        return len(self.coefficients) - 1

    @property
    def checked(self) -> bool:
        """Whether at least one point only checks, and there are three or more."""
        return max(3, len(self.coefficients) + 1) <= len(self.sizes)

    @property
    def leading(self) -> Fraction:
        """The coefficient of the leading power."""
        return self.coefficients[-1]


def polynomial(
    sizes: Sequence[int], counts: Sequence[int | Fraction], *, checked: bool = True
) -> Polynomial | None:
    """Return the polynomial that the counts follow exactly, or None.

    None if nothing checks it: fewer than three sizes, or no point beyond what the degree needs.
    Without ``checked`` the polynomial through all points is returned, whatever its degree.

    Raises:
        ValueError: two different counts at one size.
    """
    points: dict[int, Fraction] = {}
    for size, count in zip(sizes, counts, strict=True):
        if points.setdefault(int(size), Fraction(count)) != count:
            raise ValueError(f"two different counts at size {size}")
    xs = sorted(points)
    differences = [points[x] for x in xs]
    newton = [differences[0]] if xs else []
    for order in range(1, len(xs)):
        differences = [
            (differences[i + 1] - differences[i]) / (xs[i + order] - xs[i])
            for i in range(len(differences) - 1)
        ]
        newton.append(differences[0])
    while len(newton) > 1 and newton[-1] == 0:
        newton.pop()
    if not xs:
        return None
    found = Polynomial(_expanded(newton, xs), tuple(xs))
    return found if found.checked or not checked else None


def _expanded(newton: list[Fraction], xs: list[int]) -> tuple[Fraction, ...]:
    """Return the coefficients of powers of x from Newton's form, by Horner's rule."""
    result = [newton[-1]]
    for coefficient, x in zip(reversed(newton[:-1]), reversed(xs[: len(newton) - 1]), strict=True):
        shifted = [Fraction(0), *result]
        scaled = [*(-x * value for value in result), Fraction(0)]
        result = [a + b for a, b in zip(shifted, scaled, strict=True)]
        result[0] += coefficient
    return tuple(result)


def terms(in_n: Polynomial, d: int, in_d: Polynomial, n: int) -> Terms | None:
    """Return the terms n^i·d^j, i + j = 3, that both sweeps show: over n at ``d``, over d at ``n``.

    None if the two do not agree on one such sum. That they agree to the last digit is a check of both.
    """
    found: dict[tuple[int, int], Fraction] = {}
    for i, coefficient in enumerate(in_n.coefficients):
        if coefficient:
            if i > HOMOGENEOUS:
                return None
            found[i, HOMOGENEOUS - i] = coefficient / d ** (HOMOGENEOUS - i)
    again: dict[tuple[int, int], Fraction] = {}
    for j, coefficient in enumerate(in_d.coefficients):
        if coefficient:
            if j > HOMOGENEOUS:
                return None
            again[HOMOGENEOUS - j, j] = coefficient / n ** (HOMOGENEOUS - j)
    return found if found == again and found else None


def crossing_ratio(quadratic: Terms, linear: Terms) -> Fraction | None:
    """Return n*/d, below which the quadratic layer needs fewer FLOPs; 0: it never does; None: always.

    Both are sums of n·d² and n²·d, so the ratio does not depend on d.
    """
    by_square = quadratic.get((2, 1), Fraction(0)) - linear.get((2, 1), Fraction(0))
    head_start = linear.get((1, 2), Fraction(0)) - quadratic.get((1, 2), Fraction(0))
    if by_square <= 0:
        return None if head_start > 0 else Fraction(0)
    return max(Fraction(0), head_start / by_square)


def formula(found: Terms) -> str:
    """Return terms as they are written: ``"8·n·d² + 4·n²·d"``."""
    shown = []
    for (i, j), coefficient in sorted(found.items()):
        powers = "·".join(
            f"{name}{'²³'[power - 2] if power > 1 else ''}"
            for name, power in (("n", i), ("d", j))
            if power
        )
        shown.append(f"{coefficient}·{powers}" if coefficient != 1 else powers)
    return " + ".join(shown)
