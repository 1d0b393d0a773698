"""One embedded server: started, found again, stopped and killed by what its folder says."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.account import Account
from deploy.ports import PortTaken, choose_free_port, is_port_kept
from deploy.processes import POLL_SECONDS, has_ended, names_argument, pid_in_file

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class ServerFailed(Exception):
    """An embedded server did not start; the message says why and what to do."""


class EmbeddedServer(ABC):
    """One server whose folder remembers its port and password between starts.

    A running server is recognised by the process that its own pid file names, so
    several of these objects, in several programs, may stand for the same server.
    """

    name: str

    def __init__(self, data_dir: Path, port: int | None = None, password: str | None = None) -> None:
        self.home = Path(data_dir).resolve()
        self._wanted_port = port
        self._wanted_password = password
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port of the running server, or of the next start."""
        remembered = self._remembered().get("port")
        if not isinstance(remembered, int):
            raise ServerFailed(f"{self.name} in {self.home} was never started.")
        return remembered

    @property
    def password(self) -> str | None:
        remembered = self._remembered().get("password")
        return remembered if isinstance(remembered, str) else None

    @property
    def log_path(self) -> Path:
        return self.home / "server.log"

    @property
    def pid(self) -> int | None:
        """The process id of the live server of this folder, None when there is none."""
        pid = pid_in_file(self._pid_file)
        return pid if pid is not None and self._is_our_process(pid) else None

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    def prepare(self) -> list[str]:
        """Make everything that a start needs; return the command of the server.

        Raises PortTaken or ServerFailed. Does nothing that disturbs a running server.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._choose_settings()
            self._make_data()
        except OSError as error:
            raise ServerFailed(_explain_os_error(error, self.home)) from error
        return self._command()

    def start(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Start the server and wait until it answers; does nothing when it runs already."""
        deadline = time.monotonic() + timeout_seconds
        while not self.is_running:
            command = self.prepare()
            with self.log_path.open("ab") as log:
                log_start = log.tell()
                self._process = self.account.spawn(command, output=log.fileno())
            if self._answers_before(deadline):
                return
            self._stop_failed_start(log_start, deadline)
        if not self._answers_before(deadline):
            raise ServerFailed(f"{self.name} runs but does not answer: read {self.log_path}.")

    def run_in_foreground(self) -> None:
        """Become the server: replace this program by it, under the server's account."""
        command = self.prepare()
        account = self.account
        os.chdir("/")
        account.become()
        os.execv(command[0], command)  # noqa: S606 (no shell is the point)

    def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> None:
        """End the server in good order; does nothing when it does not run."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, self.stop_signal)
        if not self._ends_within(pid, timeout_seconds):
            self.kill()

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would; does nothing when it does not run."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        if not self._ends_within(pid, STOP_SECONDS):
            raise ServerFailed(f"{self.name} (process {pid}) survived SIGKILL.")

    def remove(self) -> None:
        """Stop the server and delete everything that it stored."""
        self.stop()
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)

    def wait_until_it_answers(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Return once the server answers; raise ServerFailed when it does not in time."""
        if not self._answers_before(time.monotonic() + timeout_seconds):
            raise ServerFailed(f"{self.name} does not answer: read its log.")

    @property
    def account(self) -> Account:
        return Account(uid=os.geteuid(), gid=os.getegid(), is_other=False)

    @property
    def stop_signal(self) -> signal.Signals:
        return signal.SIGTERM

    @property
    @abstractmethod
    def _pid_file(self) -> Path: ...

    @property
    @abstractmethod
    def _command_mark(self) -> Path:
        """An argument of the server's command line that no other server's has."""

    @abstractmethod
    def _make_data(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    def _folders(self) -> list[Path]:
        return [self.home]

    def _may_succeed_again(self, printed: str) -> bool:
        return False

    def _is_our_process(self, pid: int) -> bool:
        return names_argument(pid, str(self._command_mark))

    def _remembered(self) -> dict[str, object]:
        try:
            remembered = json.loads((self.home / "server.json").read_text())
        except FileNotFoundError:
            return {}
        return remembered if isinstance(remembered, dict) else {}

    def _choose_settings(self) -> None:
        remembered = self._remembered()
        if "password" not in remembered or self._wanted_password is not None:
            remembered["password"] = self._first_password()
        if not self.is_running:
            remembered["port"] = self._free_port(remembered.get("port"))
        write_private(self.home / "server.json", json.dumps(remembered))

    def _first_password(self) -> str | None:
        return self._wanted_password

    def _free_port(self, remembered: object) -> int:
        if self._wanted_port is not None:
            if is_port_kept(self._wanted_port):
                raise PortTaken(self._wanted_port)
            return self._wanted_port
        if isinstance(remembered, int) and not is_port_kept(remembered):
            return remembered
        return choose_free_port()

    def _answers_before(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                return False
            if self.is_running and self._answers():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _stop_failed_start(self, log_start: int, deadline: float) -> None:
        """Return when another try makes sense, raise ServerFailed otherwise."""
        printed = self.log_path.read_bytes()[log_start:].decode(errors="replace")
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._may_succeed_again(printed) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS * 5)
            return
        raise ServerFailed(explain(f"{self.name} did not start", printed, self.home))

    def _ends_within(self, pid: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()  # reaps our own child, which else stays as a zombie
            if has_ended(pid):
                return True
            time.sleep(POLL_SECONDS)
        return False


def wheel_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ServerFailed(f"{package} is not installed: run ./restarter.sh, which installs it.")
    return Path(found.origin).parent


def write_private(path: Path, text: str) -> None:
    written = path.with_name(f"{path.name}.unfinished")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(text)
    written.replace(path)


def _explain_os_error(error: OSError, home: Path) -> str:
    return explain(f"{home} cannot be used", str(error), home)


def explain(fact: str, printed: str, home: Path) -> str:
    if "No space left on device" in printed:
        return f"The disk that holds {home} is full: free some space and start again."
    if "Permission denied" in printed:
        return f"{home} cannot be written: give its folder to the user who starts the tracker."
    said = [line.strip() for line in printed.splitlines() if line.strip()]
    return f"{fact}: {said[-1] if said else 'it said nothing'} ({home})."
