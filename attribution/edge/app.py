"""The click edge as its server calls it: ASGI in, one answer out."""

import json
import logging.config
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import structlog
from django.conf import settings

from attribution.edge.configuration import EdgeConfiguration, configuration_from
from attribution.edge.edge import Edge
from attribution.edge.page_endpoints import PageEndpoints
from attribution.edge.pages import NOT_ALLOWED, NOT_FOUND, UNKNOWN_LINK, Page, page_of
from attribution.edge.routing import NoSnapshot
from attribution.edge.visitor import ASKED_HINTS, Headers, named_headers

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_READING = frozenset(("GET", "HEAD"))
_NO_STORE = (b"cache-control", b"no-store")
# What a visitor came from stays between us and the source.
_NO_REFERRER = (b"referrer-policy", b"no-referrer")
REDIRECT_HEADERS = (_NO_STORE, _NO_REFERRER, (b"accept-ch", ASKED_HINTS), (b"content-length", b"0"))
_FETCHED = frozenset(("/favicon.ico", "/robots.txt", "/sitemap.xml", "/ads.txt", "/app-ads.txt"))
_FETCHED_UNDER = ("/.well-known/", "/apple-touch-icon")
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
_BODILESS = frozenset((204, 304))
_EMPTY: Message = {"type": "http.response.body", "body": b""}


class ClickEdge:
    """The ASGI callable. Its edge is opened and closed by the lifespan, in the loop that serves."""

    def __init__(self, configure: Callable[[], EdgeConfiguration]) -> None:
        self._configure = configure
        self.edge: Edge
        self._pages: PageEndpoints

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/c/") and scope["method"] in _READING:
                await self._answer_link(scope, path[3:], named_headers(scope["headers"]), send)
            else:
                await self._answer_other(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _answer_other(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if (page := await self._pages.answer(scope, receive)) is not None:
            await _send_page(send, page, is_head=method == "HEAD")
        elif method == "POST" and path.startswith("/c/") and self._is_beacon(path[3:]):
            await self._answer_link(scope, path[3:], named_headers(scope["headers"]), send)
        elif method not in _READING:
            await _send_page(send, NOT_ALLOWED)
        elif path == "/healthz":
            body = b"" if method == "HEAD" else json.dumps(self.edge.health()).encode()
            await _send_page(send, Page(200, [(b"content-type", b"application/json"), _NO_STORE], body))
        else:
            await self._answer_domain(scope, named_headers(scope["headers"]), send)

    def _is_beacon(self, code: str) -> bool:
        """Say whether browsers call a link in the background: they may post to it."""
        route = self.edge.snapshot.routes.get(code)
        return route is not None and route.campaign.tracks_in_parallel

    async def _answer_link(self, scope: Message, code: str, headers: Headers, send: Send) -> None:
        is_head = scope["method"] == "HEAD"
        route = self.edge.snapshot.routes.get(code)
        if route is None:
            await _send_page(send, UNKNOWN_LINK, is_head=is_head)
            return
        location, outcome, cookie = await self.edge.click(
            route,
            headers,
            query=scope["query_string"],
            peer=scope["client"][0] if scope["client"] else "",
            is_head=is_head,
        )
        if location is None:
            await _send_page(send, page_of(outcome), is_head=is_head)
            return
        answer = [(b"location", location.encode("ascii")), *REDIRECT_HEADERS]
        if cookie is not None:
            answer.append((b"set-cookie", cookie))
        await _send_redirect(send, answer)

    async def _answer_domain(self, scope: Message, headers: Headers, send: Send) -> None:
        """Answer the root, and paths that are nothing, as the host's row says."""
        is_head = scope["method"] == "HEAD"
        domain = self.edge.snapshot.domains.get(_host(headers))
        if domain is None:
            await _send_page(send, NOT_FOUND, is_head=is_head)
        elif domain.root_code is not None and (
            scope["path"] == "/" or (domain.unknown_path == "root" and not _comes_unasked(scope["path"], headers))
        ):
            await self._answer_link(scope, domain.root_code, headers, send)
        elif domain.unknown_path == "redirect":
            location = quote(domain.unknown_url, safe=_VISIBLE).encode("ascii")
            await _send_redirect(send, [(b"location", location), *REDIRECT_HEADERS])
        else:
            await _send_page(send, NOT_FOUND, is_head=is_head)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self.edge = Edge(self._configure())
            self._pages = PageEndpoints(self.edge)
            await self.edge.open()
        except NoSnapshot as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        except Exception as error:  # else it would be served without an edge
            log.exception("the edge could not start")
            await send({"type": "lifespan.startup.failed", "message": repr(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.edge.close()
        await send({"type": "lifespan.shutdown.complete"})


def _host(headers: Headers) -> str:
    """Return the host that the visitor asked for, in small letters and without its port and the DNS's last dot."""
    return (headers.get(b"host") or b"").partition(b":")[0].decode("latin-1").lower().rstrip(".")


def _comes_unasked(path: str, headers: Headers) -> bool:
    """Say whether a browser or crawler asks for a path by itself, so that it is nobody's click."""
    return path in _FETCHED or path.startswith(_FETCHED_UNDER) or headers.get(b"sec-fetch-dest") == b"image"


async def _send_page(send: Send, page: Page, *, is_head: bool = False) -> None:
    headers = page.headers
    if page.status not in _BODILESS:
        headers = [*headers, (b"content-length", b"%d" % len(page.body))]
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else page.body})


async def _send_redirect(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send(_EMPTY)


def _configuration_from_environment() -> EdgeConfiguration:
    logging.config.dictConfig(settings.LOGGING)
    return configuration_from(settings)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
application = ClickEdge(_configuration_from_environment)
