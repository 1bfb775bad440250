"""Generated documents about one of two topics, each with many words: what a word means must be known.

A few labelled documents show few of a topic's words. Unlabelled text shows which occur together.
"""

from functools import lru_cache

import numpy as np

from experiments.tasks.reviews import Document, Documents

SEED = 3004
TOPICS = ("river", "market")
COMMON, TOPICAL = 300, 300
"""Different words of any document, by Zipf's law, and of each topic, all equally frequent."""

SHORTEST, LONGEST = 16, 48
TOPICAL_SHARE = 0.3
"""Of a document's words; their number is odd."""


@lru_cache(maxsize=2)
def topics(count: int) -> Documents:
    """Return documents of 16 to 48 words, the label that of most topical words; split 8 : 1 : 1.

    Words are ``w7``, of no topic, and ``river12`` or ``market305``.
    """
    generator = np.random.default_rng([SEED, count])
    weights = 1 / np.arange(1, COMMON + 1)
    names = np.array([f"w{number}" for number in range(1, COMMON + 1)], dtype=object)
    found = []
    for number in range(count):
        label, other = TOPICS if number % 2 else TOPICS[::-1]
        length = int(generator.integers(SHORTEST, LONGEST + 1))
        words = names[generator.choice(COMMON, size=length, p=weights / weights.sum())]
        topical = int(TOPICAL_SHARE * length / 2) * 2 + 1
        for_label = int(generator.integers(topical // 2 + 1, topical + 1))
        sides = np.where(np.arange(topical) < for_label, label, other)
        numbers = generator.integers(1, TOPICAL + 1, size=topical)
        places = generator.choice(length, size=topical, replace=False)
        words[places] = [f"{side}{k}" for side, k in zip(sides, numbers, strict=True)]
        found.append(Document(label, " ".join(words.tolist())))
    low, high = count * 8 // 10, count * 9 // 10
    return {
        "train": tuple(found[:low]),
        "validation": tuple(found[low:high]),
        "test": tuple(found[high:]),
    }
