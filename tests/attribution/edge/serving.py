"""An edge served in a thread of its own, and requests to it as its server would make them."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from attribution.edge.app import ClickEdge
from attribution.edge.configuration import EdgeConfiguration
from attribution.edge.database import conninfo_of

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
NOWHERE = "host=127.0.0.1 port=1 connect_timeout=1"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def location(self) -> str:
        return self.headers["location"]


class ServedEdge:
    """A running edge. `start_failure` is what its lifespan said when it could not start."""

    def __init__(self, configuration: EdgeConfiguration) -> None:
        self.application = ClickEdge(lambda: configuration)
        self.configuration = configuration
        self.start_failure: str | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._events: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    def start(self) -> None:
        self._thread.start()
        self._life = asyncio.run_coroutine_threadsafe(
            self.application({"type": "lifespan"}, self._events.get, self._say), self._loop
        )
        said = self._change("lifespan.startup")
        self.start_failure = said.get("message")

    def stop(self) -> None:
        """End the edge in good order; does nothing when it was ended."""
        if not self._thread.is_alive():
            return
        if self.start_failure is None:
            self._change("lifespan.shutdown")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def get(self, target: str | bytes, *, method: str = "GET", peer: str = "127.0.0.1", **headers: str) -> Answer:
        """Ask for a target as it would stand in the request line; `user_agent="x"` is the header user-agent."""
        named = {"user_agent": IPHONE} | headers
        listed = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
        return self.request(target, listed, method=method, peer=peer)

    def request(
        self,
        target: str | bytes,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        method: str = "GET",
        peer: str = "127.0.0.1",
    ) -> Answer:
        raw = target if isinstance(target, bytes) else target.encode("latin-1")
        return self.run(ask(self.application, raw, headers, method=method, peer=peer))

    def post(self, target: str, body: bytes, *, peer: str = "127.0.0.1", **headers: str) -> Answer:
        named = {"user_agent": IPHONE} | headers
        listed = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
        return self.run(ask(self.application, target.encode(), listed, method="POST", peer=peer, body=body))

    def request_all(self, requests: Sequence[tuple[bytes, Sequence[tuple[bytes, bytes]]]]) -> list[Answer]:
        """Make all requests at once."""

        async def all_at_once() -> list[Answer]:
            return await asyncio.gather(*(ask(self.application, *request) for request in requests))

        return self.run(all_at_once())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    async def _say(self, message: MutableMapping[str, Any]) -> None:
        await self._said.put(message)

    def _change(self, event: str) -> MutableMapping[str, Any]:
        async def change() -> MutableMapping[str, Any]:
            await self._events.put({"type": event})
            return await self._said.get()

        return self.run(change())


async def ask(
    application: Callable[..., Coroutine[Any, Any, None]],
    target: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    method: str = "GET",
    peer: str = "127.0.0.1",
    body: bytes = b"",
) -> Answer:
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": path.decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "client": (peer, 40_000),
    }
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    await application(scope, receive, send)
    start, end = said
    named = {name.decode(): value.decode("ascii") for name, value in start["headers"]}
    return Answer(status=start["status"], headers=named, body=end["body"])


def within_two_seconds(is_so: Callable[[], object]) -> bool:
    """Say whether something comes true within the two seconds in which changes reach every edge."""
    deadline = time.monotonic() + 2
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(is_so())


def configuration_in(folder: Path, **changes: Any) -> EdgeConfiguration:
    """Return the configuration of an edge on the tests' database that keeps its files in a folder."""
    configuration = EdgeConfiguration(
        conninfo=conninfo_of(connection.settings_dict),
        folder=folder,
        click_id_key=settings.CLICK_ID_KEYS[0],
        trusted_proxies=["127.0.0.1/32"],
        geoip_path=folder / "geo.mmdb",
    )
    return replace(configuration, **changes)
