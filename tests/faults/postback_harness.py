"""A whole tracker whose worker and Redis may be killed, a casino that never gives up, and what its receivers heard."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg

from bench.common import ROOT, environment_of, run_python
from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.ports import LOOPBACK, choose_free_port
from deploy.supervision import read_procfile
from tests.faults.harness import wait_until
from tests.outside.casino import Deposit, signature_headers
from tests.outside.receivers import Receiver

_SMALLEST_CENTS = 5000
_DATABASE = "postback_faults"
_PATIENCE_SECONDS = 30.0
_RETRY_SECONDS = 0.1
_CONNECTIONS = 8


class Process:
    """One of the Procfile's programs, in a process group of its own."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        [program] = [program for program in read_procfile(ROOT / "Procfile") if program.name == name]
        self._command = ["/bin/sh", "-c", f"exec {program.command[-1]}"]
        self._environment = dict(environment)
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def revive(self) -> None:
        """Start it again if it ended by itself, as the supervisor does: Celery may when it loses Redis."""
        if self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """End it and all that it started as a crash of the machine would."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=_PATIENCE_SECONDS)


class PostbackTracker:
    """Postgres, Redis, web, worker and beat, with players of the demo's campaigns, and a receiver for all of them."""

    def __init__(self, stack: ExitStack, home: Path, *, players: int) -> None:
        self.postgres, self.valkey = EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")
        for server in (self.postgres, self.valkey):
            stack.callback(server.remove)
            server.start()
        self.postgres.create_database(_DATABASE)
        self.receiver = stack.enter_context(Receiver())
        self.web_port = choose_free_port()
        environment = environment_of(self.postgres.url(_DATABASE), home / "var") | {
            "REDIS_URL": self.valkey.url(),
            "WEB_PORT": str(self.web_port),
            "EGRESS_ALLOWED_ADDRESSES": "127.0.0.0/8",
            "PATH": f"{sys.prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
        }
        (home / "var").mkdir(exist_ok=True)
        for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--no-input", "--verbosity", "0"]):
            run_python(["manage.py", *command], environment)
        told = json.loads(run_python(["-m", "bench.common_players", str(players), self.receiver.url], environment))
        self.secret: str = told["secret"]
        self.players: list[str] = told["players"]
        with psycopg.connect(self.postgres.url(_DATABASE), autocommit=True) as connection:
            connection.execute("UPDATE destinations SET is_active = kind = 'generic' AND name = 'S2S'")
            template = f"{self.receiver.url}/s2s?amount={{amount}}&transaction_id={{transaction_id}}"
            connection.execute("UPDATE destinations SET url_template = %s WHERE is_active", [template])
        self.processes = {name: Process(name, environment, home / f"{name}.log") for name in ("web", "worker", "beat")}
        for process in self.processes.values():
            stack.callback(process.kill)
        assert wait_until(self._answers, seconds=90), (home / "web.log").read_text()[-2000:]

    def kill_worker(self) -> None:
        self.processes["worker"].kill()
        self.processes["worker"].start()

    def kill_redis(self) -> None:
        self.valkey.kill()
        self.valkey.start()

    def kill_both(self) -> None:
        self.processes["worker"].kill()
        self.kill_redis()
        self.processes["worker"].start()

    def states(self) -> dict[str, int]:
        """Return how many postbacks there are in each state."""
        with psycopg.connect(self.postgres.url(_DATABASE), autocommit=True) as connection:
            return dict(connection.execute("SELECT state, count(*) FROM postbacks GROUP BY state").fetchall())

    def has_told(self, deposits: int) -> bool:
        for process in self.processes.values():
            process.revive()
        return self.states() == {"done": deposits}

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection(LOOPBACK, self.web_port, timeout=5)
            connection.request("POST", "/webhooks/nobody/deposit", b"{}", {"content-type": "application/json"})
            return connection.getresponse().status == 404
        except OSError:
            return False


@dataclass
class Reported:
    """The deposits that the tracker acknowledged, by number, and answers that were no acknowledgement."""

    numbers: list[int] = field(default_factory=list)
    other_answers: list[int] = field(default_factory=list)
    unanswered: int = 0


class Casino:
    """Reports one deposit of each player in turn, at a rate, each until it is acknowledged."""

    def __init__(self, tracker: PostbackTracker, *, rate: float) -> None:
        self._tracker = tracker
        self._pause_seconds = _CONNECTIONS / rate
        self._has_ended = threading.Event()
        self.reported = Reported()
        self._threads = [threading.Thread(target=self._report, args=(number,)) for number in range(_CONNECTIONS)]

    def __enter__(self) -> Reported:
        for thread in self._threads:
            thread.start()
        return self.reported

    def __exit__(self, *error: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join()

    def _report(self, first: int) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self._tracker.web_port, timeout=30)
        for number in range(first, len(self._tracker.players), _CONNECTIONS):
            if self._has_ended.wait(self._pause_seconds):
                break
            self._deposit(connection, number)
        connection.close()

    def _deposit(self, connection: http.client.HTTPConnection, number: int) -> None:
        player_id = self._tracker.players[number]
        deposit = Deposit(
            event_id=f"event-{number}",
            transaction_id=f"transaction-{number}",
            status="confirmed",
            occurred_at=datetime.now(UTC),
            player_id=player_id,
            amount=amount_of(number),
        )
        body = json.dumps(deposit.payload()).encode()
        while True:
            headers = signature_headers(self._tracker.secret, f"m-{number}", int(time.time()), body)
            try:
                connection.request(
                    "POST", "/webhooks/gaming/deposit", body, {"content-type": "application/json", **headers}
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self.reported.unanswered += 1
                connection.close()
                time.sleep(_RETRY_SECONDS)
                continue
            if answer.status in (200, 201):
                self.reported.numbers.append(number)
                return
            self.reported.other_answers.append(answer.status)
            time.sleep(_RETRY_SECONDS)


def amount_of(number: int) -> Decimal:
    """Return an amount that no other deposit has: it is known by it."""
    return Decimal(_SMALLEST_CENTS + number).scaleb(-2)


def ids_by_deposit(tracker: PostbackTracker) -> dict[int, list[str]]:
    """Return under which ids each deposit was told, every time that the receiver took it."""
    found: dict[int, list[str]] = defaultdict(list)
    for request in tracker.receiver.requests():
        if request.status == 200:
            number = int(Decimal(request.query["amount"]).scaleb(2)) - _SMALLEST_CENTS
            found[number].append(request.query["transaction_id"])
    return found
