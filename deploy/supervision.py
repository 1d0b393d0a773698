"""The supervisor that keeps every process alive: its configuration, its start and its answers."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy.environment import Checkout, UnusableSetup
from deploy.processes import HOME_MARK, NAME_MARK, has_ended, names_argument, pid_in_file
from deploy.server import write_private

GROUP = "app"
WITHOUT_WAITING = False
# A socket's path ends at 107 bytes, and supervisor first makes one with its process id behind it.
LONGEST_SOCKET_PATH = 96
# Waits grow by a second a try; after these `deploy.revival` begins again with a short one.
START_TRIES = 10
STOP_SECONDS = 30
SUPERVISOR_STOP_SECONDS = 3 * STOP_SECONDS


@dataclass(frozen=True, kw_only=True)
class Program:
    """One supervised process; the servers start at once, the others after the migrations."""

    name: str
    command: list[str]
    is_server: bool = False
    stop_signal: str = "TERM"


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """What the supervisor says of one process."""

    name: str
    state: str
    pid: int
    seconds: int


def read_procfile(path: Path) -> list[Program]:
    """Return the programs of `name: shell command` lines; raise UnusableSetup for any other line."""
    programs = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, command = line.partition(":")
        if not colon or not name.isidentifier() or not command.strip():
            raise UnusableSetup(f"Line {number} of {path} is not `name: command`.")
        launch = [sys.executable, "-m", "deploy.launch", name, command.strip()]
        programs.append(Program(name=name, command=launch))
    return programs


def configuration(checkout: Checkout, programs: list[Program], *, socket: Path) -> str:
    """Return supervisord's configuration for the programs."""
    supervised = [program.name for program in programs if not program.is_server]
    sections = [
        ("unix_http_server", {"file": str(socket), "chmod": "0700"}),
        ("rpcinterface:supervisor", {"supervisor.rpcinterface_factory": _RPC_FACTORY}),
        ("supervisord", _daemon_options(checkout)),
        *((f"program:{program.name}", _program_options(checkout, program)) for program in programs),
        (f"group:{GROUP}", {"programs": ",".join(supervised), "priority": "100"}),
        ("eventlistener:revival", _revival_options(checkout)),
    ]
    return "\n".join(_section(name, options) for name, options in sections)


class Supervisor:
    """The supervisord of one checkout, running or not."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._config = checkout.var / "supervisord.conf"
        self._socket_pointer = checkout.var / "supervisor.socket"

    @property
    def pid(self) -> int | None:
        """The process id of our live supervisord, None when there is none."""
        pid = pid_in_file(self._checkout.var / "supervisord.pid")
        return pid if pid is not None and names_argument(pid, str(self._config)) else None

    def start(self, programs: list[Program], *, variables: Mapping[str, str]) -> None:
        """Start supervisord, and with it the servers among the programs."""
        socket = self._choose_socket()
        write_private(self._config, configuration(self._checkout, programs, socket=socket))
        command = [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--silent", "-c", str(self._config)]
        log = self._checkout.logs / "supervisord.out"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self._checkout.root,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text().strip().splitlines()
                raise UnusableSetup(f"The supervisor did not start: {said[-1] if said else f'read {log}'}")
            time.sleep(0.05)

    def start_processes(self) -> None:
        """Start what is not a server."""
        self._rpc().startProcessGroup(GROUP, WITHOUT_WAITING)

    def states(self) -> list[ProcessState]:
        """Return the state of every process, empty when the supervisor does not run."""
        if self.pid is None or not self._answers():
            return []
        return [
            ProcessState(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                seconds=info["now"] - info["start"] if info["pid"] else 0,
            )
            for info in self._rpc().getAllProcessInfo()
            if info["name"] != "revival"
        ]

    def stop(self) -> None:
        """Stop all processes, the servers last, and the supervisor itself."""
        pid = self.pid
        if pid is not None:
            self._end(pid)
        self._remove_socket()

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + SUPERVISOR_STOP_SECONDS
        while not has_ended(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            self._answers()  # a question wakes it: by itself it looks once a second whether its children have ended
            time.sleep(0.05)

    def _choose_socket(self) -> Path:
        beside = self._checkout.var / "supervisor.sock"
        short = beside
        if len(os.fsencode(beside)) > LONGEST_SOCKET_PATH:
            short = Path(tempfile.mkdtemp(prefix="tracker-")) / "supervisor.sock"
        self._socket_pointer.write_text(f"{short}\n")
        return short

    def _remove_socket(self) -> None:
        """Remove what a supervisor that was killed leaves behind, and the folder of a short path."""
        if not self._socket_pointer.exists():
            return
        socket = Path(self._socket_pointer.read_text().strip())
        socket.unlink(missing_ok=True)
        if socket.parent != self._checkout.var and socket.parent.is_dir():
            socket.parent.rmdir()
        self._socket_pointer.unlink()

    def _rpc(self) -> Any:
        socket = self._socket_pointer.read_text().strip()
        transport = SupervisorTransport(None, None, f"unix://{socket}")
        return cast(Any, ServerProxy("http://127.0.0.1", transport=transport)).supervisor

    def _answers(self) -> bool:
        try:
            self._rpc().getState()
        except (OSError, HTTPException, Error):
            return False
        return True


_RPC_FACTORY = "supervisor.rpcinterface:make_main_rpcinterface"


def _daemon_options(checkout: Checkout) -> dict[str, str]:
    options = {
        "logfile": str(checkout.logs / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "pidfile": str(checkout.var / "supervisord.pid"),
        "childlogdir": str(checkout.logs),
        "directory": str(checkout.root),
    }
    if os.geteuid() == 0:
        options["user"] = "root"  # else it warns at each start that it stays root
    return options


def _program_options(checkout: Checkout, program: Program) -> dict[str, str]:
    return {
        "command": shlex.join(program.command),
        "environment": f'{HOME_MARK}="{checkout.var}",{NAME_MARK}="{program.name}"',
        "autostart": "true" if program.is_server else "false",
        "autorestart": "true",
        "startsecs": "1",
        "startretries": str(START_TRIES),
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(STOP_SECONDS),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(checkout.logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
        "priority": "10",
    }


def _revival_options(checkout: Checkout) -> dict[str, str]:
    return {
        "command": shlex.join([sys.executable, "-m", "deploy.revival"]),
        "events": "PROCESS_STATE_FATAL",
        "stdout_logfile": "NONE",  # it carries the supervisor's questions and answers
        "stderr_logfile": str(checkout.logs / "revival.log"),
        "stderr_logfile_maxbytes": "1MB",
        "stderr_logfile_backups": "1",
    }


def _section(name: str, options: Mapping[str, str]) -> str:
    lines = [f"{option} = {value.replace('%', '%%')}" for option, value in options.items()]
    return "\n".join([f"[{name}]", *lines, ""])
