"""SCAN: navigation commands to sequences of actions.

B examples, S source positions, T target positions.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from experiments.corpora.markov import Markov
from experiments.tasks.base import Examples, HeldOut, Split
from experiments.tasks.epochs import Epochs
from experiments.tasks.scan_grammar import ACTIONS, COMMAND_WORDS, Phrase, all_phrases
from experiments.tasks.text import Pair, TextTask, examples_of
from models.errors import BadInput, nearest
from models.problem import EOS, SPECIALS, Problem

ScanSplit = Literal["simple", "length", "addprim_jump"]

BUCKET = 6
"""Test examples are counted by number of actions, in steps of so many."""

TRAINED_ACTIONS = 22
"""Longest trained answer of the split ``length`` (Lake and Baroni 2018, experiment 2)."""

_TENTH = 10
_FIFTH = 5


class Parts(NamedTuple):
    """The commands of each split, in an order that has nothing to do with the grammar."""

    train: tuple[Phrase, ...]
    validation: tuple[Phrase, ...]
    test: tuple[Phrase, ...]


def _mixed(phrase: Phrase) -> bytes:
    return sha256(phrase.command.encode()).digest()


_IN_TEST: dict[ScanSplit, Callable[[Phrase], bool]] = {
    "length": lambda phrase: len(phrase.actions) > TRAINED_ACTIONS,
    "addprim_jump": lambda phrase: "jump" in phrase.words and phrase.command != "jump",
}


@lru_cache(maxsize=3)
def parts(split: ScanSplit) -> Parts:
    """Return the commands of train, validation and test; the order is that of their hash.

    ``simple`` tests the fifth of all commands whose hash is smallest. Validation is a tenth of what is
    not tested; the bare ``jump``, all that ``addprim_jump`` shows of it, stays in training.
    """
    mixed = sorted(all_phrases(), key=_mixed)
    if split == "simple":
        cut = len(mixed) // _FIFTH
        test, rest = mixed[:cut], mixed[cut:]
    else:
        test = [phrase for phrase in mixed if _IN_TEST[split](phrase)]
        rest = [phrase for phrase in mixed if not _IN_TEST[split](phrase)]
    held = [phrase for phrase in rest if phrase.command != "jump"][: len(rest) // _TENTH]
    chosen = set(held)
    return Parts(tuple(phrase for phrase in rest if phrase not in chosen), tuple(held), tuple(test))


class Scan(TextTask):
    """Commands such as `jump twice and walk`, to actions: exact match on three public splits.

    Lake and Baroni 2018 ("Generalization without Systematicity"). All 20,910 commands are generated
    from the published grammar. ``split``: ``simple`` tests a random fifth (by hash; the paper's own
    fifth is another one); ``length`` trains answers of up to 22 actions and tests those of 24 to 48;
    ``addprim_jump`` trains every command without `jump`, and `jump` alone, and tests all others that
    have it. The latter two are the published ones, but for the validation tenth, which is held out
    from the training part. Every tenth line of the published training file of ``addprim_jump`` is
    `jump`: ``primitive_share`` repeats it as often. Tokens are words; a target ends with EOS, 2.

    >>> task = Scan()
    >>> source = np.array(task.encode_source("walk twice after jump left"))
    >>> source.tolist(), task.solve(source, 5).tolist()
    ([3, 12, 15, 6, 8], [7, 6, 3, 3, 2])
    >>> task.decode(task.solve(source, 5).tolist())
    'TURN_LEFT JUMP WALK WALK'
    """

    name: ClassVar[str] = "scan"
    slice_names: ClassVar[tuple[str, ...]] = ("target_length",)
    public: ClassVar[bool] = True
    one_answer: ClassVar[bool] = True

    split: ScanSplit = "simple"
    primitive_share: float = Field(
        0.1, ge=0, lt=1, description="addprim_jump: the share of training lines that are `jump` alone"
    )
    held_out: int | None = Field(
        None, gt=0, description="validation and test commands, at most so many of each; None: all"
    )
    scored_sentences: int = Field(
        500, gt=0, description="validation commands that are translated while training"
    )

    def problem(self) -> Problem:
        """Return the sizes: 13 words, 6 actions."""
        return Problem(source_size=SPECIALS + len(COMMAND_WORDS), target_size=SPECIALS + len(ACTIONS))

    def training_lines(self) -> tuple[Phrase, ...]:
        """Return what an epoch shows: every training command once, but `jump` as its share says."""
        return _lines(self.split, self.primitive_share)

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's commands (B, S) and actions (B, T): epochs in a new order, none repeated.

        Commands of like length stand together; one batch of an epoch may be smaller.
        """
        lines = self.training_lines()
        _, rows = _epochs(self.split, self.primitive_share).take(seed, step, batch_size)
        return _examples([lines[row] for row in rows])

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out commands, those with equally many actions together."""
        phrases = sorted(self._held_out(split), key=lambda p: (len(p.actions), len(p.words)))
        for begin in range(0, len(phrases), batch_size):
            yield _examples(phrases[begin : begin + batch_size])

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the upper ends of the buckets of numbers of actions."""
        found = {bucket(len(phrase.actions)) for phrase in self._held_out(split)}
        return {"target_length": tuple(sorted(found))}

    def _held_out(self, split: Split) -> tuple[Phrase, ...]:
        found = parts(self.split).test if split == "test" else parts(self.split).validation
        return found[: self.held_out]

    def chance(self) -> float:
        """Return 1/6: the end of the sequence is not scored."""
        return 1 / len(ACTIONS)

    def target_only_floor(self) -> float:
        """Return the accuracy of the action that most often followed the same prefix in training.

        After a prefix that training does not have, of what most often followed its last action.
        """
        return _floor(self.split)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the actions and EOS, by an interpreter that reads the command from left to right."""
        text = " ".join(COMMAND_WORDS[token - SPECIALS] for token in source[:length].tolist())
        return np.array([*(SPECIALS + ACTIONS.index(action) for action in interpret(text)), EOS])

    # What TextTask asks --------------------------------------------------------------------------

    def pairs(self, name: str) -> Sequence[Pair]:
        """Return the commands and actions of ``"validation"`` or ``"test"``, as text."""
        held = self._held_out("test" if name == "test" else "validation")
        return [Pair(phrase.command, phrase.answer) for phrase in held]

    def scored(self, split: HeldOut) -> Sequence[Pair]:
        """Return the first ``scored_sentences``; their order is random."""
        return self.pairs(split)[: self.scored_sentences]

    def encode_source(self, text: str) -> list[int]:
        """Return one token a word.

        Raises:
            BadInput: a word is not in the language.
        """
        return [_token(word, COMMAND_WORDS) for word in text.split()]

    def encode_target(self, text: str) -> list[int]:
        """Return one token an action, and EOS.

        Raises:
            BadInput: an action is not in the language.
        """
        return [*(_token(action, ACTIONS) for action in text.split()), EOS]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the actions as text."""
        kept = list(tokens)
        if EOS in kept:
            kept = kept[: kept.index(EOS)]
        return " ".join(ACTIONS[token - SPECIALS] for token in kept if token >= SPECIALS)

    def pieces(self, tokens: Sequence[int], side: str) -> list[str]:
        """Return the words, or the actions."""
        words = COMMAND_WORDS if side == "source" else ACTIONS
        return [("<pad>", "<s>", "</s>", *words)[token] for token in tokens]

    def floor_sentence(self) -> str:
        """Return the actions that a first-order Markov model of training answers says most probably."""
        tokens = np.concatenate([self.encode_target(p.answer) for p in parts(self.split).train])
        return self.decode(Markov(tokens, self.problem().target_size).sentence())

    def tokeniser(self) -> str:
        """Return the tokeniser's signature."""
        return f"words of the grammar: {len(COMMAND_WORDS)} in commands, {len(ACTIONS)} actions"


