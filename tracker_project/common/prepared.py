"""Statements that run with every event: Postgres plans each once a connection, and nothing is built around it.

What the ORM spends on building a statement and its objects is several times what such a statement takes. What is left
is mostly the way to the server and back, so that within `gathered` statements go there together.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from tracker_project.common.turns import Parameters, Rows, run_at_once

M = TypeVar("M", bound=models.Model)

# A statement and what is done with its rows.
_Statement = tuple[str, Parameters, Callable[[Rows], object] | None]


class _Local(threading.local):
    """Statements that wait to be sent; None outside of `gathered`."""

    waiting: list[_Statement] | None = None


_local = _Local()


def fetch(sql: str, parameters: Parameters) -> Rows:
    """Run a statement and return its rows, none for one without an answer. JSON comes as text.

    Errors are Django's. Conditions of partial indexes stand in the text: a plan is made for any parameters.
    """
    rows: Rows = []
    _send([*_taken(), (sql, parameters, rows.extend)])
    return rows


def run(sql: str, parameters: Parameters, then: Callable[[Rows], object] | None = None) -> None:
    """Run a statement that nobody waits for, and give its rows to `then`.

    Within `gathered` it is sent with the next that has an answer.
    """
    if _local.waiting is None:
        _send([(sql, parameters, then)])
    else:
        _local.waiting.append((sql, parameters, then))


class Answer:
    """The rows of a statement, which goes with the next that has an answer, or when they are asked for before that."""

    def __init__(self) -> None:
        self._rows: Rows | None = None

    def take(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def rows(self) -> Rows:
        if self._rows is None:
            _send(_taken())
        if self._rows is None:
            raise RuntimeError("The turn of this statement has failed: it has no rows.")
        return self._rows


def ask(sql: str, parameters: Parameters) -> Answer:
    """Run a statement as `run` does, and return what will hold its rows."""
    answer = Answer()
    run(sql, parameters, answer.take)
    return answer


def draw_keys(*of: type[models.Model]) -> Answer:
    """Draw a new key of each model, all in one row. A row made with its key is sent by `insert` with what follows."""
    sequences = [f"nextval('{model._meta.db_table}_{_key(model).column}_seq')" for model in of]
    return ask(f"SELECT {', '.join(sequences)}", [])


def insert(*rows: models.Model) -> None:
    """Insert rows of one model and set their keys, as `save(force_insert=True)` does, without signals."""
    if rows[0].pk is not None:
        insert_soon(*rows)
        return
    sql, parameters = _insertion_with_keys(rows)
    _set_keys(rows, fetch(sql, parameters))


def insert_soon(*rows: models.Model) -> None:
    """Insert as `insert` does; within `gathered` the rows have no keys before the next statement with an answer.

    Rows that have keys keep them: all of them, or none.
    """
    if rows[0].pk is not None:
        run(*_insertion(rows))
        _set_keys(rows, [(row.pk,) for row in rows])
        return
    sql, parameters = _insertion_with_keys(rows)
    run(sql, parameters, lambda keys: _set_keys(rows, keys))


def insert_missing(*rows: models.Model) -> None:
    """Insert those rows of one model that break no constraint of uniqueness; their keys stay unknown."""
    sql, parameters = _insertion(rows)
    run(f"{sql} ON CONFLICT DO NOTHING", parameters)


def update(row: models.Model, *names: str) -> None:
    """Write the named fields of a row that is stored, as `save(update_fields=names)` does, without signals."""
    if row.pk is None:  # it is about to be inserted
        _send(_taken())
    fields, sql = _change(type(row), names)
    database = _database()
    run(sql, [*(_parameter(field, row, database, add=False) for field in fields), row.pk])


@contextmanager
def committed() -> Iterator[None]:
    """Run a block in a transaction, its statements `gathered`: those that wait at its end go together with COMMIT.

    Within a transaction it is a savepoint, as `transaction.atomic` is.
    """
    database = _database()
    with transaction.atomic(), gathered():
        yield
        is_outermost = len(database.atomic_blocks) == 1 and database.commit_on_exit
        if is_outermost and not database.needs_rollback:
            _send(_taken(), commit=True)  # Django finds nothing left to commit


@contextmanager
def gathered() -> Iterator[None]:
    """Let statements of a block that nobody waits for go to the server with the next one that has an answer.

    They are run in the order in which they are written, also among statements of the ORM, and at the latest when the
    block ends; what one of them breaks is raised where they are sent. Use it inside a transaction: what still waits
    when the block raises is never sent.
    """
    if _local.waiting is not None:
        yield
        return
    _local.waiting = []
    try:
        with _database().execute_wrapper(_after_what_waits):
            yield
            _send(_taken())
    finally:
        _local.waiting = None


def made(model: type[M], names: tuple[str, ...], values: Sequence[Any]) -> M:
    """Return the object of a row that was read by columns; what was not read is fetched when it is asked for."""
    database, converters = _database(), _converters(model, names)
    return model.from_db(
        database.alias,
        list(names),
        [
            value if convert is None else convert(value, None, database)
            for convert, value in zip(converters, values, strict=True)
        ],
    )


@cache
def columns_of(model: type[models.Model]) -> tuple[str, ...]:
    """Return the names of a model's columns, as its objects have them."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def _taken() -> list[_Statement]:
    """Return the statements that wait; they wait no longer."""
    if not _local.waiting:
        return []
    statements, _local.waiting = _local.waiting, []
    return statements


