"""What decoding gives: a sequence of tokens and how probable the model finds it."""

from typing import NamedTuple

from models.problem import EOS


class Hypothesis(NamedTuple):
    """One decoded target."""

    tokens: tuple[int, ...]  # the last is EOS, unless the length ran out
    log_probability: float  # of all the tokens, under the model; natural logarithm
    score: float  # what hypotheses are ranked by

    @property
    def ended(self) -> bool:
        """Whether the model ended it, and not the limit on the length."""
        return self.tokens[-1:] == (EOS,)
