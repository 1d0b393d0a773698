"""Processes of this machine: recognised by their command line or by a mark in their environment."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.02
# Every process that we supervise carries both, and so do its children.
HOME_MARK = "TRACKER_HOME"
NAME_MARK = "TRACKER_PROCESS"


def command_line(pid: int) -> str:
    """Return its arguments, each between two blanks; empty once it ended, reaped or not."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        return f" {arguments.replace(bytes(1), b' ').decode(errors='replace')} "
    except OSError:
        pass
    if Path("/proc/self").exists():
        return " "
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return f" {listed.stdout.strip()} "


def names_argument(pid: int, argument: str) -> bool:
    """Say whether the live process was started with the argument."""
    return f" {argument} " in command_line(pid)


def has_ended(pid: int) -> bool:
    """Say whether the process has let go of its ports and files, reaped or not."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return command_line(pid).strip() == ""
    return after_name.split()[0] in "ZX"


def pid_in_file(path: Path) -> int | None:
    """Return the process id that the file's first line holds, None without one."""
    try:
        first_line = path.read_text().split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(first_line) if first_line.isdigit() else None


def marked_processes(home: Path, *, name: str | None = None) -> list[int]:
    """Return other processes of the tracker at home, on systems that have /proc."""
    wanted = f"{HOME_MARK}={home}".encode()
    wanted_name = f"{NAME_MARK}={name}".encode()
    found = []
    for pid, variables in _environments():
        if wanted in variables and (name is None or wanted_name in variables):
            found.append(pid)
    return found


def end_processes(pids: list[int], *, patience_seconds: float) -> None:
    """Ask the processes to end, and end those by force that did not in time."""
    _send(pids, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline and not all(has_ended(pid) for pid in pids):
        time.sleep(POLL_SECONDS)
    _send([pid for pid in pids if not has_ended(pid)], signal.SIGKILL)


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    proc = Path("/proc")
    if not proc.is_dir():
        return
    for entry in proc.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if NAME_MARK.encode() in {variable.split(b"=", 1)[0] for variable in variables}:
            yield int(entry.name), variables


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
