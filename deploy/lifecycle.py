"""One tracker on one machine: what is started in which order, and stopped in reverse."""

import subprocess
import sys
import time
from typing import NoReturn
from urllib.parse import urlsplit

from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.environment import NAMES, Checkout, UnusableSetup, make_folders, with_secrets, write_variables
from deploy.following import open_logs, show
from deploy.ports import PortTaken, answers, is_port_kept
from deploy.processes import end_processes, marked_processes
from deploy.server import EmbeddedServer, ServerFailed
from deploy.supervision import Program, Supervisor, read_procfile

DATABASE = "tracker"
START_SECONDS = 60.0
# A process that ended is started again at once; only one that keeps ending is a failure.
PATIENCE_SECONDS = 8.0
FAILING = ("FATAL", "BACKOFF")
SHOWN_LINES = 20
LEFTOVER_SECONDS = 30.0
# Two web workers and two of Celery with a pool each, the edge, and a person with psql.
MOST_CONNECTIONS = 120


class Tracker:
    """Everything that restarter.sh starts for a checkout."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.supervisor = Supervisor(checkout)
        self._postgres = EmbeddedPostgres(checkout.var / "postgres", max_connections=MOST_CONNECTIONS)
        self._valkey = EmbeddedValkey(checkout.var / "valkey")
        self._programs = read_procfile(checkout.root / "Procfile")

    @property
    def process_names(self) -> list[str]:
        return [*self._embedded(), *(program.name for program in self._programs)]

    def restart(self) -> None:
        """Stop what runs, then start everything; return once web and edge answer.

        Raises UnusableSetup, ServerFailed or PortTaken, in one sentence for the user.
        """
        make_folders(self.checkout)
        if self.stop():
            print("Stopped what was running.", flush=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> bool:
        """Stop everything of this checkout, also what an ended supervisor left; say if anything ran."""
        was_running = self.supervisor.pid is not None
        self.supervisor.stop()
        for server in (self._valkey, self._postgres):
            was_running = was_running or server.is_running
            server.stop()
        leftovers = marked_processes(self.checkout.var)
        end_processes(leftovers, patience_seconds=LEFTOVER_SECONDS)
        return was_running or bool(leftovers)

    def addresses(self) -> str:
        """Return what a person wants to know of a running tracker."""
        variables = self.checkout.variables
        lines = {
            "Admin": f"{variables['PUBLIC_WEB_URL']}/admin/",
            "Webhooks": f"{variables['PUBLIC_WEB_URL']}/webhooks/<platform>/<event>",
            "Clicks": f"{variables['PUBLIC_CLICK_URL']}/c/<code>",
            "Logs": f"./restarter.sh logs (files in {self.checkout.logs})",
        }
        return "\n" + "\n".join(f"  {name:<9} {text}" for name, text in lines.items()) + "\n"

    def _start(self) -> None:
        self._check_ports()
        variables = self._prepare_servers()
        with self._begin_preparation(variables) as preparation:
            self._start_servers(variables)
            self._finish_preparation(preparation)
        print(f"Starting {', '.join(program.name for program in self._programs)} ...", flush=True)
        self.supervisor.start_processes()
        self._wait_for_processes()

    def _server_programs(self) -> list[Program]:
        return [self._serve(name, server) for name, server in self._embedded().items()]

    def _embedded(self) -> dict[str, EmbeddedServer]:
        """The servers that no variable replaces by a real one."""
        servers: dict[str, EmbeddedServer] = {}
        if "DATABASE_URL" not in self.checkout.variables:
            servers["postgres"] = self._postgres
        if "REDIS_URL" not in self.checkout.variables:
            servers["valkey"] = self._valkey
        return servers

    def _serve(self, name: str, server: EmbeddedServer) -> Program:
        command = [sys.executable, "-m", "deploy.serve", "run", name, str(server.home), "--port", str(server.port)]
        if name == "postgres":
            command += ["--max-connections", str(MOST_CONNECTIONS)]
        return Program(name=name, command=command, is_server=True, stop_signal=server.stop_signal.name[3:])

    def _check_ports(self) -> None:
        ports = {"WEB_PORT": self.checkout.web_port, "EDGE_PORT": self.checkout.edge_port}
        for variable, port in ports.items():
            if is_port_kept(port):
                raise PortTaken(port, variable=variable)

    def _prepare_servers(self) -> dict[str, str]:
        """Make the embedded servers' data and settings; return the variables of all processes."""
        embedded = self._embedded()
        for server in embedded.values():
            server.prepare()  # here, since the supervisor could not say why it failed
        variables = {
            "PYTHONUNBUFFERED": "1",
            "CELERY_SKIP_CHECKS": "1",  # the preparation has run them
            **with_secrets(self.checkout),
            "PATH": f"{sys.prefix}/bin:{self.checkout.variables.get('PATH', '/usr/bin:/bin')}",
        }
        if "postgres" in embedded:
            variables["DATABASE_URL"] = self._postgres.url(DATABASE)
        if "valkey" in embedded:
            variables["REDIS_URL"] = self._valkey.url()
        write_variables(self.checkout.var / "run.env", {name: variables[name] for name in NAMES if name in variables})
        return variables

    def _start_servers(self, variables: dict[str, str]) -> None:
        """Start the embedded servers under the supervisor, and look for those that are not ours."""
        embedded = self._embedded()
        if embedded:
            print(f"Starting {' and '.join(embedded)} (data in {self.checkout.var}) ...", flush=True)
        for name in ("DATABASE_URL", "REDIS_URL"):
            if name in self.checkout.variables:
                _check_answers(name, variables[name])
        self.supervisor.start([*self._server_programs(), *self._programs], variables=variables)
        for name, server in embedded.items():
            self._wait_for_server(name, server)
        if "postgres" in embedded:
            self._postgres.create_database(DATABASE)

    def _wait_for_server(self, name: str, server: EmbeddedServer) -> None:
        try:
            server.wait_until_it_answers()
        except ServerFailed:
            self._fail_start([name])

    def _begin_preparation(self, variables: dict[str, str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "deploy.preparation"]
        return subprocess.Popen(command, cwd=self.checkout.root, env=variables, stdin=subprocess.PIPE, text=True)

    def _finish_preparation(self, preparation: subprocess.Popen[str]) -> None:
        print("Preparing the database ...", flush=True)
        preparation.communicate("The servers answer.\n")
        if preparation.returncode != 0:
            raise UnusableSetup("The database could not be prepared: the lines above say why.")

    def _wait_for_processes(self) -> None:
        ports = [self.checkout.web_port, self.checkout.edge_port]
        started = time.monotonic()
        while time.monotonic() < started + START_SECONDS:
            states = self.supervisor.states()
            if all(process.state == "RUNNING" for process in states) and all(answers(port) for port in ports):
                return
            waited = time.monotonic() - started
            if any(process.state in FAILING for process in states) and waited > PATIENCE_SECONDS:
                break
            time.sleep(0.1)
        failed = [process.name for process in self.supervisor.states() if process.state != "RUNNING"]
        self._fail_start(failed or ["web", "edge"])

    def _fail_start(self, failed: list[str]) -> NoReturn:
        show(open_logs(self.checkout.logs, failed, last_lines=SHOWN_LINES))
        raise UnusableSetup(f"{' and '.join(failed)} did not start: the lines above are the end of what was logged.")


def _check_answers(variable: str, url: str) -> None:
    """A wrong address would else show itself in the middle of a traceback."""
    address = urlsplit(url)
    port = address.port or {"redis": 6379, "rediss": 6379}.get(address.scheme, 5432)
    if address.hostname and not answers(port, host=address.hostname):
        raise UnusableSetup(
            f"Nothing answers at {address.hostname}:{port}: start that server, mend {variable}, "
            f"or unset it to use the embedded one."
        )
