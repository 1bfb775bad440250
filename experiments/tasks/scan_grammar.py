"""The SCAN language: every command of its phrase grammar, and the actions that each one means.

Lake and Baroni 2018 ("Generalization without Systematicity", ICML), supplementary material: the phrase
grammar (figure 6) and the interpretation function (figure 7). Brackets are the meaning:

    C -> S and S  [S1 S2]  | S after S  [S2 S1]  | S
    S -> V twice  [V V]    | V thrice   [V V V]  | V
    V -> D opposite        | D around            | D | U
    D -> U left   [L U]    | turn left  [L]      | the same with right, R
    U -> walk | look | run | jump
    U opposite left [L L U], U around left [L U four times]; `turn` for U adds no action of its own.

The constant prefix ``I_`` of the published actions is left out: it carries no information.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

COMMAND_WORDS = (
    "walk",
    "look",
    "run",
    "jump",
    "turn",
    "left",
    "right",
    "opposite",
    "around",
    "twice",
    "thrice",
    "and",
    "after",
)
ACTIONS = ("WALK", "LOOK", "RUN", "JUMP", "TURN_LEFT", "TURN_RIGHT")
LONGEST = 48
"""Actions of the longest command, such as ``jump around left thrice and run around left thrice``."""


class Phrase(NamedTuple):
    """Words of the grammar, and the actions that they mean."""

    words: tuple[str, ...]
    actions: tuple[str, ...]

    @property
    def command(self) -> str:
        """Return the words as text."""
        return " ".join(self.words)

    @property
    def answer(self) -> str:
        """Return the actions as text."""
        return " ".join(self.actions)


@lru_cache(maxsize=1)
def all_phrases() -> tuple[Phrase, ...]:
    """Return all 20,910 commands, each once, in the grammar's order."""
    return tuple(_commands())


def _commands() -> Iterator[Phrase]:
    sentences = tuple(_sentences())
    yield from sentences
    for one in sentences:
        for other in sentences:
            yield Phrase((*one.words, "and", *other.words), one.actions + other.actions)
            yield Phrase((*one.words, "after", *other.words), other.actions + one.actions)


def _sentences() -> Iterator[Phrase]:
    for verb in _verbs():
        yield verb
        yield Phrase((*verb.words, "twice"), 2 * verb.actions)
        yield Phrase((*verb.words, "thrice"), 3 * verb.actions)


def _verbs() -> Iterator[Phrase]:
    primitives = [Phrase((word,), (word.upper(),)) for word in ("walk", "look", "run", "jump")]
    yield from primitives
    for words, own in (*primitives, Phrase(("turn",), ())):
        for side in ("left", "right"):
            turn = (f"TURN_{side.upper()}",)
            yield Phrase((*words, side), turn + own)
            yield Phrase((*words, "opposite", side), 2 * turn + own)
            yield Phrase((*words, "around", side), 4 * (turn + own))
