"""Open the database of a queue: SQLite in a file, or PostgreSQL. Passwords are never shown."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import URL, Connection, Engine, create_engine, inspect, make_url
from sqlalchemy import exc as errors
from sqlalchemy.pool import NullPool

from experiments.sweep.interrupts import deferred_interrupts
from models.errors import BadInput, nearest

LOCK_WAIT_S = 60.0
"""How long a transaction waits for another on SQLite."""
ATTEMPTS = 30  # to make the schema while others make it too
SCHEMES = ("sqlite", "postgresql")
_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}
_SERVER = {
    "connect_timeout": 5,
    "application_name": "seqyard",
    # a machine that vanishes within a transaction must not hold its locks for hours
    "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000",
    "keepalives_idle": 30,
    "tcp_user_timeout": 30000,
}


class Unreachable(Exception):
    """The database cannot be reached or used just now; ``str(error)`` says why in one line."""


def open_storage(url: str, *, create: bool = False) -> RDBStorage:
    """Return the storage at ``url``: a path, ``sqlite:///PATH`` or ``postgresql://...``.

    ``create`` makes what is missing; the planning step alone does, any number of them at once.

    Raises:
        BadInput: the address is wrong, nobody answers, or there is no queue and ``create`` is not set.
    """
    address = parse(url)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with _explained(address):
            has_schema = _prepare(address, create=create)
    except BadInput as error:
        raise BadInput(f"--storage '{shown(url)}': {error}") from error
    if not create and not has_schema:
        raise BadInput(
            f"--storage '{shown(url)}' holds no sweep; `seqyard sweep PLAN --storage URL` plans one."
        )
    try:
        if create:
            _make_schema(address)
        return RDBStorage(
            _for_optuna(address), engine_kwargs=_options(address), skip_table_creation=True
        )
    except (errors.SQLAlchemyError, StorageInternalError) as error:
        raise BadInput(f"--storage '{shown(url)}': {reason(error, address)}.") from error
    except RuntimeError as error:  # Optuna: the schema is of another version
        raise BadInput(f"--storage '{shown(url)}': {error}") from error


def _make_schema(address: URL) -> None:
    """Make what is missing of Optuna's schema; others may be making it too."""
    options = _options(address)
    kept = {key: value for key, value in options.items() if not key.startswith(("pool_", "max_"))}
    for attempt in range(ATTEMPTS):
        try:
            RDBStorage(_for_optuna(address), engine_kwargs={**kept, "poolclass": NullPool})
            return
        except (errors.SQLAlchemyError, StorageInternalError):
            # somebody else made the same table or row at this very moment
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0.05, 0.3))


def parse(url: str) -> URL:
    """Return the address in full; a path without scheme is a file of SQLite.

    Raises:
        BadInput: it is none that can be used.
    """
    if "://" not in url:
        url = f"sqlite:///{url}"
    scheme = url.partition("://")[0]
    try:
        address = make_url(url)
    except (errors.ArgumentError, ValueError) as error:
        raise BadInput(
            f"--storage '{scheme}://...' cannot be read; write sqlite:///PATH or "
            "postgresql://USER@HOST:PORT/DATABASE."
        ) from error
    if scheme in _POSTGRESQL:
        return address.set(drivername="postgresql+psycopg")
    if scheme != "sqlite":
        raise BadInput(f"--storage '{shown(url)}': unknown kind '{scheme}'.{nearest(scheme, SCHEMES)}")
    if not address.database or address.database == ":memory:":
        raise BadInput("--storage 'sqlite://': name a file, which workers can share.")
    return address


def shown(url: str) -> str:
    """Return an address without its password."""
    if "://" not in url:
        return url
    try:
        address = make_url(url)
        hidden = {key: "***" for key in address.query if "password" in key}
        return address.update_query_dict(hidden).render_as_string(hide_password=True)
    except (errors.ArgumentError, ValueError):
        return f"{url.partition('://')[0]}://..."


def reason(error: BaseException, address: URL) -> str:
    """Return what a database said, in one line and without the password."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    text = str(getattr(cause, "orig", None) or cause)
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(cause).__name__)
    secrets = [address.password, *(v for k, v in address.query.items() if "password" in k)]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            line = line.replace(secret, "***")
    return line.rstrip(".")


@contextmanager
def reaching(engine: Engine) -> Iterator[None]:
    """Turn what can pass by itself into Unreachable: no connection, a lock that is held too long.

    Ctrl-C waits until the end.

    Raises:
        Unreachable: that happened.
    """
    try:
        with deferred_interrupts():
            yield
    except (errors.SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        passing = (errors.OperationalError, errors.InterfaceError, errors.TimeoutError)
        lost = isinstance(cause, errors.DBAPIError) and cause.connection_invalidated
        if isinstance(cause, passing) or lost:
            raise Unreachable(reason(error, engine.url)) from error
        raise


def _prepare(address: URL, *, create: bool) -> bool:
    """Connect once; return whether there is a schema."""
    if address.drivername == "sqlite":
        path = Path(str(address.database))
        if not path.exists() and not create:
            raise BadInput("there is no such file; `seqyard sweep PLAN --storage URL` makes it.")
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, **_options(address))
    try:
        with engine.connect() as connection:
            if create and address.drivername == "sqlite":
                _log_ahead(connection)
            return inspect(connection).has_table("trial_heartbeats")
    finally:
        engine.dispose()


def _log_ahead(connection: Connection) -> None:
    """Write ahead, so that readers do not wait for the writer; stays with the file.

    SQLite refuses the switch at once, whatever the timeout, while another planner looks at the file.
    """
    for attempt in range(ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except errors.OperationalError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0.05, 0.3))


@contextmanager
def _explained(address: URL) -> Iterator[None]:
    """Turn every way in which a first connection fails into BadInput."""
    try:
        yield
    except ImportError as error:
        raise BadInput("PostgreSQL needs psycopg: pip install 'seqyard[cluster]'.") from error
    except errors.SQLAlchemyError as error:
        raise BadInput(f"{reason(error, address)}.") from error
    except OSError as error:
        raise BadInput(f"{error.strerror}.") from error


def _options(address: URL) -> dict[str, Any]:
    """Return the engine's options: one connection a process (Optuna opens a second now and then)."""
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 1, "pool_timeout": LOCK_WAIT_S}
    if address.drivername == "sqlite":
        return {**options, "creator": _opener(str(address.database))}
    return {**options, "pool_pre_ping": True, "connect_args": dict(_SERVER)}


def _opener(path: str) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        # IMMEDIATE: a transaction that writes waits for its turn when it begins. One that read first
        # and then wants to write would be refused at once, whatever the timeout.
        connection = sqlite3.connect(
            path, timeout=LOCK_WAIT_S, isolation_level="IMMEDIATE", check_same_thread=False
        )
        # a lost power supply may cost the last transactions, no more: the queue can be rebuilt
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    return connect


def _for_optuna(address: URL) -> str:
    """Return the address as Optuna takes it, which fills in what stands in braces."""
    return address.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
