"""The part of Optuna's schema that the queue reads and writes in statements of its own.

Optuna makes the tables and checks their version. Its own calls read every trial to find a waiting one,
and on SQLite two of them can take the same; taking here is one statement, whatever the length of the
queue. Times are naive UTC, as Optuna's.
"""

from optuna.trial import TrialState
from sqlalchemy import Column, DateTime, Enum, Integer, MetaData, String, Table, Text

METADATA = MetaData()

STUDIES = Table(
    "studies",
    METADATA,
    Column("study_id", Integer, primary_key=True),
    Column("study_name", String(512)),
)
TRIALS = Table(
    "trials",
    METADATA,
    Column("trial_id", Integer, primary_key=True),
    Column("number", Integer),
    Column("study_id", Integer),
    Column("state", Enum(TrialState)),
    Column("datetime_start", DateTime),
    Column("datetime_complete", DateTime),
)
ATTRIBUTES = Table(
    "trial_user_attributes",
    METADATA,
    Column("trial_user_attribute_id", Integer, primary_key=True),
    Column("trial_id", Integer),
    Column("key", String(512)),
    Column("value_json", Text),
)
HEARTBEATS = Table(
    "trial_heartbeats",
    METADATA,
    Column("trial_heartbeat_id", Integer, primary_key=True),
    Column("trial_id", Integer),
    Column("heartbeat", DateTime),
)
