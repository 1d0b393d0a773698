"""A load of HTTP requests from one process over kept-alive connections: as fast as they are answered, or at a rate.

Requests are bytes that were made beforehand, answers are kept as they came and read afterwards: what a request costs
this side is mostly the kernel's.
"""

import random
import re
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.ports import LOOPBACK

_PATIENCE_SECONDS = 5.0
_LONGEST_ANSWER = 16_384
# How the answer that is wanted begins and ends.
REDIRECT = (b"HTTP/1.1 302", b"\r\n\r\n")
CREATED = (b"HTTP/1.1 201", b"}")
_CLICK_ID = re.compile(rb"\r\nlocation: [^\r]*[?&]cid=([0-9a-f]{32})", re.IGNORECASE)


@dataclass(kw_only=True)
class Load:
    """What came of a load: how long it took, each wanted answer that came and how long it was waited for.

    `cpu_seconds` is the processor time of the loading side; `failed` counts other answers and those that never came.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds

    @property
    def cpu_us(self) -> float:
        """What a request costs the loading side, in µs of processor time."""
        return self.cpu_seconds / self.answered * 1e6

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

    def click_ids(self) -> list[str]:
        """Return the key of the click that each redirect names, 32 hexadecimal characters."""
        found = [_CLICK_ID.search(redirect) for redirect in self.answers]
        return [match[1].decode() for match in found if match]

    def __add__(self, other: "Load") -> "Load":
        return Load(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            failed=self.failed + other.failed,
            latencies=self.latencies + other.latencies,
            answers=self.answers + other.answers,
        )


def send_load(
    port: int,
    requests: Iterator[bytes],
    *,
    seconds: float,
    connections: int,
    wanted: tuple[bytes, bytes] = REDIRECT,
) -> Load:
    """Send the next request of each connection when its last was answered, for a time or until there are no more."""
    load, sent_at = Load(), dict[int, float]()
    with _connected(port, connections) as sockets, select.epoll() as poll:
        started_at, cpu_before = time.perf_counter(), time.process_time()
        for descriptor, connection in sockets.items():
            poll.register(descriptor, select.EPOLLIN | select.EPOLLET)
            sent_at[descriptor] = time.perf_counter()
            connection.send(next(requests))
        ends_at = started_at + seconds
        while sent_at and time.perf_counter() < ends_at + _PATIENCE_SECONDS:
            for descriptor, _ in poll.poll(0.5):
                answer = _answer(sockets[descriptor], wanted)
                now = time.perf_counter()
                if not _is_kept(load, answer, now - sent_at[descriptor], wanted):
                    del sent_at[descriptor]
                    continue
                request = next(requests, b"") if now < ends_at else b""
                if request:
                    sent_at[descriptor] = now
                    sockets[descriptor].send(request)
                else:
                    del sent_at[descriptor]
        load.failed += len(sent_at)
        load.seconds, load.cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_before
    return load


def send_at_rate(
    port: int,
    requests: Iterator[bytes],
    *,
    rate: float,
    seconds: float,
    connections: int,
    wanted: tuple[bytes, bytes] = REDIRECT,
    seed: int = 1,
) -> Load:
    """Send requests when they are due, at random moments, answered or not.

    A latency counts from when its request was due: one that had to wait for a free connection waited.
    """
    chance, load, due_at = random.Random(seed), Load(), dict[int, float]()
    with _connected(port, connections) as sockets:
        idle, waiting = deque(sockets), deque[float]()
        started_at, cpu_before = time.perf_counter(), time.process_time()
        ends_at, next_due = started_at + seconds, started_at
        while next_due < ends_at or due_at or (waiting and idle):
            now = time.perf_counter()
            if now > ends_at + _PATIENCE_SECONDS:
                break
            while next_due <= min(now, ends_at):
                waiting.append(next_due)
                next_due += chance.expovariate(rate)
            while waiting and idle:
                descriptor = idle.popleft()
                due_at[descriptor] = waiting.popleft()
                sockets[descriptor].send(next(requests))
            pause = next_due - time.perf_counter() if next_due < ends_at else 0.5
            readable, _, _ = select.select(list(due_at), [], [], max(0.0, pause))
            for descriptor in readable:
                answer = _answer(sockets[descriptor], wanted)
                if _is_kept(load, answer, time.perf_counter() - due_at.pop(descriptor), wanted):
                    idle.append(descriptor)
        load.failed += len(due_at) + len(waiting)
        load.seconds, load.cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_before
    return load


def _answer(connection: socket.socket, wanted: tuple[bytes, bytes]) -> bytes:
    """Return an answer; the rest of one whose head came alone follows at once."""
    begins, ends = wanted
    answer = connection.recv(_LONGEST_ANSWER)
    while answer.startswith(begins) and not answer.endswith(ends):
        more = connection.recv(_LONGEST_ANSWER)
        if not more:
            break
        answer += more
    return answer


def _is_kept(load: Load, answer: bytes, latency: float, wanted: tuple[bytes, bytes]) -> bool:
    """Note an answer; say whether its connection can be used on."""
    begins, ends = wanted
    if answer.startswith(begins) and answer.endswith(ends):
        load.latencies.append(latency)
        load.answers.append(answer)
        return True
    load.failed += 1
    return False


@contextmanager
def _connected(port: int, connections: int) -> Iterator[dict[int, socket.socket]]:
    sockets = {}
    for _ in range(connections):
        connection = socket.create_connection((LOOPBACK, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = connection
    try:
        yield sockets
    finally:
        for connection in sockets.values():
            connection.close()
