"""Lines that were set aside, tried again: once their day has a partition, say, they become rows after all."""

import psycopg
import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction
from psycopg import sql

from attribution.edge.rows import TABLES, Table
from attribution.models import SetAsideClick

log = structlog.get_logger(__name__)


class StillRefused(Exception):
    """The line is still no row of any table; the text says why."""


def retry_set_aside(row: SetAsideClick, *, actor: User) -> None:
    """Store a set-aside line as the row that it is and forget it; a row that is stored already is not stored twice.

    Raises `StillRefused`, and leaves it set aside, for a line whose columns are not those of a table of today (one
    that was torn or damaged never has them), and for one that Postgres refuses.
    """
    table = _table_of(row.line)
    try:
        with transaction.atomic():
            locked = SetAsideClick.objects.select_for_update().filter(pk=row.pk).first()  # pk is unique
            if locked is not None:
                _store(table, locked.line)
                locked.delete()
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise StillRefused(error.diag.message_primary or type(error).__name__) from error
    log.info("set_aside_line_stored", table=table.name, actor=actor.pk)


def _table_of(line: str) -> Table:
    columns = line.count("\t") + 1
    for table in TABLES.values():
        if len(table.columns) == columns:
            return table
    raise StillRefused("The line has the columns of no table: it is torn, damaged, or of another version.")


def _store(table: Table, line: str) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    name = sql.Identifier(table.name)
    connection.ensure_connection()
    # The driver's own cursor: Django's knows no COPY, and would name its errors otherwise.
    with connection.connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE tried_again ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(names, name)
        )
        with cursor.copy(sql.SQL("COPY tried_again ({}) FROM STDIN").format(names)) as copy:
            copy.write(line + "\n")
        cursor.execute(
            sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM tried_again ON CONFLICT (id) DO NOTHING").format(name, names)
        )
        cursor.execute("DROP TABLE tried_again")
