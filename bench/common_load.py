"""A load of HTTP requests from one process over kept-alive connections, each sent when the last was answered."""

import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.ports import LOOPBACK

_PATIENCE_SECONDS = 5.0


@dataclass(kw_only=True)
class Load:
    """What came of a load: the time it took, and how long each answer with the wanted status took."""

    seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.latencies)

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

    def __add__(self, other: "Load") -> "Load":
        return Load(
            seconds=self.seconds + other.seconds,
            failed=self.failed + other.failed,
            latencies=self.latencies + other.latencies,
        )


def send_load(port: int, requests: Iterator[bytes], *, seconds: float, connections: int, status: int) -> Load:
    """Keep all connections busy for a time, then wait for the last answers. Answers must have no body."""
    load, wanted = Load(), f"HTTP/1.1 {status}".encode()
    poll = select.epoll()
    sockets = {}
    for _ in range(connections):
        connection = socket.create_connection((LOOPBACK, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    sent_at: dict[int, float] = {}
    received = dict.fromkeys(sockets, b"")
    started_at = time.perf_counter()
    ends_at = started_at + seconds
    for descriptor, connection in sockets.items():
        sent_at[descriptor] = time.perf_counter()
        connection.sendall(next(requests))
    while sent_at and time.perf_counter() < ends_at + _PATIENCE_SECONDS:
        for descriptor, _ in poll.poll(0.5):
            answer = sockets[descriptor].recv(65536)
            received[descriptor] += answer
            if answer and not received[descriptor].endswith(b"\r\n\r\n"):
                continue
            now = time.perf_counter()
            if received[descriptor].startswith(wanted):
                load.latencies.append(now - sent_at[descriptor])
            else:
                load.failed += 1
            received[descriptor] = b""
            if answer and now < ends_at:
                sent_at[descriptor] = now
                sockets[descriptor].sendall(next(requests))
            else:
                del sent_at[descriptor]
                poll.unregister(descriptor)
    load.failed += len(sent_at)
    load.seconds = time.perf_counter() - started_at
    for connection in sockets.values():
        connection.close()
    return load
