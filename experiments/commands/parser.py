"""An argument parser whose complaints are BadInput: one line with the nearest valid name."""

import argparse
import difflib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from models.errors import BadInput, nearest


class Parser(argparse.ArgumentParser):
    """The standard parser with exact option names, examples in its help, and one-line errors."""

    def __init__(self, command: str, description: str, examples: str) -> None:
        super().__init__(
            prog=f"seqyard {command}",
            description=description,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise BadInput(f"{self.prog.removeprefix('seqyard ')}: {message}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse, naming the nearest option for an unknown one."""
        # intermixed: options may stand between STORE and FILE
        known, unknown = self.parse_known_intermixed_args(list(arguments))
        if unknown:
            wrong = unknown[0].partition("=")[0]
            options = [name for action in self._actions for name in action.option_strings]
            close = difflib.get_close_matches(wrong, options, n=1, cutoff=0.5)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            self.error(f"unknown argument '{wrong}'.{hint}")
        return known


def choice(what: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Return a converter that takes one of ``choices`` and names the nearest otherwise."""

    def convert(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"unknown {what} '{text}'.{nearest(text, choices)}")
        return text

    return convert


def number(kind: type, least: float, *, above: bool = False) -> Callable[[str], Any]:
    """Return a converter to a number of at least (or above) ``least``."""

    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is no {kind.__name__}") from None
        if not (value > least if above else value >= least):
            bound = "more than" if above else "at least"
            raise argparse.ArgumentTypeError(f"{text} is not {bound} {least}")
        return value

    return convert
