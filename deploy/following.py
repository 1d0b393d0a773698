"""Shows the processes' log files as one stream, each line under its process's name."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

POLL_SECONDS = 0.25
COLOURS = ("36", "33", "32", "35", "34", "31")


class FollowedLog:
    """One log file, read on from a place; the supervisor may rotate it meanwhile."""

    def __init__(self, path: Path, *, last_lines: int | None) -> None:
        """Begin behind all but the last lines, None: behind everything written so far."""
        self.name = path.stem
        self._path = path
        self._source: TextIO | None = None
        self._rest = ""
        if path.exists():
            self._source = self._open()
            kept = self._source.readlines()
            self._first = kept[len(kept) - last_lines :] if last_lines else []
        else:
            self._first = []

    def new_lines(self) -> list[str]:
        """Return the complete lines written since the last call."""
        lines, self._first = self._first, []
        if self._source is None and self._path.exists():
            self._source = self._open()
        if self._source is None:
            return lines
        text = self._source.read()
        if not text and self._was_rotated(self._source):
            self._source.close()
            self._source = self._open()
            text = self._source.read()
        *complete, self._rest = (self._rest + text).split("\n")
        return [*(line.rstrip("\n") for line in lines), *complete]

    def _open(self) -> TextIO:
        return self._path.open(encoding="utf-8", errors="replace")

    def _was_rotated(self, source: TextIO) -> bool:
        try:
            return not os.path.samestat(os.fstat(source.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def open_logs(folder: Path, names: list[str], *, last_lines: int | None) -> list[FollowedLog]:
    """Return the logs of the named processes, which need not exist yet."""
    return [FollowedLog(folder / f"{name}.log", last_lines=last_lines) for name in names]


def show(logs: list[FollowedLog]) -> None:
    """Print what is new in the logs."""
    is_coloured = sys.stdout.isatty()
    width = max(len(log.name) for log in logs)
    for position, log in enumerate(logs):
        prefix = f"{log.name:<{width}} |"
        if is_coloured:
            prefix = f"\033[{COLOURS[position % len(COLOURS)]}m{prefix}\033[0m"
        for line in log.new_lines():
            print(prefix, line)
    sys.stdout.flush()


def follow(logs: list[FollowedLog], *, while_true: Callable[[], bool]) -> None:
    """Print what comes until the condition ends, asked about once a poll."""
    while while_true():
        show(logs)
        time.sleep(POLL_SECONDS)
    show(logs)
