"""What the measurements share: their servers, their environment, and the processor time that servers use."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.ports import LOOPBACK, choose_free_port, is_port_taken

ROOT = Path(__file__).resolve().parent.parent
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Granian:
    """A running granian: the port that it serves and the process that all its workers descend from."""

    port: int
    pid: int


def environment_of(database_url: str, var: Path) -> dict[str, str]:
    """Return the variables of a tracker that keeps its data in `var`; the keys are of no worth to anybody."""
    return os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "VAR_DIR": str(var),
        "SECRET_KEY": "only-for-measuring-only-for-measuring-only-for-measuring",
        "CLICK_ID_KEYS": "0f" * 32,
        "FIELD_ENCRYPTION_KEYS": "bWVhc3VyaW5nLW1lYXN1cmluZy1tZWFzdXJpbmctLS0=",
        "PRIVATE_TOKEN_KEY": "1f" * 32,
        "TRUSTED_PROXIES": f"{LOOPBACK}/32",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }


def run_python(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a program of the checkout to its end; return what it printed."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def granian(
    target: str, environment: Mapping[str, str], *, interface: str, options: Sequence[str] = ()
) -> Iterator[Granian]:
    """Serve a target on a free port while the block runs."""
    port = choose_free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--port", str(port), "--no-log", *options]
    with subprocess.Popen([*command, target], cwd=ROOT, env=environment) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not is_port_taken(port) or len(process_tree(process.pid)) < 2:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{target} did not start")
                time.sleep(0.05)
            time.sleep(1.5)  # a worker binds before it has loaded its program
            yield Granian(port=port, pid=process.pid)
        finally:
            process.terminate()
            process.wait(timeout=_START_SECONDS)


def process_tree(pid: int) -> list[int]:
    """Return a process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process, its descendants and its ended children have used."""
    ticks = 0
    for member in process_tree(pid):
        fields = _stat(member)
        if fields:
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS_PER_SECOND


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name, the state first; none once the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
