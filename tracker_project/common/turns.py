"""Statements that go to Postgres in one turn, each prepared once a connection.

psycopg's cursors cost several times what such a statement takes, and a pipeline of them sends each by itself.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Parameters = Sequence[Any] | dict[str, Any]
Statement = tuple[str, Parameters]
Rows = list[tuple[Any, ...]]
_Connection = psycopg.Connection[Any]

# A statement is prepared for each combination of types that it is given; what comes beyond is planned every time.
_MOST_PREPARED = 300
_BEGIN: Statement = ("BEGIN", ())
_COMMIT: Statement = ("COMMIT", ())


class _Session:
    """What a connection has prepared, by text and types of parameters, and how it writes and reads values."""

    def __init__(self, connection: _Connection) -> None:
        self.values = Transformer(connection)
        # Psycopg's own: after a rollback it has the connection forget all of them.
        self.names = connection._prepared._names
        self.numbers = count()


class _Bound:
    """A statement with its parameters as they are sent; it is prepared first if it `is_new`."""

    __slots__ = ("formats", "is_new", "key", "name", "parameters")

    def __init__(self, session: _Session, sql: str, parameters: Parameters) -> None:
        if isinstance(parameters, dict):
            query, formats = _numbered(sql, tuple(parameters))
            parameters = list(parameters.values())
        else:
            query, formats = _numbered(sql, len(parameters))
        self.parameters = session.values.dump_sequence(parameters, formats)
        self.formats = session.values.formats
        self.key = (query, session.values.types or ())
        self.name = session.names.get(self.key)
        self.is_new = self.name is None and len(session.names) < _MOST_PREPARED
        if self.is_new:
            self.name = session.names[self.key] = b"turn_%d" % next(session.numbers)

    def send(self, pgconn: PGconn) -> None:
        query, types = self.key
        if self.name is None:
            pgconn.send_query_params(query, self.parameters, types, self.formats)
            return
        if self.is_new:
            pgconn.send_prepare(self.name, query, types)
        pgconn.send_query_prepared(self.name, self.parameters, self.formats)


def run_at_once(connection: _Connection, statements: Sequence[Statement], *, commit: bool = False) -> list[Rows]:
    """Run statements, in a transaction where the connection is not in autocommit, and return the rows of each.

    With `commit` the transaction ends in the same turn. Raises the first error: what follows it is not run.
    """
    is_idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
    before = [_BEGIN] if is_idle and not connection.autocommit else []
    after = [_COMMIT] if commit else []
    session = _session_of(connection)
    bound = [_Bound(session, sql, parameters) for sql, parameters in (*before, *statements, *after)]
    came = iter(_exchanged(connection, bound))
    results = [_result_of(each, came, session) for each in bound]
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding=connection.info.encoding)
    return [_rows(result, session) for result in results[len(before) : len(before) + len(statements)]]


def _session_of(connection: _Connection) -> _Session:
    session: _Session | None = connection.__dict__.get("_session_of_turns")
    if session is None:
        session = connection.__dict__["_session_of_turns"] = _Session(connection)
    return session


@lru_cache(maxsize=1000)
def _numbered(sql: str, names: tuple[str, ...] | int) -> tuple[bytes, list[PyFormat]]:
    """Return a statement with $1, $2 for its placeholders, and the formats of so many."""
    if isinstance(names, int):
        text = sql % tuple(f"${number}" for number in range(1, names + 1))
        return text.encode(), [PyFormat.AUTO] * names
    text = sql % {name: f"${number}" for number, name in enumerate(names, 1)}
    return text.encode(), [PyFormat.AUTO] * len(names)


def _exchanged(connection: _Connection, bound: Sequence[_Bound]) -> list[PGresult]:
    """Send all and return what came: a result of each, before it one of its preparation where it is new."""
    pgconn = connection.pgconn
    try:
        pgconn.enter_pipeline_mode()
        for each in bound:
            each.send(pgconn)
        pgconn.pipeline_sync()
        results = connection.wait(_results(pgconn))
        pgconn.exit_pipeline_mode()
    except BaseException:  # broken off: nobody knows what is still to come
        connection.close()
        raise
    return results


def _results(pgconn: PGconn) -> PQGen[list[PGresult]]:
    yield from send(pgconn)
    results: list[PGresult] = []
    while True:
        fetched = yield from fetch_many(pgconn)
        if fetched and fetched[0].status == ExecStatus.PIPELINE_SYNC:
            return results
        results += fetched


def _result_of(each: _Bound, came: Iterator[PGresult], session: _Session) -> PGresult:
    """Return what a statement came to, or why it could not be prepared."""
    result = next(came)
    if not each.is_new:
        return result
    executed = next(came)
    if result.status == ExecStatus.COMMAND_OK:
        return executed
    session.names.pop(each.key, None)
    return result


def _rows(result: PGresult, session: _Session) -> Rows:
    if result.status != ExecStatus.TUPLES_OK:
        return []
    session.values.set_pgresult(result)
    return session.values.load_rows(0, result.ntuples, tuple)
