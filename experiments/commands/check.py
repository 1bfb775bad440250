"""``seqyard check MODULE:CLASS``: the conformance suite for an architecture from anywhere."""

from collections.abc import Sequence

from experiments.commands.parser import Parser

EXAMPLES = """\
  seqyard check my_module:MyModel         a class in a file of the current folder
  seqyard check transformer --json
"""


def main(arguments: Sequence[str]) -> int:
    """Check an architecture; the exit code is 0 if it conforms."""
    found = Parser("check", "Run every conformance check on an architecture.", EXAMPLES)
    found.add_argument("architecture", metavar="MODULE:CLASS", help="or a registered name")
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    from experiments.check import run_check

    return run_check(options.architecture, options.json)
