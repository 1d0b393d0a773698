"""A web of one port: pages of a test under their hosts, and the click host `go.localhost`, for a real browser."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Page

CLICK_HOST = "go.localhost"
_ASK_CLICK_ID = """Promise.race([
    new Promise(go => tracker('click_id', go)),
    new Promise((go, fail) => setTimeout(fail, 5_000, new Error('/t.js says no click id'))),
])"""


def wait_for_id(page: Page) -> Any:
    """Return the click id that `/t.js` knows on a page once it does."""
    return page.evaluate(_ASK_CLICK_ID)


class Given(NamedTuple):
    """What is answered to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        said = json.loads(self.body)
        assert isinstance(said, dict)
        return said


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: Any) -> None:
        """A page that is left drops its connections: nothing to tell."""


@dataclass
class Web:
    """Serves `pages`, by host and path; what is asked of the click host is answered by `click_host`."""

    pages: dict[str, Given] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    click_host: Callable[[Asked], Given] = lambda asked: Given(404, {}, b"")

    def start(self) -> None:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                host = headers.get("host", "").partition(":")[0]
                asked = Asked(self.command, host, self.path, headers, self.rfile.read(size))
                web.asked.append(asked)
                given = web.answer(asked)
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(given.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(given.body)

            do_GET = do_POST = do_HEAD = do_OPTIONS = _answer  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def address(self, host_and_path: str) -> str:
        host, slash, path = host_and_path.partition("/")
        return f"http://{host}:{self.port}{slash or '/'}{path}"

    def put(self, host_and_path: str, body: str, **headers: str) -> str:
        """Serve a page and return its address; `content_security_policy="x"` is a header of it."""
        named = {"content-type": "text/html; charset=utf-8"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[host_and_path] = Given(200, named, body.encode())
        return self.address(host_and_path)

    def answer(self, asked: Asked) -> Given:
        if asked.host == CLICK_HOST:
            return self.click_host(asked)
        return self.pages.get(asked.host + urlsplit(asked.target).path, Given(404, {}, b""))

    def told(self) -> list[dict[str, Any]]:
        """Return what `/t.js` has told the click host."""
        return [asked.json for asked in self.asked if (asked.method, asked.host) == ("POST", CLICK_HOST)]
