"""The mirror's process: messages in on standard input, answers out on standard output, JSON lines.

Messages: ``point`` (key, cell, name, x, y), ``recorded`` (key), ``reported`` (folder),
``missing``, ``close``. Answers: ``ready`` (mode, url), ``alive``, ``note`` (text), ``missing``
(keys), ``done`` (wrote, url) for each message, ``failed`` (reason), after which this process ends.
Whatever W&B prints goes to the log.
"""

import argparse
import contextlib
import importlib
import json
import os
import queue
import re
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Literal, TextIO

from experiments.cell import Cell
from experiments.store import Store
from experiments.tracking.runs import Runs, prepare_environment
from experiments.tracking.server import answers, without_credentials
from experiments.worker import divert_output

ORPHAN_S = 5.0
"""How long this process goes on writing when whoever started it is gone."""

_KEYS = re.compile(r"(wandb_v\d+_)?[0-9A-Za-z_]{40,}")


def main() -> None:
    """Serve until told to close, or until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m experiments.tracking.process", description=__doc__)
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--log", required=True, type=Path)
    parser.add_argument("--mode", required=True, choices=("online", "offline"))
    parser.add_argument("--project", required=True)
    parser.add_argument("--entity")
    parser.add_argument("--group", required=True)
    options = parser.parse_args()
    messages = listen(private_input())
    say = Answers(divert_output(options.log))
    os.nice(5)  # cells come first
    prepare_environment((options.store / "wandb").resolve())
    try:
        mode = usable_mode(options.mode, say)
        runs = Runs(
            Store(options.store),
            mode=mode,
            project=options.project,
            entity=options.entity,
            group=options.group,
        )
        say("ready", mode=mode, url=base_url())
        while (message := messages.get()) is not None:
            say("done", wrote=serve(runs, say, **message), url=runs.url)
            if message["do"] == "close":
                break
        else:
            runs.close()
    except BaseException as error:
        traceback.print_exc()
        say("failed", reason=described(error))
        sys.stderr.flush()
        os._exit(1)  # W&B's own hooks at exit could hang
    sys.stderr.flush()
    os._exit(0)


def serve(runs: Runs, say: "Answers", do: str, **details: Any) -> int:
    """Do what one message asks for; return how many runs it completed."""
    match do:
        case "point":
            cell = Cell.model_validate(details.pop("cell"))
            runs.point(cell, details["name"], details["x"], details["y"])
        case "recorded":
            return int(runs.recorded(details["key"], say.alive))
        case "reported":
            return int(runs.reported(Path(details["folder"]), say.alive))
        case "missing":
            say("missing", keys=runs.missing())
        case "close":
            runs.close()
    return 0


def usable_mode(mode: Literal["online", "offline"], say: "Answers") -> Literal["online", "offline"]:
    """Return "offline" where the server does not answer or nobody is logged in, and say why."""
    if mode == "offline":
        return mode
    # the server has its time to answer while W&B is imported, which takes about as long
    threading.Thread(target=importlib.import_module, args=("wandb",), daemon=True).start()
    url = os.environ.get("WANDB_BASE_URL") or base_url()
    if not answers(url):
        say("note", text=f"{without_credentials(url)} does not answer")
        return "offline"
    if not logged_in():
        say("note", text="no API key: `wandb login` or WANDB_API_KEY")
        return "offline"
    return mode


def base_url() -> str:
    """Return the server that W&B is set up for."""
    import wandb

    return str(wandb.setup().settings.base_url)


def logged_in() -> bool:
    """Whether there is an API key, without asking the server about it."""
    import wandb

    return bool(wandb.login(verify=False, prompt=False))


def described(error: BaseException) -> str:
    """Return an error in one line, without anything that could be a key."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return _KEYS.sub("***", f"{type(error).__name__}: {first}")[:300]


def listen(stream: TextIO) -> "queue.Queue[dict[str, Any] | None]":
    """Read messages in a thread; when they end, this process has ``ORPHAN_S`` left."""
    messages: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError):  # cut off by the death of whoever wrote it
            for line in stream:
                messages.put(json.loads(line))
        messages.put(None)
        time.sleep(ORPHAN_S)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return messages


def private_input() -> TextIO:
    """Return standard input as a stream that no child process inherits; theirs is empty."""
    stream = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return stream


class Answers:
    """Writes answers; where nobody reads them any more, it keeps silent."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.said = 0.0

    def __call__(self, what: str, **details: Any) -> None:
        """Say one thing."""
        try:
            self.stream.write(json.dumps({"say": what, **details}) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            return
        self.said = time.monotonic()

    def alive(self) -> None:
        """Say that the work on the present message goes on."""
        if time.monotonic() - self.said > 0.2:
            self("alive")


if __name__ == "__main__":
    main()