def bucket(actions: int) -> int:
    """Return the upper end of a number of actions' bucket: 6 for 1 to 6, 12 for 7 to 12 ..."""
    return -(-actions // BUCKET) * BUCKET


_TIMES = {"": 1, "twice": 2, "thrice": 3}
_CLAUSE = re.compile(
    r"(walk|look|run|jump|turn)(?: (opposite|around))?(?: (left|right))?(?: (twice|thrice))?"
)


def interpret(command: str) -> list[str]:
    """Return the actions of a command: split it, and read turns and counts from each clause.

    Raises:
        ValueError: it is no command of the language.
    """
    if " after " in command:
        last, first = command.split(" after ")
        clauses = [first, last]
    else:
        clauses = command.split(" and ")
    found: list[str] = []
    for clause in clauses:
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise ValueError(f"no SCAN command: '{command}'")
        verb, manner, side, times = (group or "" for group in match.groups())
        turns = [f"TURN_{side.upper()}"] * (2 if manner == "opposite" else 1) if side else []
        once = turns + ([] if verb == "turn" else [verb.upper()])
        found += once * (4 if manner == "around" else 1) * _TIMES[times]
    return found


def _token(word: str, words: tuple[str, ...]) -> int:
    if word not in words:
        raise BadInput(f"'{word}' is no word of SCAN.{nearest(word, words)}")
    return SPECIALS + words.index(word)


@cache
def _encoded(phrase: Phrase) -> tuple[list[int], list[int]]:
    source = [_token(word, COMMAND_WORDS) for word in phrase.words]
    return source, [*(_token(action, ACTIONS) for action in phrase.actions), EOS]


def _examples(phrases: Sequence[Phrase]) -> Examples:
    sources, targets = zip(*map(_encoded, phrases), strict=True)
    length_B = np.array([bucket(len(phrase.actions)) for phrase in phrases], dtype=np.int64)
    joined = examples_of(sources, targets)
    return Examples(
        joined.source,
        joined.source_lengths,
        joined.target,
        joined.target_mask,
        {"target_length": length_B},
    )


@lru_cache(maxsize=4)
def _lines(split: ScanSplit, primitive_share: float) -> tuple[Phrase, ...]:
    train = parts(split).train
    if split != "addprim_jump":
        return train
    wanted = round(primitive_share / (1 - primitive_share) * (len(train) - 1))
    jump = next(phrase for phrase in train if phrase.command == "jump")
    return train + (wanted - 1) * (jump,)


@lru_cache(maxsize=4)
def _epochs(split: ScanSplit, primitive_share: float) -> Epochs:
    lines = _lines(split, primitive_share)
    return Epochs(np.array([100 * len(line.actions) + len(line.words) for line in lines]))


@lru_cache(maxsize=3)
def _floor(split: ScanSplit) -> float:
    after: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for phrase in parts(split).train:
        for place, action in enumerate(phrase.actions):
            after[phrase.actions[:place]][action] += 1
            if place > 1:
                after[("...", phrase.actions[place - 1])][action] += 1
    guess = {prefix: max(counts, key=lambda a: (counts[a], a)) for prefix, counts in after.items()}
    right = total = 0
    for phrase in parts(split).test:
        for place, action in enumerate(phrase.actions):
            prefix = phrase.actions[:place]
            right += guess.get(prefix, guess.get(("...", *prefix[-1:]))) == action
            total += 1
    return right / total
