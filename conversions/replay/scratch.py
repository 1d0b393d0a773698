"""The scratch schema: empty copies of all tables that recording writes, which stand in front of the live ones.

Whatever has no copy there is read from the live schema: clicks, links, rates, platforms, partners.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

from attribution.models import PreClick
from conversions.models import (
    ActivityReport,
    Anomaly,
    Conversion,
    CreditDecision,
    CreditIntervention,
    CustomerLtv,
    DailyActivity,
    InboxEvent,
    Install,
    Milestone,
    MilestoneReport,
    Movement,
    Player,
    PlayerMerge,
    PlayerStatus,
    Postback,
    Revenue,
    StatusReport,
    TheftEvidence,
    Touchpoint,
)

LIVE = "public"
# All that recording writes. What is missing here is written by no replay: `refuse_live_writes` stops it.
COPIED: tuple[type[models.Model], ...] = (
    InboxEvent,
    Player,
    Conversion,
    StatusReport,
    Revenue,
    CustomerLtv,
    Milestone,
    MilestoneReport,
    Movement,
    PlayerStatus,
    Install,
    Touchpoint,
    CreditDecision,
    CreditIntervention,
    PlayerMerge,
    TheftEvidence,
    DailyActivity,
    ActivityReport,
    Anomaly,
    Postback,
    PreClick,
)
# Ids of rebuilt rows begin here, so that none of them is ever taken for a live row's.
FIRST_ID = 10**15
_MARK = "Made by manage.py replay"
_KEPT = f"{_MARK}, and kept for people"
_RUNS, _WRITES = 7_064_211, 7_064_212


class ScratchInUse(Exception):
    """The schema belongs to somebody: another replay, a person who kept it, or the tracker itself."""


class LiveWrite(RuntimeError):
    """The recording code was about to write to a live table; nothing of it was committed."""


@contextmanager
def scratch_schema(name: str, *, keep: bool) -> Iterator[None]:
    """Hold an empty schema of that name while the block runs, and drop it afterwards unless it is to be kept.

    What a killed run left behind is dropped first. Raises `ScratchInUse` for a schema that is somebody's.
    """
    if not _try_lock(_RUNS, name):
        raise ScratchInUse(f"Another replay works in the schema {name}: wait for it, or name another.")
    try:
        _drop_what_a_killed_run_left(name)
        with transaction.atomic():  # whoever is killed leaves a schema with its mark, or none
            _execute(f"CREATE SCHEMA {quoted(name)}")
            _execute(f"COMMENT ON SCHEMA {quoted(name)} IS '{_MARK}'")
        try:
            yield
        except BaseException:
            drop(name)
            raise
        if keep:
            _execute(f"COMMENT ON SCHEMA {quoted(name)} IS '{_KEPT}'")
        else:
            drop(name)
    finally:
        _execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_RUNS, name])


def hold_for_writing(name: str) -> None:
    """Say, for as long as this process' connection lives, that it writes to the schema."""
    _execute("SELECT pg_advisory_lock_shared(%s, hashtext(%s))", [_WRITES, name])


def copy_tables(name: str) -> None:
    """Make the copies, without their indexes: those follow once the inbox is filled."""
    for model in COPIED:
        table = model._meta.db_table
        _execute(
            f"CREATE UNLOGGED TABLE {quoted(name)}.{quoted(table)} (LIKE {LIVE}.{quoted(table)}"
            " INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED INCLUDING CONSTRAINTS)"
        )
        key = model._meta.pk
        if isinstance(key, models.AutoField):
            _execute(f"ALTER TABLE {quoted(name)}.{quoted(table)} ALTER {key.column} RESTART WITH {FIRST_ID}")


def copy_indexes(name: str) -> None:
    """Give the copies the keys, unique constraints and indexes of the live tables, under the same names.

    They refer to no live row by a foreign key, which would lock it.
    """
    for model in COPIED:
        for statement in _index_statements(name, model._meta.db_table):
            _execute(statement)


def refuse_live_writes(name: str) -> None:
    """Raise `LiveWrite` if this transaction wrote to a table outside of the scratch schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname FROM pg_stat_xact_user_tables
                WHERE schemaname <> %s AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1""",
            [name],
        )
        written = [table for (table,) in cursor.fetchall()]
    if written:
        raise LiveWrite(f"Recording writes to {', '.join(written)}: replay needs a copy of it in scratch.COPIED.")


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def drop(name: str) -> None:
    _execute(f"DROP SCHEMA IF EXISTS {quoted(name)} CASCADE")


def _drop_what_a_killed_run_left(name: str) -> None:
    rows = _execute("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [name])
    if not rows:
        return
    mark = rows[0][0]
    if mark == _KEPT:
        raise ScratchInUse(f"The schema {name} was kept: drop it (DROP SCHEMA {name} CASCADE), or name another.")
    if mark != _MARK:
        raise ScratchInUse(f"The schema {name} is in use and not a replay's: name another.")
    if not _try_lock(_WRITES, name):
        raise ScratchInUse(f"Processes of a replay that was ended still work in the schema {name}: wait a moment.")
    _execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_WRITES, name])
    drop(name)


def _try_lock(kind: int, name: str) -> bool:
    return bool(_execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [kind, name])[0][0])


def _index_statements(name: str, table: str) -> list[str]:
    constraints = _execute(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = %s::regclass AND contype IN ('p', 'u') ORDER BY contype, conname""",
        [f"{LIVE}.{table}"],
    )
    indexes = _execute(
        """SELECT pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            ORDER BY indexrelid""",
        [f"{LIVE}.{table}"],
    )
    here, there = f" ON {LIVE}.{table} ", f" ON {quoted(name)}.{table} "
    return [
        *(f"ALTER TABLE {quoted(name)}.{table} ADD CONSTRAINT {quoted(each)} {rule}" for each, rule in constraints),
        *(index.replace(here, there, 1) for (index,) in indexes),
    ]


def _execute(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def one_moment() -> Iterator[None]:
    """See the live schema as it is at one instant while the block runs."""
    with transaction.atomic():
        _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
