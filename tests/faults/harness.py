"""A tracker's Postgres and edge that may be killed, and visitors who write down every answer that they got."""

import http.client
import json
import os
import resource
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import parse_qs, urlsplit

import psycopg

from attribution.edge.rows import CLICKS
from attribution.edge.spool import header_of
from bench.common import ROOT, process_tree
from bench.common_edge import edge_command, edge_workers, prepare_tracker
from deploy.embedded import EmbeddedPostgres
from deploy.ports import LOOPBACK, choose_free_port

_DATABASE = "faults"
_PATIENCE_SECONDS = 30.0
_LISTENING = "0A"
_AGENT = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
_HEADERS = {"User-Agent": _AGENT, "Referer": "https://l.facebook.com/", "Accept-Language": "en"}
_RETRY_SECONDS = 0.05
_MOST_ATTEMPTS = 200


def wait_until(is_so: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Store:
    """A Postgres of its own with the tracker's tables and one link, `bench000`."""

    def __init__(self, home: Path) -> None:
        self.postgres = EmbeddedPostgres(home / "postgres")
        self.postgres.start()
        self.postgres.create_database(_DATABASE)
        self.environment, _ = prepare_tracker(self.postgres.url(_DATABASE), home / "var", links=1)

    def empty(self) -> None:
        self._execute("TRUNCATE clicks, set_aside_clicks")

    def freeze(self) -> list[int]:
        """Stop every process of Postgres where it stands; return them for `thaw`."""
        assert self.postgres.pid is not None
        processes = process_tree(self.postgres.pid)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        return processes

    def thaw(self, processes: list[int]) -> None:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)

    def click_ids(self) -> set[str]:
        return {row[0].hex for row in self._execute("SELECT id FROM clicks")}

    def attempts_stored_twice(self) -> list[str]:
        """Return the attempts, each numbered by its visitor, that became more than one click."""
        rows = self._execute("SELECT sub_id_1 FROM clicks GROUP BY sub_id_1 HAVING count(*) > 1")
        return [row[0] for row in rows]

    def clicks_set_aside(self) -> list[str]:
        return [row[0] for row in self._execute("SELECT reason FROM set_aside_clicks")]

    def _execute(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url(_DATABASE), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


class EdgeProcess:
    """A real edge as the Procfile runs it, with a process group of its own."""

    def __init__(self, environment: Mapping[str, str], *, workers: int = 2) -> None:
        self._environment = environment
        self._workers = workers
        self.port = choose_free_port()
        self.spool = Path(environment["VAR_DIR"]) / "edge" / "spool"
        self.start()

    def start(self) -> None:
        """Return once every worker takes connections."""
        command = edge_command(port=self.port, workers=self._workers)
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, start_new_session=True)
        assert self.is_whole(), "the edge did not start"

    def kill(self) -> None:
        """End it as a crash of the machine would."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=_PATIENCE_SECONDS)

    def kill_worker(self) -> None:
        """End the one that serves for longest; the other goes on."""
        os.kill(edge_workers(self._process.pid)[0], signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE_SECONDS)

    def replace_workers(self) -> None:
        """Have every worker replaced by a new one, one after the other; return once the last old one has ended."""
        old = set(edge_workers(self._process.pid))
        self._process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: not old & set(edge_workers(self._process.pid))), "workers were not replaced"
        assert self.is_whole()

    def is_whole(self) -> bool:
        """Say whether every worker takes connections, soon or now."""
        return wait_until(lambda: _listeners(self.port) == self._workers)

    def has_drained(self) -> bool:
        return not list(self.spool.glob("*.spool"))

    def fill_disk(self) -> None:
        """Let no file of its processes grow longer than a spool's first line and a half: clicks are torn."""
        self._limit_files(len(header_of(CLICKS)) + 100)

    def empty_disk(self) -> None:
        self._limit_files(resource.RLIM_INFINITY)

    def health(self) -> dict[str, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            health: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return health

    def _limit_files(self, size: int) -> None:
        for pid in edge_workers(self._process.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _listeners(port: int) -> int:
    """Return how many sockets take connections on the port: each worker has one, from when it can serve."""
    wanted = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[1].endswith(wanted) and fields[3] == _LISTENING for fields in lines)


@dataclass
class Journal:
    """What visitors saw: clicks that they were sent on with, other answers, and attempts without one.

    `broken_at` has the times of requests that were sent and never answered, `refused_at` those of connections that
    nobody took; `given_up` counts visitors who were never sent on, however often they tried.
    """

    click_ids: list[str] = field(default_factory=list)
    other_answers: list[int] = field(default_factory=list)
    broken_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    given_up: int = 0
    slowest_seconds: float = 0.0

    @property
    def unanswered(self) -> int:
        return len(self.broken_at) + len(self.refused_at)

    def unanswered_since(self, at: float) -> list[float]:
        return sorted(failed for failed in self.broken_at + self.refused_at if failed >= at)


class Visitors:
    """Visitors at a rate, each with a connection of its own that is opened anew when it breaks.

    Whoever is not answered tries again, as browsers do; each attempt has a number of its own.
    """

    def __init__(self, port: int, *, rate: float, visitors: int = 16) -> None:
        self._port = port
        self._pause_seconds = visitors / rate
        self._has_ended = threading.Event()
        self.journal = Journal()
        self._threads = [
            threading.Thread(target=self._visit, args=(number, number / rate)) for number in range(visitors)
        ]

    def __enter__(self) -> Journal:
        for thread in self._threads:
            thread.start()
        return self.journal

    def __exit__(self, *error: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int, offset_seconds: float) -> None:
        connection = _Connection(self._port)
        count, due_at = 0, time.monotonic() + offset_seconds
        while not self._has_ended.wait(max(0.0, due_at - time.monotonic())):
            count, due_at = count + 1, due_at + self._pause_seconds
            self._click(connection, f"{number}-{count}")
        connection.close()

    def _click(self, connection: "_Connection", visit: str) -> None:
        """Try until there is an answer."""
        began = time.monotonic()
        for attempt in range(_MOST_ATTEMPTS):
            try:
                status, location = connection.get(f"/c/bench000?sub_id_1={visit}-{attempt}&fbclid=IwAR0{visit}")
            except ConnectionRefusedError:
                self.journal.refused_at.append(time.monotonic())
                time.sleep(_RETRY_SECONDS)
            except (OSError, http.client.HTTPException):
                self.journal.broken_at.append(time.monotonic())
            else:
                self.journal.slowest_seconds = max(self.journal.slowest_seconds, time.monotonic() - began)
                self._note(status, location)
                return
        self.journal.given_up += 1

    def _note(self, status: int, location: str) -> None:
        if status == 302:
            [click_id] = parse_qs(urlsplit(location).query)["cid"]
            self.journal.click_ids.append(click_id[:32])
        else:
            self.journal.other_answers.append(status)


class _Connection:
    """A kept-alive connection; one that the server closed while nothing was asked is opened anew, as browsers do."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection(LOOPBACK, port, timeout=10)

    def get(self, target: str) -> tuple[int, str]:
        """Return the status and the Location. Raises `ConnectionRefusedError`, else `OSError` or `HTTPException`."""
        try:
            self._ensure_open()
            self._http.request("GET", target, headers=_HEADERS)
            answer = self._http.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return answer.status, answer.headers.get("Location", "")

    def close(self) -> None:
        self._http.close()

    def _ensure_open(self) -> None:
        if self._http.sock is not None and select.select([self._http.sock], [], [], 0)[0]:
            self.close()
        if self._http.sock is None:
            self._http.connect()
