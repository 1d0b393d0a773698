"""Brings what was spooled into Postgres, each row once; what is of no stored day is set aside."""

import fcntl
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import psycopg
import structlog
from psycopg import sql

from attribution.edge.rows import CLICKS, TABLES
from attribution.edge.spool import read_header, spool_files

log = structlog.get_logger(__name__)

_BATCH_LINES = 1_000
_LONGEST_REASON = 200
# A program that knew no outcomes kept one of them, a paused campaign, as a kind.
_BEFORE_OUTCOMES = """
UPDATE spooled_clicks SET outcome = CASE kind WHEN 'paused' THEN 'paused' ELSE 'offer' END,
    kind = CASE kind WHEN 'paused' THEN 'click' ELSE kind END
"""
_SET_ASIDE = "INSERT INTO set_aside_clicks (line, reason, created_at) VALUES (%s, %s, now())"


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What one run did: files emptied, lines that are rows now (or were before), lines set aside."""

    files: int = 0
    lines: int = 0
    set_aside: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            files=self.files + other.files,
            lines=self.lines + other.lines,
            set_aside=self.set_aside + other.set_aside,
        )


class _Bad(NamedTuple):
    line: bytes
    reason: str


def drain_spool(folder: Path, *, conninfo: str) -> Drained:
    """Drain every file that no live process writes to; safe to run twice at once and to interrupt.

    Raises `psycopg.OperationalError` when Postgres goes away: the files stay for the next run.
    """
    drained = Drained()
    files = spool_files(folder)
    if not files:
        return drained
    with psycopg.connect(conninfo, autocommit=True, application_name="edge spool") as connection:
        for table in TABLES:
            connection.execute(
                sql.SQL("CREATE TEMP TABLE {} (LIKE {} INCLUDING DEFAULTS)").format(
                    _spooled(table), sql.Identifier(table)
                )
            )
        for path in files:
            with _own(path) as file:
                if file is not None:
                    drained += _drain_file(connection, path, file)
    return drained


@contextmanager
def _own(path: Path) -> Iterator[BinaryIO | None]:
    """Give the file once its lock is ours; None when it is written to, or was drained by another."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        yield file if is_ours else None


def _drain_file(connection: psycopg.Connection[Any], path: Path, file: BinaryIO) -> Drained:
    """Store a file's lines in one transaction, then remove it; one of unknown columns stays where it is."""
    table, columns = read_header(file.readline())
    if table not in TABLES:
        log.error("a spool file names an unknown table", path=str(path), table=table)
        return Drained()
    lines, bad = 0, list[_Bad]()
    try:
        with connection.transaction():
            while batch := list(islice(file, _BATCH_LINES)):
                good, spoilt = _sort(batch, len(columns))
                bad += spoilt + _store(connection, table, columns, good)
                lines += len(batch)
            _set_aside(connection, bad)
    except psycopg.ProgrammingError as error:
        log.error("a spool file does not fit its table", table=table, path=str(path), error=str(error).strip())
        return Drained()
    if bad:
        log.error("spooled lines were set aside", path=str(path), lines=len(bad), reason=bad[0].reason)
        path.with_suffix(".bad").write_bytes(b"".join(line for line, _ in bad))
    path.unlink(missing_ok=True)
    return Drained(files=1, lines=lines - len(bad), set_aside=len(bad))


def _set_aside(connection: psycopg.Connection[Any], bad: Sequence[_Bad]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_SET_ASIDE, [(_as_text(line), reason[:_LONGEST_REASON]) for line, reason in bad])


def _sort(lines: Sequence[bytes], columns: int) -> tuple[list[bytes], list[_Bad]]:
    good, bad = list[bytes](), list[_Bad]()
    for line in lines:
        checksum, _, content = line.partition(b"\t")
        if content.count(b"\t") + 1 == columns and checksum == b"%08x" % zlib.crc32(content):
            good.append(content)
        else:
            bad.append(_Bad(line, "the line is torn or damaged"))
    return good, bad


def _store(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], lines: Sequence[bytes]
) -> list[_Bad]:
    """Insert the lines that are not in the table yet; return those that Postgres refuses, found by halving."""
    if not lines:
        return []
    try:
        with connection.transaction():
            _insert(connection, table, columns, lines)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        if len(lines) == 1:
            return [_Bad(lines[0], error.diag.message_primary or type(error).__name__)]
        middle = len(lines) // 2
        first, second = lines[:middle], lines[middle:]
        return _store(connection, table, columns, first) + _store(connection, table, columns, second)
    return []


def _insert(connection: psycopg.Connection[Any], table: str, columns: Sequence[str], lines: Sequence[bytes]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    spooled = _spooled(table)
    connection.execute(sql.SQL("TRUNCATE {}").format(spooled))
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(spooled, names)) as copy:
            copy.write(b"".join(lines))
        if table == CLICKS.name and "outcome" not in columns:
            cursor.execute(_BEFORE_OUTCOMES)
            names = sql.SQL("{}, outcome").format(names)
        cursor.execute(
            sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ON CONFLICT (id) DO NOTHING").format(
                sql.Identifier(table), names, spooled
            )
        )


def _spooled(table: str) -> sql.Identifier:
    return sql.Identifier(f"spooled_{table}")


def _as_text(line: bytes) -> str:
    return line.rstrip(b"\n").decode("utf-8", "backslashreplace").replace("\0", "\\x00")
