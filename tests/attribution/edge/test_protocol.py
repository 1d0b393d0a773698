"""HTTP between visitors and the edge: what a connection may bring, and what its visitors get back."""

import asyncio
import http.client
import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest
from uvicorn import Config, Server

from attribution.edge import protocol
from attribution.edge.app import ClickEdge
from attribution.models import Click
from tests.attribution.edge.serving import configuration_in
from tests.faults.harness import wait_until
from tests.world import make_campaign, make_link, make_offer

CLICK = b"GET /c/spring?sub_id_1=%d HTTP/1.1\r\nHost: go.example\r\nUser-Agent: Mozilla/5.0 Firefox/126.0\r\n%b\r\n"
_CLICK_ID = re.compile(r"cid=([0-9a-f]{32})")


class HttpAnswer(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    text: str


class HttpEdge:
    """An edge behind its own protocol, in a thread."""

    def __init__(self, configuration) -> None:
        self.application = ClickEdge(lambda: configuration)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = Config(
            self.application, http=protocol.ClickProtocol, ws="none", lifespan="on", interface="asgi3",
            proxy_headers=False, server_header=False, access_log=False, log_config=None,
        )  # fmt: skip
        self.server = Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([listener],), daemon=True)
        self._thread.start()
        assert wait_until(lambda: self.server.started)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, request: bytes, *, methods: str = "GET") -> tuple[list[HttpAnswer], bool]:
        """Send bytes and read an answer for each method; say whether the connection is still open."""
        with self.connect() as connection:
            connection.sendall(request)
            answers = [read_answer(connection, method) for method in methods.split()]
            return answers, is_open(connection)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(timeout=10)


