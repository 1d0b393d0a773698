"""The receivers of postbacks: a server on a port that records each request and holds senders to the vendors' rules.

Standard library alone, so that tests, benches and the simulator share it. Meta is at
`/meta/<version>/<dataset>/events`, Google with its tokens under `/google`, Google Ads under `/google-ads`, TikTok under
`/tiktok`, AppsFlyer under `/appsflyer`; what comes under `/s2s` and `/partner` is accepted.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.outside.appsflyer_rules import AppsFlyerApps
from tests.outside.google_ads_rules import AdsAccount
from tests.outside.google_rules import DataManager, form_of
from tests.outside.meta_rules import MetaDatasets, Verdict
from tests.outside.tiktok_rules import TikTokPixels

MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ReceivedRequest:
    """One request as it arrived, and what it was answered; `arrived_at` is in seconds since 1970."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    arrived_at: float
    status: int
    answer: str


@dataclass(kw_only=True)
class _Misbehaviour:
    """How the next `count` requests under `path` are treated; without a status they are merely slow."""

    count: int
    path: str
    status: int | None
    delay: float
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class Receiver:
    """A threaded server on loopback. `meta_tokens` names the token of each dataset; None takes any."""

    def __init__(
        self,
        *,
        port: int = 0,
        meta_tokens: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.meta = MetaDatasets(tokens=meta_tokens, now=now)
        self.google = DataManager(now=now)
        self.google_ads = AdsAccount(now=now, lacks_token=self.google.lacks_token)
        self.tiktok = TikTokPixels(now=now)
        self.appsflyer = AppsFlyerApps()
        self._requests: list[ReceivedRequest] = []
        self._misbehaviours: list[_Misbehaviour] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def meta_url(self) -> str:
        """What META_BASE_URL must be for postbacks to come here."""
        return f"{self.url}/meta"

    @property
    def google_url(self) -> str:
        """What GOOGLE_BASE_URL must be for postbacks to come here; tokens come from `/token` under it."""
        return f"{self.url}/google"

    @property
    def connections(self) -> int:
        """How many connections were opened since the start."""
        return self._server.connections

    def start(self) -> "Receiver":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Receiver":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def requests(self, path: str = "/") -> list[ReceivedRequest]:
        """Return the requests so far whose path begins with `path`, in the order of their answers."""
        with self._changed:
            return [request for request in self._requests if request.path.startswith(path)]

    def wait_for(self, count: int, *, path: str = "/", timeout: float = 10) -> list[ReceivedRequest]:
        """Wait until `count` requests came under `path`; return what there is then, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: sum(r.path.startswith(path) for r in self._requests) >= count, timeout)
        return self.requests(path)

    def forget(self) -> None:
        """Drop what was recorded; the rules remember what they accepted."""
        with self._changed:
            self._requests.clear()

    def fail_next(
        self,
        count: int = 1,
        *,
        status: int | None = 500,
        delay: float = 0,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        """Answer the next `count` requests under `path` with `status` after `delay` seconds.

        Without a status they are answered as ever, only later.
        """
        treatment = _Misbehaviour(
            count=count, path=path, status=status, delay=delay, headers=dict(headers or {}), body=body
        )
        with self._changed:
            self._misbehaviours.append(treatment)

    def behave(self) -> None:
        """End every failure and delay that was ordered."""
        with self._changed:
            self._misbehaviours.clear()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Verdict:
        """Record a request and return what it is answered."""
        arrived_at = time.time()
        parts = urlsplit(target)
        text = body.decode(errors="replace")
        treatment = self._take_misbehaviour(parts.path)
        if treatment is not None and treatment.delay:
            self._stopping.wait(treatment.delay)
        if treatment is not None and treatment.status is not None:
            verdict = Verdict(status=treatment.status, text=treatment.body, headers=treatment.headers)
        else:
            verdict = self._judge(method, parts.path, headers, text, dict(parse_qsl(parts.query)))
        received = ReceivedRequest(
            method=method,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=headers,
            body=text,
            arrived_at=arrived_at,
            status=verdict.status,
            answer=verdict.text,
        )
        with self._changed:
            self._requests.append(received)
            self._changed.notify_all()
        return verdict

    def _take_misbehaviour(self, path: str) -> _Misbehaviour | None:
        with self._changed:
            for treatment in self._misbehaviours:
                if path.startswith(treatment.path):
                    treatment.count -= 1
                    if not treatment.count:
                        self._misbehaviours.remove(treatment)
                    return treatment
        return None

    def _judge(self, method: str, path: str, headers: dict[str, str], body: str, query: Mapping[str, str]) -> Verdict:
        match path.strip("/").split("/"):
            case ["meta", _version, dataset, "events"] if method == "POST":
                return self.meta.receive(dataset, _parameters(headers, body))
            case ["google", "token"] if method == "POST":
                return self.google.issue_token(form_of(body))
            case ["google", "v1", "events:ingest"] if method == "POST":
                return self.google.ingest(headers, body)
            case ["google", "v1", "requestStatus:retrieve"] if method == "GET":
                return self.google.retrieve_status(headers, query)
            case ["google-ads", version, "customers", target] if method == "POST":
                return self.google_ads.receive(version, target, headers, body)
            case ["tiktok", "open_api", "v1.3", "event", "track"] if method == "POST":
                return self.tiktok.receive(headers, body)
            case ["appsflyer", "inappevent", app] if method == "POST":
                return self.appsflyer.receive(app, headers, body)
            case ["s2s" | "partner", *_]:
                return Verdict(status=200, text="OK")
            case _:
                return Verdict(status=404, text="nothing is received here")


def _parameters(headers: dict[str, str], body: str) -> dict[str, Any]:
    """Return the fields of a form or JSON body; `data` comes as a list from either, or stays as it is."""
    if headers.get("content-type", "").startswith("application/json"):
        try:
            parsed = json.loads(body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}
    fields: dict[str, Any] = dict(parse_qsl(body, keep_blank_values=True))
    try:
        fields["data"] = json.loads(fields["data"])
    except (KeyError, ValueError):
        fields.pop("data", None)
    return fields


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        super().__init__(address, _Session)
        self.receiver = receiver
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a sender that hangs up early is part of the tests."""


class _Session(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet: in two, a sender's delayed acknowledgement costs 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        assert isinstance(self.server, _Server)
        verdict = self.server.receiver.answer(self.command, self.path, headers, body)
        content = verdict.text.encode()
        self.send_response(verdict.status)
        for name, value in verdict.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
        """Say nothing: what came is in the receiver's record."""
