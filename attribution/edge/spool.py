"""The spool: rows that Postgres did not take in time, one line each, on disk before the visitor goes on.

A file belongs to the process that holds its lock. Its first line names the table and the columns; every other line
begins with its own checksum. Whoever gets the lock of a file may drain it.
"""

import fcntl
import os
import secrets
import zlib
from collections.abc import Sequence
from pathlib import Path

import structlog

from attribution.edge.rows import CLICKS, Table

log = structlog.get_logger(__name__)

SUFFIX = ".spool"
LARGEST_FILE_BYTES = 16 * 1024 * 1024
_CHECKSUM = "checksum"


def header_of(table: Table) -> str:
    """Return a file's first line; one of clicks names no table, as it always was."""
    mark = _CHECKSUM if table is CLICKS else f"{_CHECKSUM} of {table.name}"
    return "\t".join((mark, *table.columns)) + "\n"


def read_header(line: bytes) -> tuple[str, list[str]]:
    """Return the table and the columns that a file's first line names."""
    mark, *columns = line.decode("ascii", "replace").rstrip("\n").split("\t")
    return mark.partition(" of ")[2] or CLICKS.name, columns


def spooled_line(line: str) -> bytes:
    """Return a row's line as the spool keeps it."""
    content = line.encode()
    return b"%08x\t%b" % (zlib.crc32(content), content)


class Spool:
    """Appends to files of this process, one a table. Blocks on the disk: never call it on the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, _OwnFile] = {}

    def append(self, lines: Sequence[str], table: Table = CLICKS) -> None:
        """Return once the lines are on disk; raise `OSError` when they are not, or not all."""
        content = b"".join(map(spooled_line, lines))
        try:
            file = self._files.get(table.name) or self._open(table)
            file.write(content)
        except OSError:
            # The last line may be torn: the next one begins a new file.
            self._close(table.name)
            raise
        if file.size >= LARGEST_FILE_BYTES:
            self._close(table.name)

    def close(self) -> None:
        """Let go of the files, so that they can be drained; the next append begins others."""
        for name in list(self._files):
            self._close(name)

    def _close(self, table: str) -> None:
        file = self._files.pop(table, None)
        if file is not None:
            os.close(file.descriptor)

    def _open(self, table: Table) -> "_OwnFile":
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self.folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, header_of(table).encode())
            # Only now can others see it: an unlocked file would be taken for one left behind.
            name.rename(name.with_suffix(SUFFIX))
            _sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            name.unlink(missing_ok=True)
            raise
        self._files[table.name] = _OwnFile(descriptor)
        return self._files[table.name]


class _OwnFile:
    """An open file of this process, and how much was written to it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0

    def write(self, content: bytes) -> None:
        _write_all(self.descriptor, content)
        os.fdatasync(self.descriptor)
        self.size += len(content)


def spool_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def spool_bytes(folder: Path) -> int:
    """Return how much waits to be drained; files that go meanwhile count as nothing."""
    size = 0
    for path in spool_files(folder):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
    return size


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
