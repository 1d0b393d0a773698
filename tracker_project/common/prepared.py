"""Statements that run with every event: Postgres plans each once a connection, and nothing is built around it.

What the ORM spends on building a statement and its objects is several times what such a statement takes.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows, none for one without an answer. JSON comes as text.

    Errors are Django's. Conditions of partial indexes stand in the text: a plan is made for any parameters.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters, prepare=True)
        if connection.queries_logged:
            connection.queries_log.append({"sql": sql, "time": ""})
        return cursor.fetchall() if cursor.description else []


def insert(*rows: models.Model) -> None:
    """Insert rows of one model and set their keys, as `save(force_insert=True)` does, without signals."""
    sql, parameters = _insertion(rows)
    keys = fetch(f"{sql} RETURNING {_column(_key(type(rows[0])))}", parameters)
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias


def insert_missing(*rows: models.Model) -> None:
    """Insert those rows of one model that break no constraint of uniqueness; their keys stay unknown."""
    sql, parameters = _insertion(rows)
    fetch(f"{sql} ON CONFLICT DO NOTHING", parameters)


def update(row: models.Model, *names: str) -> None:
    """Write the named fields of a row that is stored, as `save(update_fields=names)` does, without signals."""
    fields, sql = _change(type(row), names)
    fetch(sql, [*(_parameter(field, row, add=False) for field in fields), row.pk])


def made(model: type[M], names: tuple[str, ...], values: Sequence[Any]) -> M:
    """Return the object of a row that was read by columns; what was not read is fetched when it is asked for."""
    converters = _converters(model, names)
    return model.from_db(
        connection.alias,
        list(names),
        [
            value if convert is None else convert(value, None, connection)
            for convert, value in zip(converters, values, strict=True)
        ],
    )


@cache
def columns_of(model: type[models.Model]) -> tuple[str, ...]:
    """Return the names of a model's columns, as its objects have them."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def _insertion(rows: Sequence[models.Model]) -> tuple[str, list[Any]]:
    fields, head, values = _columns_to_insert(type(rows[0]))
    parameters = [_parameter(field, row, add=True) for row in rows for field in fields]
    return f"{head} VALUES {', '.join([values] * len(rows))}", parameters


@cache
def _columns_to_insert(model: type[models.Model]) -> tuple[list[Any], str, str]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
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


def _parameter(field: Any, row: models.Model, *, add: bool) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add), connection)


def _key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _column(field: Any) -> str:
    return f'"{field.column}"'
