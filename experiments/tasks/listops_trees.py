"""Random expressions of ListOps, many at a time, from the published distribution.

N nodes of one depth, over all trees.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput
from models.problem import PAD, SPECIALS

OPERATORS = ("[MIN", "[MAX", "[MED", "[SM")
WORDS = (*"0123456789", *OPERATORS, "]")
"""The vocabulary; word i is the token SPECIALS + i."""

OPERATION = 0.25
"""Probability that an argument is itself an operation."""

_MIN, _MAX, _MED, _SM = range(4)
_AT_ONCE, _PATIENCE = 512, 200_000  # trees drawn at a time, and without a fitting one in all


class Level(NamedTuple):
    """All nodes of one depth, those of one tree and of one parent together."""

    tree: NDArray[np.int64]  # (N,)
    arity: NDArray[np.int64]  # (N,), 0 for a number
    word: NDArray[np.int64]  # (N,) index into WORDS: a number or an operator


class Expressions(NamedTuple):
    """Some expressions: tokens padded on the right, lengths and values."""

    source: NDArray[np.int64]  # (B, S)
    length: NDArray[np.int64]  # (B,)
    value: NDArray[np.int64]  # (B,), 0 to 9


def draw_expressions(
    generator: np.random.Generator, count: int, depth: int, args: int, lengths: tuple[int, int]
) -> Expressions:
    """Draw ``count`` expressions, S = the longest length, with lengths between ``lengths``.

    Nangia and Bowman 2018 ("ListOps: A Diagnostic Dataset for Latent Tree Learning"): an operation has
    2 to ``args`` arguments, uniformly, and one of four operators; an argument above depth ``depth``
    is an operation with probability 1/4, and else a number from 0 to 9. Bare numbers are left out.

    Raises:
        BadInput: no expression is as long, among many drawn.
    """
    found: list[Expressions] = []
    missing, drawn = count, 0
    while missing > 0:
        part = _draw(generator, depth, args, lengths)
        drawn += _AT_ONCE
        found.append(Expressions(*(field[:missing] for field in part)))
        missing -= len(part.value)
        if drawn >= _PATIENCE and missing == count:
            raise BadInput(
                f"none of {drawn} expressions of depth {depth} and {args} arguments at most has "
                f"{lengths[0]} to {lengths[1]} tokens. Choose other lengths."
            )
    return Expressions(*(np.concatenate(fields) for fields in zip(*found, strict=True)))


def _draw(
    generator: np.random.Generator, depth: int, args: int, lengths: tuple[int, int]
) -> Expressions:
    levels = _grow(generator, depth, args, lengths[1])
    lengths_of, values_of = _evaluate(levels)
    fits = (lengths_of[0] >= lengths[0]) & (lengths_of[0] <= lengths[1])
    source_TS = _write(levels, lengths_of, fits, lengths[1])
    return Expressions(source_TS[fits], lengths_of[0][fits], values_of[0][fits])


def _grow(generator: np.random.Generator, depth: int, args: int, longest: int) -> list[Level]:
    """Draw trees level by level; one that is too long already grows no further."""
    tree_N = np.arange(_AT_ONCE)
    tokens = np.zeros(_AT_ONCE, dtype=np.int64)
    operation_N = np.ones(_AT_ONCE, dtype=np.bool_)
    levels: list[Level] = []
    for below in range(1, depth + 1):  # the root's depth is 1
        arity_N = np.where(operation_N, generator.integers(2, args + 1, size=len(tree_N)), 0)
        number_N = generator.integers(10, size=len(tree_N))
        operator_N = 10 + generator.integers(len(OPERATORS), size=len(tree_N))
        levels.append(Level(tree_N, arity_N, np.where(operation_N, operator_N, number_N)))
        tokens += np.bincount(tree_N, weights=np.where(operation_N, 2, 1), minlength=_AT_ONCE).astype(
            np.int64
        )
        tree_N = np.repeat(tree_N, arity_N)
        operation_N = generator.random(len(tree_N)) < OPERATION
        operation_N &= (below + 1 < depth) & (tokens[tree_N] <= longest)
        if not len(tree_N):
            break
    return levels


def _starts(level: Level) -> NDArray[np.int64]:
    """Return where the arguments of each operation begin in the level below."""
    arity_N = level.arity[level.arity > 0]
    return np.cumsum(arity_N) - arity_N


def _evaluate(levels: list[Level]) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Return tokens and value of every node, from the deepest level up."""
    lengths: list[NDArray[np.int64]] = []
    values: list[NDArray[np.int64]] = []
    for level in reversed(levels):
        length_N, value_N = np.ones_like(level.word), level.word.copy()
        operation_N = level.arity > 0
        if operation_N.any():
            start, arity = _starts(level), level.arity[operation_N]
            length_N[operation_N] = 2 + np.add.reduceat(lengths[-1], start)
            value_N[operation_N] = _apply(level.word[operation_N] - 10, values[-1], start, arity)
        lengths.append(length_N)
        values.append(value_N)
    return lengths[::-1], values[::-1]


def _apply(operator: NDArray, argument: NDArray, start: NDArray, arity: NDArray) -> NDArray[np.int64]:
    """Return each operator's value of its arguments ``argument[start : start + arity]``."""
    segment = np.repeat(np.arange(len(start)), arity)
    ordered = argument[np.lexsort((argument, segment))]
    middle = ordered[start + (arity - 1) // 2] + ordered[start + arity // 2]
    return np.select(
        [operator == _MIN, operator == _MAX, operator == _MED],
        [ordered[start], ordered[start + arity - 1], middle // 2],  # medians are rounded down
        np.add.reduceat(argument, start) % 10,
    )


def _write(
    levels: list[Level], lengths: list[NDArray[np.int64]], fits: NDArray[np.bool_], width: int
) -> NDArray[np.int64]:
    """Return the trees that fit as tokens, (trees, ``width``)."""
    source_TS = np.full((len(fits), width), PAD, dtype=np.int64)
    place_N = np.zeros(len(fits), dtype=np.int64)
    for depth, (level, length_N) in enumerate(zip(levels, lengths, strict=True)):
        shown_N, operation_N = fits[level.tree], level.arity > 0
        source_TS[level.tree[shown_N], place_N[shown_N]] = SPECIALS + level.word[shown_N]
        closed_N = shown_N & operation_N
        end_N = place_N + length_N - 1
        source_TS[level.tree[closed_N], end_N[closed_N]] = SPECIALS + len(WORDS) - 1
        if operation_N.any():
            before = np.cumsum(lengths[depth + 1]) - lengths[depth + 1]
            arity = level.arity[operation_N]
            place_N = np.repeat(place_N[operation_N] + 1 - before[_starts(level)], arity) + before
    return source_TS
