"""The one exception that means "you asked for something that cannot be": one line, exit code 2."""

import difflib
from collections.abc import Iterable

from pydantic import ValidationError


class BadInput(ValueError):
    """A key or value that the user gave is wrong. ``str(error)`` is one line that names it."""


def nearest(wrong: str, choices: Iterable[str]) -> str:
    """Return ``" Did you mean 'lstm'? Choices: ..."`` for a name that is not among ``choices``."""
    known = sorted(choices)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Choices: {', '.join(known)}."


def explain(error: ValidationError, what: str, fields: Iterable[str]) -> BadInput:
    """Turn pydantic's errors into one line: every wrong key, its value and the nearest valid one."""
    parts = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "default_factory_not_called":
            continue  # a default that follows from another field, which is wrong and named itself
        if item["type"] == "extra_forbidden":
            parts.append(f"unknown key '{key}'.{nearest(key, fields)}")
        elif not key:
            parts.append(message)
        else:
            shown = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
            parts.append(f"{key}{shown}: {message}")
    return BadInput(f"{what}: " + "; ".join(parts))
