"""The spool: clicks that Postgres did not take in time, one line each, on disk before the visitor goes on.

A file belongs to the process that holds its lock. Its first line names the columns; every other line begins with
its own checksum. Whoever gets the lock of a file may drain it.
"""

import fcntl
import os
import secrets
import zlib
from collections.abc import Sequence
from pathlib import Path

import structlog

from attribution.edge.rows import COLUMNS

log = structlog.get_logger(__name__)

SUFFIX = ".spool"
LARGEST_FILE_BYTES = 16 * 1024 * 1024
HEADER = "\t".join(("checksum", *COLUMNS)) + "\n"


def spooled_line(line: str) -> bytes:
    """Return a row's line as the spool keeps it."""
    content = line.encode()
    return b"%08x\t%b" % (zlib.crc32(content), content)


class Spool:
    """Appends to a file of this process. Blocks on the disk: never call it on the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None
        self._size = 0

    def append(self, lines: Sequence[str]) -> None:
        """Return once the lines are on disk; raise `OSError` when they are not, or not all."""
        content = b"".join(map(spooled_line, lines))
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            _write_all(self._descriptor, content)
            os.fdatasync(self._descriptor)
        except OSError:
            # The last line may be torn: the next one begins a new file.
            self.close()
            raise
        self._size += len(content)
        if self._size >= LARGEST_FILE_BYTES:
            self.close()

    def close(self) -> None:
        """Let go of the file, so that it can be drained; the next append begins another."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self.folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, HEADER.encode())
            # Only now can others see it: an unlocked file would be taken for one left behind.
            name.rename(name.with_suffix(SUFFIX))
            _sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            raise
        self._size = 0
        return descriptor


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
