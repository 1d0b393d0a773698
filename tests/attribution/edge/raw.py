"""Requests byte for byte over a real connection, and what came back."""

import http.client
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deploy.ports import LOOPBACK

_TIMEOUT_SECONDS = 20
_CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """A whole answer; `status` is 0 where the connection was closed without one."""

    status: int
    location: str = ""
    body: bytes = b""


def ask_all(port: int, requests: Sequence[bytes]) -> list[RawAnswer]:
    """Return the answers to all requests in their order; several are under way at once."""
    answers = [RawAnswer(status=0)] * len(requests)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        shares = [range(first, len(requests), _CONNECTIONS) for first in range(_CONNECTIONS)]
        asked = [pool.submit(_ask_in_turn, port, [requests[number] for number in share]) for share in shares]
        for share, done in zip(shares, asked, strict=True):
            for number, answer in zip(share, done.result(), strict=True):
                answers[number] = answer
    return answers


def _ask_in_turn(port: int, requests: Sequence[bytes]) -> list[RawAnswer]:
    """Send each request once the last was answered, on one connection for as long as the server keeps it."""
    answers, connection = list[RawAnswer](), _connect(port)
    for request in requests:
        answer, is_kept = _ask(connection, request)
        if not is_kept:
            connection.close()
            connection = _connect(port)
        answers.append(answer)
    connection.close()
    return answers


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _ask(connection: socket.socket, request: bytes) -> tuple[RawAnswer, bool]:
    try:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method="HEAD" if request.startswith(b"HEAD ") else "GET")
        response.begin()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return RawAnswer(status=0), False
    answer = RawAnswer(status=response.status, location=response.headers.get("location", ""), body=body)
    return answer, not response.will_close
