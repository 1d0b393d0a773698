"""Makes .venv, installs what a requirements file pins, and a browser for tests; runs on any Python 3.11 by itself."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.browser import BrowserMissing, ensure_browser

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT = "requirements-dev.txt"
NO_INDEX = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish|name resolution|Connection refused|"
    r"Network is unreachable|timed out|ProxyError|Max retries exceeded|Connection aborted"
)


class InstallationFailed(Exception):
    """The packages could not be installed; the message says what to do."""


def install(requirements: Path, *, venv: Path) -> bool:
    """Bring the virtual environment in line with the requirements; return whether work was needed.

    Raises InstallationFailed. Two callers at once wait for each other.
    """
    with _lock(requirements.parent):
        if not _is_usable(venv):
            print("Making .venv ...", flush=True)
            _make_venv(venv)
        wanted = _fingerprint(requirements)
        stamp = venv / "installed.json"
        installed = _read_stamp(stamp)
        if installed.get(requirements.name) == wanted:
            return False
        print(f"Installing {requirements.name}; the first time takes a minute ...", flush=True)
        _run_pip(venv, requirements)
        stamp.write_text(json.dumps(installed | {requirements.name: wanted}))
        return True


def main(arguments: Sequence[str] | None = None) -> int:
    names = sys.argv[1:] if arguments is None else list(arguments)
    try:
        for name in names:
            install(ROOT / name, venv=ROOT / ".venv")
        if DEVELOPMENT in names:
            ensure_browser(may_install=os.geteuid() == 0)
    except (InstallationFailed, BrowserMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_usable(venv: Path) -> bool:
    """Say whether the environment's Python runs: this very program does when it was started by it."""
    if Path(sys.prefix) == venv:
        return True
    try:
        check = [str(venv / "bin" / "python"), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv(venv: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise InstallationFailed(_explain(made.stdout + made.stderr, venv))


def _run_pip(venv: Path, requirements: Path) -> None:
    """The whole of pip's words goes to a file that is kept only when it failed."""
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "2", "--timeout", "15", "-r", str(requirements)]
    with tempfile.NamedTemporaryFile("w+", prefix="tracker-install-", suffix=".log", delete=False) as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        log.seek(0)
        printed = log.read()
    if done.returncode != 0:
        raise InstallationFailed(f"{_explain(printed, venv)} (All that pip said: {log.name})")
    Path(log.name).unlink()


def _explain(printed: str, venv: Path) -> str:
    if "No space left on device" in printed:
        return f"The disk that holds {venv} is full: free a gigabyte and start again."
    if "Permission denied" in printed or "Read-only file system" in printed:
        return f"{venv} cannot be written: start as the user who owns {venv.parent}."
    if NO_INDEX.search(printed):
        return "No package index answers: connect to the network, or point PIP_INDEX_URL to an index you reach."
    errors = [line for line in printed.splitlines() if line.startswith(("ERROR", "Error"))]
    return f"The packages could not be installed: {errors[0] if errors else 'pip gave no reason'}"


def _read_stamp(stamp: Path) -> dict[str, str]:
    try:
        installed = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return installed if isinstance(installed, dict) else {}


def _fingerprint(requirements: Path) -> str:
    """Hash the file and those that its -r lines include."""
    text = requirements.read_text()
    digest = hashlib.sha256(text.encode())
    for included in re.findall(r"^-r\s+(\S+)", text, re.MULTILINE):
        digest.update(_fingerprint(requirements.parent / included).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
