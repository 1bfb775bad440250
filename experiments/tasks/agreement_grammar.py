"""English with subject-verb agreement, generated: distance and attractors chosen freely.

Templates in the manner of Marvin and Linzen 2018, section 3 ("Targeted Syntactic Evaluation of
Language Models"): prepositional phrases and object relative clauses between a subject and its verb,
and main clauses and adverbials before it. All words are our own.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from experiments.tasks.agreement_sentences import Corpus, Sentence, Sentences

NAME = "generated"
Item = TypeVar("Item")

NOUNS: tuple[tuple[str, str], ...] = (
    *(("baker", "bakers"), ("sailor", "sailors"), ("painter", "painters"), ("nurse", "nurses")),
    *(("child", "children"), ("woman", "women"), ("farmer", "farmers"), ("judge", "judges")),
    *(("neighbour", "neighbours"), ("student", "students"), ("cousin", "cousins"), ("king", "kings")),
    *(("bridge", "bridges"), ("letter", "letters"), ("garden", "gardens"), ("window", "windows")),
    *(("mouse", "mice"), ("goose", "geese"), ("horse", "horses"), ("raven", "ravens")),
    *(("engine", "engines"), ("bottle", "bottles"), ("ladder", "ladders"), ("piano", "pianos")),
    *(("village", "villages"), ("tower", "towers"), ("basket", "baskets"), ("island", "islands")),
)
"""Singular and plural."""

PREPOSITIONS = ("near", "behind", "beside", "above", "without", "for", "beyond", "around")
PRESENT = (("admires", "admire"), ("follows", "follow"), ("paints", "paint"), ("needs", "need"))
PAST = ("found", "described", "moved", "liked")
SAYING = ("said", "thought", "knew", "hoped")
ADJECTIVES = ("old", "quiet", "famous", "narrow", "green", "strange")
FILLERS: tuple[tuple[str, ...], ...] = (
    *(("perhaps",), ("apparently",), ("obviously",), ("again",)),
    *(("in", "fact"), ("of", "late"), ("at", "last"), ("as", "usual")),
    *(("more", "or", "less"), ("now", "and", "then"), ("sooner", "or", "later")),
    ("as", "far", "as", "anybody", "could", "tell"),
)
"""Adverbials without a number; some have one word, so every distance can be met."""

CLAUSE, PHRASE = 4, 3
"""Words of "that the baker admires" and of "near the baker"."""


class Point(NamedTuple):
    """Tokens from subject to verb, and nouns between them that have the other number."""

    distance: int
    attractors: int


def nouns_within(distance: int, most: int) -> int:
    """Return how many nouns stand between subject and verb: as many as fit, up to ``most``."""
    return min(most, (distance - 1) // PHRASE)


def points(distances: Sequence[int], most: int) -> list[Point]:
    """Return every combination of distance and attractors."""
    return [Point(d, a) for d in sorted(distances) for a in range(nouns_within(d, most) + 1)]


def generate(distances: Sequence[int], most: int, mismatch: float, counts: dict[str, int]) -> Corpus:
    """Return a corpus: training sentences mixed, held-out ones as many at every point.

    Args:
        distances: tokens from subject to verb.
        most: nouns between them, at most; their number is fixed by the distance.
        mismatch: probability that such a noun of a training sentence is an attractor.
        counts: sentences in ``train``, and at each point in ``validation`` and ``test``.
    """
    seen: set[tuple[str, ...]] = set()
    splits: dict[str, list[Sentence]] = {}
    for split in ("test", "validation"):
        random = Random(f"agreement {split}")
        splits[split] = [
            _new(random, seen, index % 2, point, most)
            for point in points(distances, most)
            for index in range(counts[split])
        ]
    held_out = frozenset(seen)
    random = Random("agreement train")
    splits["train"] = []
    while len(splits["train"]) < counts["train"]:
        distance = _pick(random, distances)
        nouns = nouns_within(distance, most)
        attractors = sum(random.random() < mismatch for _ in range(nouns))
        made = sentence(random, _below(random, 2), Point(distance, attractors), most)
        if made.words not in held_out:
            splits["train"].append(made)
    kept = {name: Sentences(tuple(splits[name])) for name in ("train", "validation", "test")}
    return Corpus(NAME, kept)


def _new(random: Random, seen: set[tuple[str, ...]], number: int, point: Point, most: int) -> Sentence:
    while True:
        made = sentence(random, number, point, most)
        if made.words not in seen:
            seen.add(made.words)
            return made


def sentence(random: Random, number: int, point: Point, most: int) -> Sentence:
    """Return the words up to the verb; ``number`` is 0 for a singular subject and 1 for a plural."""
    nouns = nouns_within(point.distance, most)
    order = sorted((random.random(), place) for place in range(nouns))
    numbers = [1 - number if place < point.attractors else number for _, place in order]
    words = [*_opening(random), "the", *_adjectives(random), _noun(random, number)]
    words += _between(random, numbers, point.distance - 1)
    return Sentence(tuple(words), number, point.distance, point.attractors)


def _opening(random: Random) -> list[str]:
    kind = _below(random, 4)
    if kind == 0:
        return []
    someone = ["the", _noun(random, _below(random, 2))]
    if kind == 1:
        return [*someone, _pick(random, SAYING), "that"]
    if kind == 2:
        return [_pick(random, PREPOSITIONS), *someone, ","]
    return [_pick(random, PREPOSITIONS), *someone, *_modifier(random, _below(random, 2)), ","]


def _between(random: Random, numbers: Sequence[int], size: int) -> list[str]:
    """Return exactly ``size`` words with a noun of each number, in order."""
    spare = size - PHRASE * len(numbers)
    parts: list[list[str]] = []
    for number in numbers:
        relative = spare >= CLAUSE - PHRASE and random.random() < 0.4
        parts.append(_clause(random, number) if relative else _modifier(random, number))
        spare -= len(parts[-1]) - PHRASE
    while spare > 0:
        filler = list(_pick(random, [words for words in FILLERS if len(words) <= spare]))
        parts.insert(_below(random, len(parts) + 1), filler)
        spare -= len(filler)
    return [word for part in parts for word in part]


def _modifier(random: Random, number: int) -> list[str]:
    return [_pick(random, PREPOSITIONS), "the", _noun(random, number)]


def _clause(random: Random, number: int) -> list[str]:
    # its verb agrees with its own subject, or shows no number
    verb = _pick(random, PRESENT)[number] if random.random() < 0.5 else _pick(random, PAST)
    return ["that", "the", _noun(random, number), verb]


def _adjectives(random: Random) -> Iterator[str]:
    for _ in range(_below(random, 3)):
        yield _pick(random, ADJECTIVES)


def _noun(random: Random, number: int) -> str:
    return _pick(random, NOUNS)[number]


def _pick(random: Random, items: Sequence[Item]) -> Item:
    return items[_below(random, len(items))]


def _below(random: Random, end: int) -> int:
    # of all that Random offers, Python promises the same numbers for ever of random() alone
    return int(random.random() * end)
