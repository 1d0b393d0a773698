"""The addresses that pages and advertisements use: `/t.js`, `/t`, `/go/…` and `/i/….gif`."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from attribution.edge.edge import Answer, Edge
from attribution.edge.impressions import PIXEL, impression_line
from attribution.edge.landings import Landings, Reply, Request
from attribution.edge.pages import NOT_ALLOWED, UNKNOWN_LINK, Page, page_of
from attribution.edge.reports import LARGEST_BODY
from attribution.edge.rows import IMPRESSIONS
from attribution.edge.script import SCRIPT
from attribution.edge.visitor import ASKED_HINTS, named_headers

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_BODY_SECONDS = 10.0
_NO_STORE = (b"cache-control", b"no-store")
_ANYWHERE = (b"access-control-allow-origin", b"*")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_FROM_ANYWHERE = (b"cross-origin-resource-policy", b"cross-origin")
_REDIRECT = [_NO_STORE, (b"referrer-policy", b"no-referrer"), (b"accept-ch", ASKED_HINTS)]
_TAG = b'"%b"' % hashlib.sha256(SCRIPT).hexdigest()[:16].encode()
# An hour as it is; for a day after that while a newer one is fetched, or none can be.
_SCRIPT_HEADERS = [
    (b"cache-control", b"public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"),
    (b"etag", _TAG),
    (b"vary", b"accept-encoding"),
    _ANYWHERE,
    _FROM_ANYWHERE,
]
_SCRIPT = Page(200, [(b"content-type", b"text/javascript; charset=utf-8"), _NO_SNIFF, *_SCRIPT_HEADERS], SCRIPT)
_SAME_SCRIPT = Page(304, _SCRIPT_HEADERS, b"")
_PIXEL_HEADERS = [(b"content-type", b"image/gif"), _NO_STORE, _NO_SNIFF, _FROM_ANYWHERE]
_PIXEL = Page(200, _PIXEL_HEADERS, PIXEL)
# An unknown code shows no broken picture either.
_PIXEL_OF_NOTHING = Page(404, _PIXEL_HEADERS, PIXEL)


class PageEndpoints:
    """Answers what is asked from pages; None for what is no address of theirs."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._landings = Landings(edge)

    async def answer(self, scope: Message, receive: Receive) -> Page | None:
        path, is_post = scope["path"], scope["method"] == "POST"
        if path == "/t":
            return await self._hear(scope, receive) if is_post else _not_posted()
        is_go = path == "/go" or path.startswith("/go/")
        is_pixel = path.startswith("/i/") and path.endswith(".gif")
        if not (is_go or is_pixel or path == "/t.js"):
            return None
        if scope["method"] not in ("GET", "HEAD"):
            return NOT_ALLOWED
        if is_go:
            return await self._go(path, _request(scope))
        if is_pixel:
            return self._show(path[3:-4], _request(scope))
        tags = named_headers(scope["headers"]).get(b"if-none-match") or b""
        return _SAME_SCRIPT if _TAG in tags else _SCRIPT

    async def _hear(self, scope: Message, receive: Receive) -> Page:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _read_body(receive)
        except TimeoutError:
            return _json(Reply(408, {"error": "The body did not come in time."}))
        if len(body) > LARGEST_BODY:
            return _json(Reply(413, {"error": f"A report has at most {LARGEST_BODY} bytes."}))
        return _json(await self._landings.hear(body, _request(scope)))

    async def _go(self, path: str, request: Request) -> Page:
        first, _, rest = path[len("/go/") :].partition("/")
        number = rest.partition("/")[0]
        if first == "" or (first.isdecimal() and len(first) <= 5):
            answer = await self._landings.follow_link(first, request)
        else:
            answer = await self._landings.follow(first, number, request)
        return UNKNOWN_LINK if answer is None else _page(answer)

    def _show(self, code: str, request: Request) -> Page:
        """Take an impression without waiting for it: one that is lost costs nobody a visitor."""
        edge = self._edge
        route = edge.snapshot.routes.get(code)
        if route is None:
            return _PIXEL_OF_NOTHING
        headers, query, peer, is_head = request
        visit = edge.read_visit(route, headers, query=query, peer=peer, is_head=is_head, is_click=False)
        edge.store.take(impression_line(route, visit), visit.milliseconds, IMPRESSIONS)
        return _PIXEL


def _request(scope: Message) -> Request:
    return Request(
        headers=named_headers(scope["headers"]),
        query=scope["query_string"],
        peer=scope["client"][0] if scope["client"] else "",
        is_head=scope["method"] == "HEAD",
    )


async def _read_body(receive: Receive) -> bytes:
    """Return the body, or as much of it as shows that it is too large."""
    body = b""
    while len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _page(answer: Answer) -> Page:
    if answer.location is None:
        return page_of(answer.outcome)
    headers = [(b"location", answer.location.encode("ascii")), *_REDIRECT]
    if answer.cookie is not None:
        headers.append((b"set-cookie", answer.cookie))
    return Page(302, headers, b"")


def _json(reply: Reply, *extra: tuple[bytes, bytes]) -> Page:
    headers = [(b"content-type", b"application/json"), _NO_STORE, _NO_SNIFF, _ANYWHERE, *extra]
    return Page(reply.status, headers, json.dumps(reply.said).encode())


def _not_posted() -> Page:
    return _json(Reply(405, {"error": "Reports are posted here."}), (b"allow", b"POST"))