def _after_what_waits(
    execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    _send(_taken())
    return execute(sql, parameters, many, context)


def _send(statements: Sequence[_Statement], *, commit: bool = False) -> None:
    """Run statements in one turn, and hand each its rows."""
    if not statements:
        return
    database = _database()
    database.ensure_connection()
    if database.queries_logged:
        database.queries_log.extend({"sql": sql, "time": ""} for sql, _, _ in statements)
    with database.wrap_database_errors:
        answers = run_at_once(database.connection, [statement[:2] for statement in statements], commit=commit)
    for (_, _, then), rows in zip(statements, answers, strict=True):
        if then is not None:
            then(rows)


def _database() -> Any:
    return connections[DEFAULT_DB_ALIAS]


def _set_keys(rows: Sequence[models.Model], keys: Rows) -> None:
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _insertion(rows: Sequence[models.Model]) -> tuple[str, list[Any]]:
    database, (fields, head, values) = _database(), _columns_to_insert(type(rows[0]), has_key=rows[0].pk is not None)
    parameters = [_parameter(field, row, database, add=True) for row in rows for field in fields]
    return f"{head} VALUES {', '.join([values] * len(rows))}", parameters


def _insertion_with_keys(rows: Sequence[models.Model]) -> tuple[str, list[Any]]:
    sql, parameters = _insertion(rows)
    return f"{sql} RETURNING {_column(_key(type(rows[0])))}", parameters


@cache
def _columns_to_insert(model: type[models.Model], *, has_key: bool) -> tuple[list[Any], str, str]:
    fields = [field for field in model._meta.concrete_fields if has_key or not isinstance(field, models.AutoField)]
    names = ", ".join(_column(field) for field in fields)
    return fields, f'INSERT INTO "{model._meta.db_table}" ({names})', f"({', '.join(['%s'] * len(fields))})"


@cache
def _change(model: type[models.Model], names: tuple[str, ...]) -> tuple[list[Any], str]:
    fields = [model._meta.get_field(name) for name in names]
    changes = ", ".join(f"{_column(field)} = %s" for field in fields)
    return fields, f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {_column(_key(model))} = %s'  # noqa: S608


@cache
def _converters(model: type[models.Model], names: tuple[str, ...]) -> list[Any]:
    """Return how each value is turned into Python's; what psycopg gives is right for most."""
    fields = [model._meta.get_field(name) for name in names]
    return [getattr(field, "from_db_value", None) for field in fields]


def _parameter(field: Any, row: models.Model, database: Any, *, add: bool) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add), database)


def _key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _column(field: Any) -> str:
    return f'"{field.column}"'
