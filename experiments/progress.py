"""What a run shows on standard error while it goes on: a live table on a terminal, else lines."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from experiments.cell import Cell

LINE_EVERY_S = 10.0
REFRESH_S = 1.0
REFRESH_EXCLUSIVE_S = 5.0  # what draws the table must not disturb a timing


class Display:
    """Counts what happens and shows nothing; the base of the two that show it."""

    def __init__(self, cells: Iterable[Cell], statuses: Mapping[str, str]) -> None:
        """Take every planned cell, and the status of each that was recorded before."""
        self.cells = {cell.key: cell for cell in cells}
        self.statuses = dict(statuses)
        self.seconds: dict[str, tuple[float, int]] = {}  # measure -> sum, count, of this run
        self.new: set[str] = set()
        self.begun = time.monotonic()
        self.workers: dict[int, tuple[Cell, float, str]] = {}  # index -> cell, since, message
        self.exclusive = False

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *error: object) -> None:
        """Stop showing."""

    def phase(self, *, exclusive: bool) -> None:
        """Ordinary or exclusive blocks begin."""
        self.exclusive = exclusive

    def cell_started(self, worker: int, cell: Cell) -> None:
        """A worker turned to a cell."""
        self.workers[worker] = (cell, time.monotonic(), "")

    def message(self, worker: int, message: str) -> None:
        """A worker says how far it is."""
        if worker in self.workers:
            cell, since, _ = self.workers[worker]
            self.workers[worker] = (cell, since, message)

    def cell_recorded(self, worker: int, key: str, status: str, reason: str, duration_s: float) -> None:
        """A record was written."""
        self.workers.pop(worker, None)
        self.statuses[key] = status
        self.new.add(key)
        measure = self.cells[key].measure
        total, count = self.seconds.get(measure, (0.0, 0))
        self.seconds[measure] = (total + duration_s, count + 1)
        if status != "ok":
            self.note(f"{label(self.cells[key])}: {status.replace('_', ' ')}: {reason}")

    def idle(self, worker: int) -> None:
        """A worker has nothing in hand."""
        self.workers.pop(worker, None)

    def note(self, text: str) -> None:
        """Something worth a line happened."""

    def waiting(self, text: str, seconds: float) -> None:
        """The run waits for something outside it."""

    def tick(self) -> None:
        """Called several times a second."""

    def elapsed(self) -> float:
        """Return the seconds since this run began."""
        return time.monotonic() - self.begun

    def counts(self) -> Counter[str]:
        """Return how many cells have each status."""
        return Counter(self.statuses[key] for key in self.cells if key in self.statuses)

    def time_left(self) -> float | None:
        """Return a guess in seconds from the mean duration of each measure; None before the first."""
        total, count = (
            (sum(values) for values in zip(*self.seconds.values(), strict=True))
            if (self.seconds)
            else (0.0, 0)
        )
        if not count:
            return None
        guess = 0.0
        for key, cell in self.cells.items():
            if key not in self.statuses:
                of_measure, number = self.seconds.get(cell.measure, (total, count))
                guess += of_measure / number
        return guess / max(1, len(self.workers))

    def headline(self) -> str:
        """Return the counts and times in one line."""
        counts = self.counts()
        done, failed = counts.total(), counts.total() - counts["ok"]
        parts = [f"{done}/{len(self.cells)} cells"]
        if failed:
            parts.append(f"{failed} without result")
        parts.append(f"{clock(self.elapsed())} elapsed")
        left = self.time_left()
        if left is not None and done < len(self.cells):
            parts.append(f"about {clock(left)} left")
        return " · ".join(parts)


class LineDisplay(Display):
    """Plain lines, for logs and pipes."""

    def __init__(self, cells: Iterable[Cell], statuses: Mapping[str, str]) -> None:
        super().__init__(cells, statuses)
        self.last = time.monotonic()
        self.waited = False

    def note(self, text: str) -> None:
        """Print the line."""
        print(text, file=sys.stderr, flush=True)

    def waiting(self, text: str, seconds: float) -> None:
        """Say it once."""
        if not self.waited:
            self.note(text)
        self.waited = True

    def tick(self) -> None:
        """Print the headline every ten seconds."""
        if time.monotonic() - self.last < LINE_EVERY_S:
            return
        self.last = time.monotonic()
        running = ", ".join(label(cell) for cell, _, _ in self.workers.values())
        self.note(f"{self.headline()}{' · running: ' + running if running else ''}")

    def __exit__(self, *error: object) -> None:
        """Print how it ended."""
        self.note(self.headline())


class LiveDisplay(Display):
    """A table that is drawn anew, one line a worker."""

    def __init__(self, cells: Iterable[Cell], statuses: Mapping[str, str]) -> None:
        super().__init__(cells, statuses)
        from rich.console import Console
        from rich.live import Live

        self.console = Console(stderr=True, highlight=False)
        self.live = Live(console=self.console, auto_refresh=False)
        self.drawn = 0.0
        self.outside = ""

    def __enter__(self) -> "LiveDisplay":
        self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the last state on the screen."""
        self.workers.clear()
        self._draw()
        self.live.stop()

    def note(self, text: str) -> None:
        """Print the line above the table."""
        self.console.print(text, markup=False)

    def waiting(self, text: str, seconds: float) -> None:
        """Show it in the table."""
        self.outside = f"{text} ({clock(seconds)})"
        self.tick()
        self.outside = ""

    def tick(self) -> None:
        """Draw, if the last drawing is old enough."""
        every = REFRESH_EXCLUSIVE_S if self.exclusive and self.workers else REFRESH_S
        if time.monotonic() - self.drawn >= every:
            self._draw()

    def _draw(self) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        self.drawn = time.monotonic()
        table = Table.grid(padding=(0, 2))
        done = self.counts().total()
        table.add_row(
            ProgressBar(total=max(1, len(self.cells)), completed=done, width=30),
            Text(self.outside or self.headline()),
        )
        for _, (cell, since, message) in sorted(self.workers.items()):
            spent = clock(time.monotonic() - since)
            table.add_row(Text(f"  {label(cell)}"), Text(f"{spent}  {message}", style="dim"))
        self.live.update(table, refresh=True)


def display_for(cells: Iterable[Cell], statuses: Mapping[str, str]) -> Display:
    """Return the display that suits standard error."""
    kind = LiveDisplay if sys.stderr.isatty() else LineDisplay
    return kind(cells, statuses)


def label(cell: Cell) -> str:
    """Return a cell in a few words."""
    parts = [cell.measure, cell.architecture]
    if cell.task:
        parts += [cell.task, f"seed {cell.seed}"]
    for name in ("part", "n"):
        if cell.options.get(name):
            parts.append(f"{name} {cell.options[name]}" if name == "n" else str(cell.options[name]))
    return " ".join(parts)


def clock(seconds: float) -> str:
    """Return seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
