"""Trials of the queue as rows, and the statements that read and change them within a transaction."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, case, func, insert, select, update

from experiments.cell import Block
from experiments.sweep.needs import needs_of
from experiments.sweep.tables import ATTRIBUTES, HEARTBEATS, TRIALS

LIVE = (TrialState.WAITING, TrialState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial: a block in the queue."""

    trial: int
    state: TrialState
    exclusive: bool
    block: str
    name: str = ""
    needs: str = ""
    worker: dict[str, Any] | None = None
    cell: str | None = None
    deaths: dict[str, int] = field(default_factory=dict)
    error: str = ""
    begun: datetime | None = None  # naive UTC, as Optuna keeps it
    heartbeat: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many trials of a kind there are."""

    exclusive: bool
    needs: str
    state: TrialState
    trials: int


def rows_of(connection: Connection, condition: Any, exclusive_study: int) -> list[Row]:
    """Return the trials that meet a condition, in the order in which they are taken."""
    query = (
        select(
            TRIALS.c.trial_id,
            TRIALS.c.study_id,
            TRIALS.c.state,
            TRIALS.c.datetime_start,
            HEARTBEATS.c.heartbeat,
            ATTRIBUTES.c.key,
            ATTRIBUTES.c.value_json,
        )
        .join(ATTRIBUTES, ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
        .outerjoin(HEARTBEATS, HEARTBEATS.c.trial_id == TRIALS.c.trial_id)
        .where(condition)
        .order_by(TRIALS.c.trial_id)
    )
    found: dict[int, dict[str, Any]] = {}
    for trial, study, state, begun, heartbeat, key, text in connection.execute(query):
        row = found.setdefault(
            trial,
            {
                "trial": trial,
                "state": state,
                "exclusive": study == exclusive_study,
                "begun": begun,
                "heartbeat": heartbeat,
            },
        )
        if key in Row.__dataclass_fields__:
            row[key] = json.loads(text)
    return [Row(**row) for row in found.values() if "block" in row]


def live(connection: Connection, study: int) -> dict[str, int]:
    """Return the trials that wait or run, by the key of their block."""
    query = (
        select(ATTRIBUTES.c.value_json, TRIALS.c.trial_id)
        .join(ATTRIBUTES, ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study, TRIALS.c.state.in_(LIVE), ATTRIBUTES.c.key == "block")
    )
    return {json.loads(text): trial for text, trial in connection.execute(query)}


def add(connection: Connection, study: int, blocks: Sequence[Block]) -> None:
    """Add a trial that waits for every block, with its attributes."""
    if not blocks:
        return
    first = connection.execute(
        select(func.count()).select_from(TRIALS).where(TRIALS.c.study_id == study)
    ).scalar_one()
    trials = connection.execute(
        insert(TRIALS).returning(TRIALS.c.trial_id, sort_by_parameter_order=True),
        [
            {"number": first + i, "study_id": study, "state": TrialState.WAITING}
            for i in range(len(blocks))
        ],
    ).scalars()
    rows, beats, begun = [], [], now()
    for trial, block in zip(trials, blocks, strict=True):
        beats.append({"trial_id": trial, "heartbeat": begun})
        values: dict[str, Any] = {
            "block": block.key,
            "name": block.name,
            "needs": needs_of(block),
            "worker": None,
            "cell": None,
            "deaths": {},
            "error": "",
        }
        rows += [
            {"trial_id": trial, "key": key, "value_json": json.dumps(value)}
            for key, value in values.items()
        ]
    connection.execute(insert(ATTRIBUTES), rows)
    connection.execute(insert(HEARTBEATS), beats)


def now() -> datetime:
    """Return the time as Optuna keeps it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def hold(connection: Connection, trials: Collection[int]) -> None:
    """Lock trials until the end of the transaction; what is read after that is current."""
    connection.execute(update(TRIALS).where(TRIALS.c.trial_id.in_(trials)).values(state=TRIALS.c.state))


def beat(connection: Connection, trials: Collection[int], at: datetime) -> None:
    """Record a sign of life of each."""
    connection.execute(update(HEARTBEATS).where(HEARTBEATS.c.trial_id.in_(trials)).values(heartbeat=at))


def set_state(
    connection: Connection, trials: Collection[int], before: TrialState, after: TrialState
) -> int:
    """Move those trials that are in one state to another; return how many there were."""
    if not trials:
        return 0
    values: dict[str, Any] = {"state": after}
    if after.is_finished():
        values["datetime_complete"] = now()
    changed = connection.execute(
        update(TRIALS).where(TRIALS.c.trial_id.in_(trials), TRIALS.c.state == before).values(**values)
    )
    return changed.rowcount


def set_attributes(connection: Connection, trial: int, texts: Mapping[str, str]) -> None:
    """Set attributes of one trial, given as JSON."""
    if texts:
        connection.execute(
            update(ATTRIBUTES)
            .where(ATTRIBUTES.c.trial_id == trial, ATTRIBUTES.c.key.in_(texts))
            .values(value_json=case(dict(texts), value=ATTRIBUTES.c.key, else_=ATTRIBUTES.c.value_json))
        )
