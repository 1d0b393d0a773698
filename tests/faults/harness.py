"""A tracker's Postgres and edge that may be killed, and visitors who write down every answer that they got."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench.common import ROOT, environment_of, process_tree, run_python
from deploy.embedded import EmbeddedPostgres
from deploy.ports import LOOPBACK, choose_free_port

_DATABASE = "faults"
_PATIENCE_SECONDS = 20.0
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


def wait_until(is_so: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Store:
    """A Postgres of its own with the tracker's tables and one link, `bench000`."""

    def __init__(self, home: Path) -> None:
        self.var = home / "var"
        self.postgres = EmbeddedPostgres(home / "postgres")
        self.postgres.start()
        self.postgres.create_database(_DATABASE)
        self.environment = environment_of(self.postgres.url(_DATABASE), self.var)
        run_python(["manage.py", "migrate"], self.environment)
        run_python(["manage.py", "ensure_click_partitions"], self.environment)
        run_python(["-m", "bench.common_routes", "1"], self.environment)

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

    def visits_stored_twice(self) -> list[str]:
        """Return the visits, each numbered by its visitor, that became more than one click."""
        rows = self._execute("SELECT sub_id_1 FROM clicks GROUP BY sub_id_1 HAVING count(*) > 1")
        return [row[0] for row in rows]

    def clicks_set_aside(self) -> int:
        return len(self._execute("SELECT id FROM set_aside_clicks"))

    def _execute(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url(_DATABASE), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


class EdgeProcess:
    """A real edge under granian, with a process group of its own."""

    def __init__(self, store: Store) -> None:
        self._environment = store.environment
        self._spool = store.var / "edge" / "spool"
        self.port = choose_free_port()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(self.port), "--no-log"]
        self._process = subprocess.Popen(
            [*command, "attribution.edge.app:application"], cwd=ROOT, env=self._environment, start_new_session=True
        )
        assert wait_until(self._answers), "the edge did not start"

    def kill(self) -> None:
        """End it as a crash of the machine would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE_SECONDS)

    def has_drained(self) -> bool:
        return not list(self._spool.glob("*"))

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
        self._process.wait(timeout=_PATIENCE_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass
class Journal:
    """What visitors saw: ids of clicks that they were sent on with, other answers, and requests without one."""

    click_ids: list[str] = field(default_factory=list)
    other_answers: list[int] = field(default_factory=list)
    unanswered: int = 0
    slowest_seconds: float = 0.0


class Visitors:
    """Several visitors at once, at a bounded rate, each with a connection that is opened anew when it breaks."""

    def __init__(self, port: int, *, visitors: int = 12, pause_seconds: float = 0.03) -> None:
        self._port = port
        self._pause_seconds = pause_seconds
        self._has_ended = threading.Event()
        self.journal = Journal()
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(visitors)]

    def __enter__(self) -> Journal:
        for thread in self._threads:
            thread.start()
        return self.journal

    def __exit__(self, *error: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        connection = self._connect()
        count = 0
        while not self._has_ended.wait(self._pause_seconds):
            count += 1
            try:
                self._click(connection, f"{number}-{count}")
            except (OSError, http.client.HTTPException):
                self.journal.unanswered += 1
                connection.close()
                connection = self._connect()
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=10)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connection.close()
        return connection

    def _click(self, connection: http.client.HTTPConnection, visit: str) -> None:
        began = time.monotonic()
        connection.request("GET", f"/c/bench000?sub_id_1={visit}", headers={"User-Agent": USER_AGENT})
        answer = connection.getresponse()
        answer.read()
        self.journal.slowest_seconds = max(self.journal.slowest_seconds, time.monotonic() - began)
        if answer.status == 302:
            [click_id] = parse_qs(urlsplit(answer.headers["Location"]).query)["cid"]
            self.journal.click_ids.append(click_id[:32])
        else:
            self.journal.other_answers.append(answer.status)
