"""The command ``seqyard``. Each sub-command's module is loaded when it is used, never torch before."""

import importlib
import sys
from collections.abc import Sequence

from models.errors import BadInput, nearest

COMMANDS = {
    "run": "run a plan and write its report; goes on where it was stopped",
    "sweep": "run a plan with many workers, on one machine or many",
    "tune": "tune every architecture of a plan with the same number of trials",
    "work": "take cells from a sweep's queue until none is left",
    "report": "write the report of a store again",
    "claims": "show the textbook's sentences, and what records say of them",
    "diff": "show what changed between two stores beyond noise",
    "list": "show architectures, tasks, measures and plans",
    "train": "train one architecture on one task",
    "trial": "train one cell with values of its search space; `wandb agent` runs this",
    "dashboard": "write W&B dashboards, reports and sweep files",
    "translate": "translate lines of text with trained weights",
    "check": "run the conformance suite on an architecture",
    "status": "show what is done, running and left; --watch keeps it live",
    "retry": "have cells measured again",
    "cancel": "have cells that are left not measured any more",
    "merge": "join the stores of several machines",
}

HELP = f"""usage: seqyard COMMAND ...

Table 1 of "Attention Is All You Need", measured: RNN, LSTM, attention and Transformer
on the same data with the same budget, in one generated report.

commands:
{chr(10).join(f"  {name:<9} {line}" for name, line in COMMANDS.items())}

options:
  --help, --version; `seqyard COMMAND --help` shows each command's own

examples:
  seqyard run table1 --profile quick
  seqyard run table1 --architecture my_module:MyModel
  seqyard run long_range --profile standard --seconds 480
  seqyard train --task recall --architecture lstm --learning-rate 1e-3 --steps 500
  seqyard check my_module:MyModel
  seqyard status runs/table1-quick
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 1 (stopped), 2 (bad input) or 130 (Ctrl-C)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return dispatch(given)
    except BadInput as error:
        return fail(str(error), 2)
    except KeyboardInterrupt:
        return fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 1


def dispatch(arguments: list[str]) -> int:
    """Load and run the command that is named first."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if name == "--version":
        from importlib.metadata import version

        print(f"seqyard {version('seqyard')}")
        return 0
    if name not in COMMANDS:
        raise BadInput(f"unknown command '{name}'.{nearest(name, COMMANDS)}")
    module = importlib.import_module(f"experiments.commands.{name}")
    return int(module.main(rest))


def fail(message: str, code: int) -> int:
    """Say in one line what is wrong; return the exit code."""
    print(f"seqyard: error: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
