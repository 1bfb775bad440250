"""The queue of blocks: one trial a block in Optuna's storage, in two studies, ordinary and exclusive.

A trial's user attributes are ``block`` (its key), ``name``, ``needs`` (what the machine must have),
``worker`` (who holds it), ``cell`` (the key of the cell in hand), ``deaths`` (cell -> how often it
ended its worker; the block's key stands for what comes before the first) and ``error``. States:
WAITING, RUNNING, COMPLETE (every cell has a record), FAIL (the block cannot be run: ``error``), PRUNED
(not planned any more).

A block has one trial that waits or runs at most: trials are added in one transaction that holds the
study, and what a dead worker held goes back to WAITING in one that holds the trial.
"""

import json
from collections.abc import Collection, Iterable, Mapping

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from experiments.cell import Block
from experiments.sweep.identity import me
from experiments.sweep.rows import (
    Count,
    Row,
    add,
    beat,
    hold,
    live,
    now,
    rows_of,
    set_attributes,
    set_state,
)
from experiments.sweep.storage import reaching
from experiments.sweep.tables import ATTRIBUTES, STUDIES, TRIALS
from models.errors import BadInput

GRACE_S = 120.0


class Queue:
    """The two studies of a sweep. Every method raises Unreachable where the database cannot be used."""

    def __init__(self, storage: RDBStorage, name: str) -> None:
        """Open the queue.

        Raises:
            BadInput: there is no such; the planning step makes it.
        """
        self.storage, self.engine, self.name = storage, storage.engine, name
        self.token = json.dumps(me(), sort_keys=True)
        try:
            with reaching(self.engine):
                self.studies = {
                    exclusive: storage.get_study_id_from_name(study_name(name, exclusive=exclusive))
                    for exclusive in (False, True)
                }
                attributes = storage.get_study_user_attrs(self.studies[False])
        except KeyError as error:
            raise BadInput(
                f"--storage has no queue '{name}' of this store; `seqyard sweep PLAN` plans it again."
            ) from error
        self.grace_s = float(attributes.get("grace_s", GRACE_S))

    @classmethod
    def create(
        cls, storage: RDBStorage, name: str, *, grace_s: float = GRACE_S, **about: str
    ) -> "Queue":
        """Open the queue, made if need be; what is told ``about`` it is for people to read."""
        with reaching(storage.engine):
            for exclusive in (False, True):
                study = optuna.create_study(
                    storage=storage,
                    study_name=study_name(name, exclusive=exclusive),
                    load_if_exists=True,
                )
                known = study.user_attrs
                for key, value in {"grace_s": grace_s, **about}.items():
                    if known.get(key) != value:
                        study.set_user_attr(key, value)
        return cls(storage, name)

    def enqueue(self, blocks: Iterable[Block], *, planned: Collection[str] | None = None) -> int:
        """Add a trial for every block that has none alive; return how many.

        Trials that wait and whose block is not among ``planned`` (keys; None: all are) are pruned.
        """
        given, added = list(blocks), 0
        for exclusive, study in self.studies.items():
            with reaching(self.engine), self.engine.begin() as connection:
                # holds the study until the end, as Optuna does itself: one planner after the other
                connection.execute(
                    update(STUDIES)
                    .where(STUDIES.c.study_id == study)
                    .values(study_name=STUDIES.c.study_name)
                )
                alive = live(connection, study)
                if planned is not None:
                    gone = [trial for key, trial in alive.items() if key not in planned]
                    set_state(connection, gone, TrialState.WAITING, TrialState.PRUNED)
                new = [b for b in given if b.exclusive == exclusive and b.key not in alive]
                add(connection, study, new)
                added += len(new)
        return added

    def take(self, *, exclusive: bool, needs: Collection[str]) -> Row | None:
        """Take the first block that waits and whose needs are among ``needs``; no two get the same."""
        at, waiting = now(), TRIALS.alias("waiting")
        fits = (
            select(ATTRIBUTES.c.trial_id)
            .where(
                ATTRIBUTES.c.trial_id == waiting.c.trial_id,
                ATTRIBUTES.c.key == "needs",
                ATTRIBUTES.c.value_json.in_([json.dumps(need) for need in needs]),
            )
            .exists()
        )
        first = (
            select(waiting.c.trial_id)
            .where(
                waiting.c.study_id == self.studies[exclusive],
                waiting.c.state == TrialState.WAITING,
                fits,
            )
            .order_by(waiting.c.trial_id)
            .limit(1)
            .with_for_update(of=waiting, skip_locked=True)
            .scalar_subquery()
        )
        with reaching(self.engine), self.engine.begin() as connection:
            trial = connection.execute(
                update(TRIALS)
                .where(TRIALS.c.trial_id == first)
                .values(state=TrialState.RUNNING, datetime_start=at)
                .returning(TRIALS.c.trial_id)
            ).scalar()
            if trial is None:
                return None
            # in the same transaction: nobody can die between taking and the first heartbeat
            beat(connection, [trial], at)
            set_attributes(connection, trial, {"worker": self.token, "cell": "null"})
            return self._rows(connection, TRIALS.c.trial_id == trial)[0]

    def beat(self, trials: Collection[int]) -> set[int]:
        """Record a heartbeat of each; return those that are still ours."""
        with reaching(self.engine), self.engine.begin() as connection:
            beat(connection, trials, now())
            return self._ours(connection, trials)

    def complete(self, trial: int, seconds: float) -> None:
        """Tell that every cell has a record; whoever else has the block need not go on."""
        with reaching(self.engine):
            try:
                self.storage.set_trial_state_values(trial, TrialState.COMPLETE, [seconds])
            except UpdateFinishedTrialError:
                return

    def fail(self, trial: int, error: str) -> None:
        """Tell that a block of ours cannot be run."""
        with reaching(self.engine), self.engine.begin() as connection:
            hold(connection, [trial])
            if self._ours(connection, [trial]):
                set_attributes(connection, trial, {"error": json.dumps(error)})
                set_state(connection, [trial], TrialState.RUNNING, TrialState.FAIL)

    def note(
        self, trial: int, *, cell: str | None = None, deaths: Mapping[str, int] | None = None
    ) -> None:
        """Tell which cell of a block of ours is in hand, or how often its cells ended their workers."""
        values = {} if cell is None else {"cell": json.dumps(cell)}
        if deaths is not None:
            values["deaths"] = json.dumps(dict(deaths))
        with reaching(self.engine), self.engine.begin() as connection:
            if self._ours(connection, [trial]):
                set_attributes(connection, trial, values)

    def release(self, trials: Collection[int]) -> None:
        """Give back blocks of ours that are not done; nobody died."""
        if not trials:
            return
        with reaching(self.engine), self.engine.begin() as connection:
            hold(connection, trials)
            ours = self._ours(connection, trials)
            set_state(connection, ours, TrialState.RUNNING, TrialState.WAITING)

    def take_back(self, row: Row, cell: str | None) -> bool:
        """Let a dead worker's block wait again, and count a death of ``cell`` (None: of none).

        Nothing happens, and False is returned, where the worker gave a sign of life since ``row`` was
        read, or somebody else was faster.
        """
        with reaching(self.engine), self.engine.begin() as connection:
            hold(connection, [row.trial])
            found = self._rows(connection, TRIALS.c.trial_id == row.trial)
            if not found or (found[0].state, found[0].worker, found[0].heartbeat) != (
                TrialState.RUNNING,
                row.worker,
                row.heartbeat,
            ):
                return False
            deaths = dict(found[0].deaths)
            if cell is not None:
                deaths[cell] = deaths.get(cell, 0) + 1
            set_attributes(connection, row.trial, {"deaths": json.dumps(deaths)})
            set_state(connection, [row.trial], TrialState.RUNNING, TrialState.WAITING)
            return True

    def prune(self, blocks: Collection[str]) -> int:
        """Take blocks that wait out of the queue, by key; return how many."""
        with reaching(self.engine), self.engine.begin() as connection:
            found = [
                trial
                for study in self.studies.values()
                for key, trial in live(connection, study).items()
                if key in blocks
            ]
            return set_state(connection, found, TrialState.WAITING, TrialState.PRUNED)

    def rows(self, states: Collection[TrialState] | None = None) -> list[Row]:
        """Return the trials in the order in which they are taken, all or of some states."""
        with reaching(self.engine), self.engine.begin() as connection:
            condition: ColumnElement[bool] = TRIALS.c.study_id.in_(self.studies.values())
            if states is not None:
                condition = and_(condition, TRIALS.c.state.in_(states))
            return self._rows(connection, condition)

    def counts(self) -> list[Count]:
        """Return the number of trials by study, needs and state."""
        needs = ATTRIBUTES.alias()
        query = (
            select(TRIALS.c.study_id, needs.c.value_json, TRIALS.c.state, func.count())
            .join(needs, and_(needs.c.trial_id == TRIALS.c.trial_id, needs.c.key == "needs"))
            .where(TRIALS.c.study_id.in_(self.studies.values()))
            .group_by(TRIALS.c.study_id, needs.c.value_json, TRIALS.c.state)
        )
        with reaching(self.engine), self.engine.begin() as connection:
            return [
                Count(
                    exclusive=study == self.studies[True],
                    needs=json.loads(text),
                    state=state,
                    trials=number,
                )
                for study, text, state, number in connection.execute(query)
            ]

    def _rows(self, connection: Connection, condition: ColumnElement[bool]) -> list[Row]:
        return rows_of(connection, condition, self.studies[True])

    def _ours(self, connection: Connection, trials: Collection[int]) -> set[int]:
        query = (
            select(TRIALS.c.trial_id)
            .join(ATTRIBUTES, ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
            .where(
                TRIALS.c.trial_id.in_(trials),
                TRIALS.c.state == TrialState.RUNNING,
                ATTRIBUTES.c.key == "worker",
                ATTRIBUTES.c.value_json == self.token,
            )
        )
        return set(connection.execute(query).scalars())


def study_name(queue: str, *, exclusive: bool) -> str:
    """Return the name of one of a queue's two studies."""
    return f"{queue} exclusive" if exclusive else queue
