"""The supervisor's handle on the mirror's process: one question at a time, never without a limit."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from experiments.store import Store
from experiments.tracking.server import answers
from experiments.tracking.target import Target

START_S = 60.0
"""Longest silence while the process starts: importing W&B takes seconds on a busy machine."""

SILENCE_S = 20.0
"""Longest silence on one message, where the server answers."""

ASK_AFTER_S = 1.0
"""After so long a silence the server is asked whether it is there."""


class Lost(Exception):
    """The process ended, hangs, or waits for a server that is gone; ``str(error)`` says which."""


class MirrorProcess:
    """One process that writes to W&B."""

    def __init__(self, store: Store, target: Target, mode: str) -> None:
        self.url = ""
        self.mode = mode
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        named = [*("--project", target.project), *("--group", target.group)]
        if target.entity:
            named += ["--entity", target.entity]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "experiments.tracking.process"),
                *("--store", str(store.folder), "--log", str(store.folder / "logs" / "wandb.log")),
                *("--mode", mode, *named),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the supervisor's
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def wait_until_ready(self, note: Callable[[str], None]) -> None:
        """Wait until the process serves.

        Raises:
            Lost: it ended, or says nothing.
        """
        for answer in self._until("ready", START_S, ask=False):
            if answer["say"] == "note":
                note(answer["text"])
            elif answer["say"] == "ready":
                self.mode, self.url = answer["mode"], answer["url"]

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Have one message worked off; return what was answered, joined.

        Raises:
            Lost: it ended, hangs, or its server is gone.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Lost("its process ended") from error
        found: dict[str, Any] = {}
        for answer in self._until("done", SILENCE_S, ask=self.mode == "online"):
            found |= answer
        return found

    def end(self, seconds: float = 0.0) -> None:
        """Wait so long for the end of the process, then kill it and all that it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [psutil.Process(self.process.pid)]
            family += family[0].children(recursive=True)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds or None if seconds else 0)
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
        self.process.wait()
        self.listener.join(1.0)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _until(self, last: str, silence_s: float, *, ask: bool) -> Iterator[dict[str, Any]]:
        """Yield answers until ``last``."""
        heard = time.monotonic()
        asked = False
        while True:
            try:
                answer = self.answers.get(timeout=0.1)
            except queue.Empty:
                silent = time.monotonic() - heard
                if ask and not asked and silent > ASK_AFTER_S:
                    asked = True
                    if not answers(self.url):
                        raise Lost("its server does not answer any more") from None
                if silent > silence_s:
                    raise Lost(f"it said nothing for {silence_s:g} s") from None
                continue
            heard, asked = time.monotonic(), False
            if answer["say"] in ("failed", "ended"):
                raise Lost(answer.get("reason", "its process ended"))
            yield answer
            if answer["say"] == last:
                return

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for line in self.process.stdout:
                with contextlib.suppress(ValueError):  # cut off by its death
                    self.answers.put(json.loads(line))
        self.answers.put({"say": "ended"})
