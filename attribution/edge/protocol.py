"""HTTP for the edge: uvicorn's protocol, which answers a click itself instead of starting a task for it.

What is no plain click of a browser goes to the ASGI application as ever: HEAD, bodies, HTTP/1.0, requests that were
sent before the last was answered, links called in the background, unknown links, every other path.
"""

import asyncio
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from attribution.edge.app import REDIRECT_HEADERS, ClickEdge
from attribution.edge.edge import Answer
from attribution.edge.pages import page_of

# How much a request's head may hold, and how long it may take to arrive.
MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0
# How long a connection waits for its next request: longer than the proxy before it keeps one.
IDLE_SECONDS = 75.0
CHECK_SECONDS = 5.0
# How long a connection that ends is still listened to: something may be on its way.
LINGER_SECONDS = 0.3
_LINK = b"/c/"
_NOT_PLAIN = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade"))
_FOUND = b"HTTP/1.1 302 Found\r\n" + b"".join(b"%b: %b\r\n" % header for header in REDIRECT_HEADERS)
_CLOSE = b"connection: close\r\n"
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _NoEvent:
    """Stands where uvicorn keeps what wakes a request's reader: a click has no body to wait for."""

    def set(self) -> None: ...


class _ClickUnderWay:
    """The click that a connection waits for, as uvicorn looks at a request; one a connection, used again and again."""

    __slots__ = ("answer", "disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.answer: Answer
        self.disconnected = False
        self.keep_alive = True
        self.message_event = _NoEvent()
        self.response_complete = True


class ClickProtocol(HttpToolsProtocol):
    """One connection. A timer of its own looks after it every few seconds, so that no click needs one."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._application = cast(ClickEdge, self.app)
        self._click = _ClickUnderWay()
        self._click_as_cycle = cast(RequestResponseCycle, self._click)
        self._peer = ""
        self._named: dict[bytes, bytes] = {}
        self._heard_at = 0.0
        self._head_began_at: float | None = None
        self._head_bytes = 0
        self._check: asyncio.TimerHandle | None = None
        self._is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        self._heard_at = self.loop.time()
        self._check = self.loop.call_later(CHECK_SECONDS, self._look_after)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes > MOST_HEAD_BYTES:
            return  # refused: what still comes is nobody's
        self._heard_at = self.loop.time()
        super().data_received(data)
        if self._head_began_at is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.transport.write(_TOO_LONG)
                # To close while more comes in would reset the connection, and the answer would be lost.
                self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        self.url = b""
        self._named = {}
        self._head_began_at, self._head_bytes = self._heard_at, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        name, named = name.lower(), self._named
        named[name] = named[name] + b"," + value if name in named else value

    def on_headers_complete(self) -> None:
        self._head_began_at, self._head_bytes = None, 0
        if not self._takes_click():
            url = self.url
            super().on_message_begin()  # what the application reads, and a click needs nothing of
            self.url = url
            for name, value in self._named.items():
                super().on_header(name, value)
            super().on_headers_complete()
            if self._is_ending:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        if self.cycle is not self._click_as_cycle:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._heard_at = self.loop.time()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Let the next answer be the connection's last, and close it in a moment if nothing is asked."""
        self._is_ending = True
        if self._is_free():
            self.loop.call_later(LINGER_SECONDS, self._close_if_free)
        else:
            super().shutdown()

    def _is_free(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_free(self) -> None:
        if self._is_free():
            self.transport.close()

    def _takes_click(self) -> bool:
        """Take a plain click, to be answered once it is durable; False leaves the request to the application."""
        if not self.url.startswith(_LINK) or not self._is_free():
            return False
        path, _, query = self.url.partition(b"?")
        edge = self._application.edge
        route = edge.snapshot.routes.get(path[len(_LINK) :].decode("latin-1"))
        if route is None or route.campaign.tracks_in_parallel or b"#" in query:
            return False
        parser, headers = self.parser, self._named
        if (
            parser.get_method() != b"GET"
            or not parser.should_keep_alive()
            or parser.get_http_version() != "1.1"
            or not headers.keys().isdisjoint(_NOT_PLAIN)
        ):
            return False
        click = self._click
        line, milliseconds, click.answer = edge.decide_click(
            route, headers, query=query, peer=self._peer, is_head=False
        )
        click.response_complete, click.keep_alive = False, not self._is_ending
        self.cycle = self._click_as_cycle
        edge.store.take_then(line, milliseconds, self._answer_click)
        return True

    def _answer_click(self) -> None:
        click, transport = self._click, self.transport
        click.response_complete = True
        if transport.is_closing():
            return
        transport.write(self._written(click.answer, keep_alive=click.keep_alive))
        if not click.keep_alive:
            transport.close()
        elif self.pipeline:
            self.on_response_complete()

    def _written(self, answer: Answer, *, keep_alive: bool) -> bytes:
        location, outcome, cookie = answer
        common = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        if not keep_alive:
            common += _CLOSE
        if location is None:
            return _written_page(outcome, common)
        if cookie is not None:
            common += b"set-cookie: %b\r\n" % cookie
        return b"%b%blocation: %b\r\n\r\n" % (_FOUND, common, location.encode("ascii"))

    def _look_after(self) -> None:
        """Close a connection on which nothing happens any more, or whose request does not come to its end."""
        if self.transport.is_closing():
            return
        now = self.loop.time()
        is_slow = self._head_began_at is not None and now - self._head_began_at > HEAD_SECONDS
        if is_slow or (self._is_free() and now - self._heard_at > IDLE_SECONDS):
            self.transport.close()
        else:
            self._check = self.loop.call_later(CHECK_SECONDS, self._look_after)


def _written_page(outcome: str, common: bytes) -> bytes:
    page = page_of(outcome)
    headers = b"".join(b"%b: %b\r\n" % header for header in page.headers)
    head = b"%b%b%bcontent-length: %d\r\n\r\n" % (STATUS_LINE[page.status], headers, common, len(page.body))
    return head + page.body
