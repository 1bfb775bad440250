from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.polynomials import crossing_ratio, formula, polynomial, terms

SIZES = [16, 32, 64, 128, 256]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4))
def test_coefficients_come_back_exactly(coefficients: list[int]) -> None:
    counts = [sum(c * n**i for i, c in enumerate(coefficients)) for n in SIZES]
    found = polynomial(SIZES, counts)
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    assert found is not None
    assert found.coefficients == tuple(map(Fraction, coefficients))
    assert found.degree == len(coefficients) - 1


@given(
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.integers(0, 4),
    st.integers(-5, 5).filter(bool),
)
def test_one_wrong_count_is_noticed(coefficients: list[int], where: int, error: int) -> None:
    counts = [sum(c * n**i for i, c in enumerate(coefficients)) for n in SIZES]
    counts[where] += error
    assert polynomial(SIZES, counts) is None


def test_without_a_check_there_is_no_claim() -> None:
    assert polynomial([1, 2], [3, 5]) is None  # a line through two points proves nothing
    assert polynomial([1, 2, 3], [1, 4, 9]) is None  # nor a parabola through three
    assert polynomial([], []) is None
    parabola = polynomial([1, 2, 3], [1, 4, 9], checked=False)
    assert parabola is not None
    assert (parabola.degree, parabola.checked) == (2, False)
    line = polynomial([1, 2, 3], [1, 2, 3])
    assert line is not None
    assert (line.degree, line.leading) == (1, 1)
    assert polynomial([2, 4, 8], [2**2, 2**4, 2**8]) is None


def test_two_counts_at_one_size() -> None:
    found = polynomial([8, 8, 16, 32], [1, 1, 1, 1])
    assert found is not None
    assert found.degree == 0
    with pytest.raises(ValueError, match="size 8"):
        polynomial([8, 8], [1, 2])


def sweeps(square: int, linear: int) -> dict[tuple[int, int], Fraction] | None:
    """Count a layer of ``square``·n²·d + ``linear``·n·d² over n at d = 64 and over d at n = 128."""

    def count(n: int, d: int) -> int:
        return square * n * n * d + linear * n * d * d

    in_n = polynomial(SIZES, [count(n, 64) for n in SIZES])
    in_d = polynomial(SIZES, [count(128, d) for d in SIZES])
    assert in_n is not None
    assert in_d is not None
    found = terms(in_n, 64, in_d, 128)
    return None if found is None else dict(found)


def test_terms_of_a_layer() -> None:
    assert sweeps(4, 8) == {(2, 1): 4, (1, 2): 8}
    assert sweeps(0, 16) == {(1, 2): 16}
    assert formula(sweeps(4, 8) or {}) == "8·n·d² + 4·n²·d"
    assert formula({(1, 2): Fraction(1)}) == "n·d²"


def test_terms_that_do_not_agree() -> None:
    in_n = polynomial(SIZES, [4 * n for n in SIZES])  # no width in it
    in_d = polynomial(SIZES, [7 * d * d for d in SIZES])
    assert in_n is not None
    assert in_d is not None
    assert terms(in_n, 64, in_d, 128) is None
    quartic = polynomial([*SIZES, 512], [n**4 for n in [*SIZES, 512]])
    assert quartic is not None
    assert terms(quartic, 64, in_d, 128) is None


@pytest.mark.parametrize(
    ("quadratic", "linear", "ratio"),
    [
        # claims.md, C4: bare scores against an RNN, with projections against an LSTM and an RNN,
        # the whole Transformer layer against an LSTM
        ((4, 0), (0, 4), 1),
        ((4, 8), (0, 16), 2),
        ((4, 8), (0, 4), 0),
        ((4, 24), (0, 16), 0),
        ((0, 2), (0, 4), None),
        ((0, 4), (0, 4), 0),
        ((4, 0), (0, 6), Fraction(3, 2)),
    ],
)
def test_crossing(
    quadratic: tuple[int, int], linear: tuple[int, int], ratio: Fraction | int | None
) -> None:
    one, other = sweeps(*quadratic), sweeps(*linear)
    assert one is not None
    assert other is not None
    assert crossing_ratio(one, other) == ratio
