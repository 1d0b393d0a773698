"""The click edge as granian serves it: ASGI in, one answer out."""

import json
import logging.config
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from django.conf import settings

from attribution.edge.configuration import EdgeConfiguration, configuration_from
from attribution.edge.edge import Edge
from attribution.edge.pages import NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, UNKNOWN_LINK, Page
from attribution.edge.routing import NoSnapshot
from attribution.edge.visitor import read_headers

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")
# What a visitor came from stays between us and the source.
_NO_REFERRER = (b"referrer-policy", b"no-referrer")
_EMPTY: Message = {"type": "http.response.body", "body": b""}


class ClickEdge:
    """The ASGI callable. Its edge is opened and closed by the lifespan, in the loop that serves."""

    def __init__(self, configure: Callable[[], EdgeConfiguration]) -> None:
        self._configure = configure
        self._edge: Edge

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Message, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method not in ("GET", "HEAD"):
            await _send_page(send, NOT_ALLOWED)
        elif path.startswith("/c/"):
            await self._answer_click(scope, path[3:], method == "HEAD", send)
        elif path == "/healthz":
            body = b"" if method == "HEAD" else json.dumps(self._edge.health()).encode()
            await _send_page(send, Page(200, [(b"content-type", b"application/json"), _NO_STORE], body))
        else:
            await _send_page(send, NOT_FOUND, is_head=method == "HEAD")

    async def _answer_click(self, scope: Message, code: str, is_head: bool, send: Send) -> None:
        route = self._edge.find_route(code)
        if route is None:
            await _send_page(send, UNKNOWN_LINK, is_head=is_head)
            return
        location = await self._edge.click(
            route,
            headers=read_headers(scope["headers"]),
            query=scope["query_string"],
            peer=scope["client"][0] if scope["client"] else "",
            is_head=is_head,
        )
        if location is None:
            await _send_page(send, UNAVAILABLE, is_head=is_head)
            return
        headers = [(b"location", location.encode("ascii")), _NO_STORE, _NO_REFERRER]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send(_EMPTY)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._edge = Edge(self._configure())
            await self._edge.open()
        except NoSnapshot as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        except Exception as error:  # granian would serve on without an edge
            log.exception("the edge could not start")
            await send({"type": "lifespan.startup.failed", "message": repr(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._edge.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _send_page(send: Send, page: Page, *, is_head: bool = False) -> None:
    await send({"type": "http.response.start", "status": page.status, "headers": page.headers})
    await send({"type": "http.response.body", "body": b"" if is_head else page.body})


def _configuration_from_environment() -> EdgeConfiguration:
    logging.config.dictConfig(settings.LOGGING)
    return configuration_from(settings)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
application = ClickEdge(_configuration_from_environment)
