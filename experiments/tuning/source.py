"""Where tuning takes its blocks from: Optuna's studies, one block a trial."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import Trial

from experiments.cell import Block, Cell
from experiments.record import Record
from experiments.store import Store
from experiments.tuning.effort import Effort
from experiments.tuning.study import (
    HEARTBEAT_S,
    Progress,
    beat,
    begin,
    end,
    find_lost,
    interrupt,
    open_study,
    progress_of,
    pruner,
)
from experiments.tuning.subject import Subject
from models.errors import BadInput
from models.search import Space

LOOK_S = 1.0
"""Between two looks at whether others left something to do."""

FAILURES_IN_A_ROW = 100  # of values that exclude each other, before it is called a fault


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """One architecture: what is tuned, and its study."""

    architecture: str
    space: Space
    left_out: list[str]  # of the architecture's whole space, and why
    study: Study

    def measure(self, subject: Subject) -> str:
        """Return the measure whose validation score selects."""
        return subject.template(self.architecture).measure


class TuningSource:
    """Trials of all architectures, that with the fewest next; blocks are named by trial."""

    exclusive = False

    def __init__(
        self,
        subject: Subject,
        storage: RDBStorage,
        store: Store,
        effort: Effort,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.subject, self.store, self.effort, self.tell = subject, store, effort, tell
        self.held: dict[str, tuple[Tuned, Trial, float]] = {}  # name -> trial, begun
        self.returned: deque[Block] = deque()
        self.beaten = time.monotonic()
        self.next_look = 0.0
        self.tuned = {name: self._open(storage, name) for name in subject.request.architectures}
        self.threads = max(subject.template(name).threads for name in self.tuned)

    def _open(self, storage: RDBStorage, name: str) -> Tuned:
        space, left_out = self.subject.space(name)
        parts = (self.subject.plan.name, self.subject.request.profile, name)
        study = open_study(
            storage,
            f"tune {' '.join(parts)} {self.subject.digest(name, space)}",
            larger_is_better=self.subject.larger_is_better(name),
        )
        recipe = self.subject.template(name).recipe
        study.pruner = pruner(self.effort, recipe["steps"] // recipe["validate_every"])
        find_lost(study)
        return Tuned(architecture=name, space=space, left_out=left_out, study=study)

    def progress(self) -> dict[str, Progress]:
        """Return how far every architecture is."""
        return {name: progress_of(tuned.study, self.effort) for name, tuned in self.tuned.items()}

    # What the supervisor asks ----------------------------------------------------------------------

    def take(self) -> Block | None:
        """Begin a trial of the architecture that has the fewest."""
        if self.returned:
            return self.returned.popleft()
        if time.monotonic() < self.next_look:
            return None
        for _ in range(FAILURES_IN_A_ROW):
            wanting = {
                name: found for name, found in self.progress().items() if found.wants(self.effort)
            }
            if not wanting:
                self.next_look = time.monotonic() + LOOK_S
                return None
            name = min(wanting, key=lambda key: len(wanting[key].finished) + wanting[key].running)
            block = self._begin(self.tuned[name])
            if block is not None:
                return block
        raise BadInput(f"{FAILURES_IN_A_ROW} trials in a row could not be begun; see `--storage`.")

    def _begin(self, tuned: Tuned) -> Block | None:
        trial = begin(tuned.study, tuned.space, self.effort)
        if trial is None:
            return None
        name = f"{tuned.architecture} trial {trial.number}"
        try:
            block = self.subject.block(tuned.architecture, trial.params, name)
        except BadInput as error:
            end(tuned.study, trial.number, "failed", reason=str(error), seconds=0.0)
            self.tell(f"{name}: failed: {error}")
            return None
        trial.set_user_attr("key", block.cells[0].key)
        self.held[name] = (tuned, trial, time.monotonic())
        return block

    def prune(self, block: Block, number: int, best: float) -> bool:
        """Whether to give up a trial whose best score is ``best`` at its validation ``number``."""
        if block.name not in self.held:
            return False
        _, trial, _ = self.held[block.name]
        trial.report(best, number)
        return bool(trial.should_prune())  # NumPy's, from the median

    def done(self, block: Block) -> None:
        """The trial has its record: tell its study."""
        self._told(block, self.store.read(block.cells[0].key))

    def _told(self, block: Block, record: Record) -> None:
        tuned, trial, _ = self.held.pop(block.name)
        self.next_look = 0.0  # it may have failed, and be replaced
        value = record.metrics.get("validation")
        end(
            tuned.study,
            trial.number,
            record.status,
            value,
            reason=record.reason,
            seconds=record.duration_s,
            steps=record.metrics.get("steps"),
            best=value,
        )
        shown = record.status.replace("_", " ") if value is None else f"validation {value:.4g}"
        pruned = ", pruned" if record.status == "pruned" else ""
        self.tell(f"{block.name}: {shown}{pruned}, {record.duration_s:.0f} s")

    def failed(self, block: Block, error: Exception) -> None:
        """Wrong values are a failed trial; a fault of the worker ends the tuning."""
        tuned, trial, begun = self.held.pop(block.name)
        self.next_look = 0.0
        if not isinstance(error, BadInput):
            interrupt(tuned.study, trial.number)
            raise error
        seconds = time.monotonic() - begun
        end(tuned.study, trial.number, "failed", reason=str(error), seconds=seconds)
        self.tell(f"{block.name}: failed: {error}")

    def again(self, block: Block) -> None:
        """Give the block to the next worker."""
        self.returned.appendleft(block)

    def died(self, block: Block, deaths: Mapping[str, int]) -> None:
        """Give the block to the next worker; the supervisor counts."""
        self.again(block)

    def tick(self) -> None:
        """Say now and then that the trials are still in hand."""
        if time.monotonic() - self.beaten < HEARTBEAT_S:
            return
        self.beaten = time.monotonic()
        for tuned, trial, _ in self.held.values():
            beat(tuned.study, trial.number)
        for tuned in self.tuned.values():
            find_lost(tuned.study)

    def release(self) -> None:
        """Give back what is in hand: the values are tried again, from a checkpoint if there is one."""
        for tuned, trial, _ in self.held.values():
            interrupt(tuned.study, trial.number)
        self.held, self.returned = {}, deque()

    def deaths(self, block: Block) -> Mapping[str, int]:
        """Return nothing: a trial is in one hand."""
        return {}

    def at(self, block: Block, cell: Cell) -> None:
        """Nobody needs to know."""

    def lost(self) -> Collection[str]:
        """Return none: a trial that another took for lost is finished all the same."""
        return ()

    def waits(self) -> bool:
        """Whether it is worth waiting for the machine."""
        return not self.empty()

    def empty(self) -> bool:
        """Whether all architectures have what they get."""
        return not self.held and all(found.ended(self.effort) for found in self.progress().values())

    def wants(self) -> bool:
        """Whether a trial could be begun now."""
        return any(found.wants(self.effort) for found in self.progress().values())
