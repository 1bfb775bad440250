"""An out-of-memory, a NaN, a fault is a result: exceptions become outcomes."""

import traceback
from collections.abc import Callable
from typing import Any

from experiments.measures.base import Diverged, Outcome
from models.errors import BadInput

_OUT_OF_MEMORY = ("can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc")


def guarded(function: Callable[..., Outcome], *arguments: Any) -> Outcome:
    """Call ``function``; return its outcome, or the one that its exception means."""
    try:
        return function(*arguments)
    except Exception as error:
        return outcome_of(error)


def outcome_of(error: Exception) -> Outcome:
    """Return the status that an exception means, with its reason in one line.

    Raises:
        BadInput: a wrong cell is the user's to correct, not a result.
    """
    if isinstance(error, BadInput):
        raise error
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    if isinstance(error, Diverged):
        return Outcome(status="diverged", reason=str(error))
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(mark in text for mark in _OUT_OF_MEMORY):
        return Outcome(status="out_of_memory", reason=reason)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Outcome(status="failed", reason=f"{reason} ({frame.name}, line {frame.lineno})")