def read_answer(connection: socket.socket, method: str = "GET") -> HttpAnswer:
    """Read one answer and nothing of the next: byte by byte up to the end of its head."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
        head += byte
    length = re.search(rb"content-length: (\d+)", head)
    body, wanted = b"", int(length[1]) if length and method != "HEAD" else 0
    while len(body) < wanted and (more := connection.recv(wanted - len(body))):
        body += more
    response = http.client.HTTPResponse(cast(socket.socket, _Read(head + body)), method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(response.status, response.reason, headers, response.read().decode())


class _Read:
    """Bytes that were read, as a response asks a socket for them."""

    def __init__(self, read: bytes) -> None:
        self._read = read

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._read)


def is_open(connection: socket.socket) -> bool:
    """Say whether the other side keeps the connection; what it still sends is nothing that was asked for."""
    connection.settimeout(0.2)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def click_id(answer: HttpAnswer) -> str:
    [found] = _CLICK_ID.findall(answer.headers["location"])
    return str(found)


def wait_for_connections(edge: HttpEdge) -> list[Any]:
    assert wait_until(lambda: bool(edge.server.server_state.connections))
    return list(edge.server.server_state.connections)


def stored_ids() -> set[str]:
    return {pk.hex for pk in Click.objects.values_list("pk", flat=True)}


@pytest.fixture
def edge(days, tmp_path) -> Iterator[HttpEdge]:
    make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/?cid={click_id}")))
    make_link(code="paused", campaign=make_campaign(status="paused"))
    served = HttpEdge(configuration_in(tmp_path))
    yield served
    served.stop()


def test_click_is_answered_by_the_protocol_itself(edge, monkeypatch):
    monkeypatch.setattr(ClickEdge, "__call__", None)

    [answer], stays = edge.say(CLICK % (1, b""))

    headers = dict(answer.headers)
    location = headers.pop("location")
    assert (answer.status, answer.reason, answer.text, stays) == (302, "Found", "", True)
    assert headers.pop("date").endswith(" GMT")
    assert headers == {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "accept-ch": "Sec-CH-UA-Model, Sec-CH-UA-Platform-Version, ECT, RTT, Downlink",
        "content-length": "0",
    }
    assert location.startswith("https://casino.example/?cid=")
    assert stored_ids() == {click_id(answer)}


def test_answer_waits_until_the_click_is_stored(edge):
    held = threading.Event()
    copy = edge.application.edge.store._copy

    async def slow_copy(table, lines):
        await asyncio.to_thread(held.wait)
        return await copy(table, lines)

    edge.application.edge.store._copy = slow_copy
    with edge.connect() as connection:
        connection.sendall(CLICK % (1, b""))
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert stored_ids() == set()

        held.set()
        connection.settimeout(10)
        answer = read_answer(connection)

    assert stored_ids() == {click_id(answer)}


def test_one_connection_serves_one_click_after_another(edge):
    with edge.connect() as connection:
        seen = []
        for number in range(5):
            connection.sendall(CLICK % (number, b""))
            seen.append(click_id(read_answer(connection)))

    assert len(set(seen)) == 5
    assert stored_ids() == set(seen)


def test_requests_sent_ahead_are_answered_in_their_order(edge):
    answers, stays = edge.say(
        CLICK % (1, b"")
        + b"GET /healthz HTTP/1.1\r\nHost: go.example\r\n\r\n"
        + CLICK % (2, b"")
        + CLICK % (3, b"")
        + b"GET /c/nothing HTTP/1.1\r\nHost: go.example\r\n\r\n",
        methods="GET GET GET GET GET",
    )

    assert [answer.status for answer in answers] == [302, 200, 302, 302, 404]
    assert stays
    ids = [click_id(answers[number]) for number in (0, 2, 3)]
    assert list(
        Click.objects.filter(pk__in=ids).order_by("sub_id_1").values_list("sub_id_1", "pk")
    ) == [(str(number), Click.objects.get(pk=pk).pk) for number, pk in zip((1, 2, 3), ids, strict=True)]  # fmt: skip
    assert stored_ids() == set(ids)


def test_request_in_pieces_is_one_click(edge):
    request = CLICK % (1, b"Referer: https://l.facebook.com/\r\n")
    with edge.connect() as connection:
        for first in range(0, len(request), 7):
            connection.sendall(request[first : first + 7])
            time.sleep(0.001)  # so that pieces arrive apart
        answer = read_answer(connection)

    assert answer.status == 302
    assert Click.objects.values_list("sub_id_1", "referrer_host", "kind").get() == ("1", "l.facebook.com", "click")


@pytest.mark.parametrize(
    ("request_bytes", "status", "stays", "clicks"),
    [
        (CLICK % (1, b"Connection: close\r\n"), 302, False, 1),
        (CLICK.replace(b"HTTP/1.1", b"HTTP/1.0") % (1, b""), 302, False, 1),
        (CLICK % (1, b"Content-Length: 4\r\n") + b"body", 302, True, 1),
        (CLICK % (1, b"Expect: 100-continue\r\nContent-Length: 0\r\n"), 302, True, 1),
        (CLICK % (1, b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), 302, True, 1),
        (CLICK.replace(b"GET", b"POST") % (1, b"Content-Length: 0\r\n"), 405, True, 0),
        (CLICK.replace(b"spring", b"paused") % (1, b""), 200, True, 1),
        (CLICK.replace(b"spring", b"nothing") % (1, b""), 404, True, 0),
        (CLICK.replace(b"%d", b"%d#part") % (1, b""), 302, True, 1),
        (b"GET http://go.example/c/spring HTTP/1.1\r\nHost: go.example\r\n\r\n", 302, True, 1),
        (b"GET /c/spring HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, False, 0),
        (b"BREW /c/spring HTTP/1.1\r\nHost: go.example\r\n\r\n", 400, False, 0),
    ],
)  # fmt: skip
def test_unusual_request_is_answered_as_http_says(edge, request_bytes, status, stays, clicks):
    [answer], is_kept = edge.say(request_bytes)

    assert (answer.status, is_kept, Click.objects.count()) == (status, stays, clicks)


def test_head_is_a_preview_without_a_body(edge):
    [answer], stays = edge.say(CLICK.replace(b"GET", b"HEAD") % (1, b""), methods="HEAD")

    assert (answer.status, answer.text, stays) == (302, "", True)
    assert Click.objects.get().kind == "preview"


def test_page_has_the_same_headers_from_the_protocol_as_from_the_application(edge):
    [by_protocol], _ = edge.say(CLICK.replace(b"spring", b"paused") % (1, b""))
    [by_application], _ = edge.say(CLICK.replace(b"spring", b"paused") % (2, b"Content-Length: 0\r\n"))

    def shown(answer):
        return answer.status, answer.headers | {"date": ""}, answer.text

    assert shown(by_protocol) == shown(by_application)


def test_head_without_an_end_is_refused(edge):
    with edge.connect() as connection:
        lines = [b"X-%d: %b\r\n" % (number, b"a" * 4_000) for number in range(20)]
        connection.sendall(b"GET /c/spring HTTP/1.1\r\n" + b"".join(lines))
        answer = read_answer(connection)

        assert answer.status == 431
        connection.settimeout(10)
        assert connection.recv(1) == b""
    assert Click.objects.count() == 0


def test_head_that_takes_too_long_ends_the_connection(edge, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "CHECK_SECONDS", 0.05)
    with edge.connect() as connection:
        connection.sendall(b"GET /c/spring HTTP/1.1\r\n")

        assert connection.recv(1) == b""


def test_connection_without_requests_ends(edge, monkeypatch):
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "CHECK_SECONDS", 0.05)
    with edge.connect() as connection:
        connection.sendall(CLICK % (1, b""))
        read_answer(connection)

        assert connection.recv(1) == b""


def test_visitor_who_leaves_before_his_answer_is_stored_and_harms_nobody(edge):
    for number in range(20):
        with edge.connect() as connection:
            connection.sendall(CLICK % (number, b""))
    [answer], _ = edge.say(CLICK % (99, b""))

    assert answer.status == 302
    assert wait_until(lambda: Click.objects.count() == 21)


def test_stopping_answers_the_click_that_waits(edge):
    held = threading.Event()
    copy = edge.application.edge.store._copy

    async def slow_copy(table, lines):
        await asyncio.to_thread(held.wait)
        return await copy(table, lines)

    edge.application.edge.store._copy = slow_copy
    with edge.connect() as connection:
        connection.sendall(CLICK % (1, b""))
        assert wait_until(
            lambda: edge.application.edge.store._waiting == [] and bool(edge.server.server_state.connections)
        )
        edge.server.should_exit = True
        time.sleep(0.3)  # the server asks its connections to end
        held.set()

        answer = read_answer(connection)

        assert (answer.status, answer.headers["connection"]) == (302, "close")
        assert not is_open(connection)
    assert stored_ids() == {click_id(answer)}


def test_request_on_its_way_when_the_server_stops_is_the_last_that_is_answered(edge):
    with edge.connect() as connection:
        connection.sendall(CLICK % (1, b""))
        read_answer(connection)
        [served] = wait_for_connections(edge)
        edge.server.should_exit = True
        assert wait_until(lambda: served._is_ending)
        connection.sendall(CLICK % (2, b""))

        answer = read_answer(connection)

        assert (answer.status, answer.headers["connection"]) == (302, "close")
        assert not is_open(connection)
    assert Click.objects.count() == 2
