"""The rules by which AppsFlyer's Pull API gives raw data, and a bucket its files; a server that holds to both."""

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from conversions.pulls.signing import signed_headers

KEPT_DAYS = 90
# Calls a day and app, and the most days of one call.
QUOTAS = {
    "blocked_installs_report": (24, 60),
    "detection": (24, 60),
    "blocked_in_app_events_report": (12, 31),
    "fraud-post-inapps": (12, 31),
}
MOST_ROWS = {"200000", "1000000"}
_EXPORT = re.compile(r"/api/raw-data/export/app/([^/]+)/([a-z_-]+)/v5")
_PAGE = 2


@dataclass(kw_only=True)
class AppsFlyerReports:
    """AppsFlyer's side: apps with their tokens, and each report's rows by their day, under a header.

    `row_limit` stands for the 200,000 rows of a call, so that tests need not make as many.
    """

    tokens: Mapping[str, str]
    today: date
    header: str = ""
    rows: dict[str, list[tuple[date, str]]] = field(default_factory=dict)
    row_limit: int = 200_000
    calls: Counter[str] = field(default_factory=Counter)
    windows: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, str]:
        """Return status and body of one call."""
        match = _EXPORT.fullmatch(path)
        if match is None or match.group(2) not in QUOTAS:
            return 404, "no such report"
        app, report = match.groups()
        if app not in self.tokens:
            return 404, "app not found"
        if headers.get("Authorization") != f"Bearer {self.tokens[app]}":
            return 401, "Unauthorized"
        most_calls, most_days = QUOTAS[report]
        if self.calls[report] >= most_calls:
            return 403, f"Limit reached for {report}"
        self.calls[report] += 1
        try:
            since, until = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
        except (KeyError, ValueError):
            return 400, "from and to are required as yyyy-mm-dd"
        if not self.today - timedelta(days=KEPT_DAYS) <= since <= until or (until - since).days >= most_days:
            return 400, "the date range is not allowed"
        if query.get("maximum_rows") not in MOST_ROWS or "blocked_reason" not in query.get("additional_fields", ""):
            return 400, "a parameter is not allowed"
        self.windows.append((report, query["from"], query["to"]))
        found = [row for day, row in self.rows.get(report, []) if since <= day <= until][: self.row_limit]
        return 200, "\ufeff" + "\n".join([self.header, *found]) + "\n"


@dataclass(kw_only=True)
class Bucket:
    """A bucket in one region with one key that may read it; lists two files a page. `read` is what was fetched."""

    name: str
    region: str
    access_key: str
    secret: str
    files: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def answer(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of one GET; its signature is made anew from what arrived."""
        if not self._is_signed(url, headers):
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        parts = urlsplit(url)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        if bucket != self.name:
            return 404, b"<Error><Code>NoSuchBucket</Code></Error>"
        if not key:
            return 200, self._list(dict(parse_qsl(parts.query, keep_blank_values=True)))
        if key not in self.files:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>"
        self.read.append(key)
        return 200, self.files[key]

    def _is_signed(self, url: str, headers: Mapping[str, str]) -> bool:
        try:
            at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except (KeyError, ValueError):
            return False
        expected = signed_headers(url, region=self.region, access_key=self.access_key, secret=self.secret, at=at)
        return headers.get("authorization") == expected["Authorization"]

    def _list(self, asked: Mapping[str, str]) -> bytes:
        after = asked.get("continuation-token") or asked.get("start-after", "")
        names = sorted(name for name in self.files if name.startswith(asked.get("prefix", "")) and name > after)
        page, rest = names[:_PAGE], names[_PAGE:]
        keys = "".join(f"<Contents><Key>{quote(name)}</Key></Contents>" for name in page)
        more = (
            f"<IsTruncated>true</IsTruncated><NextContinuationToken>{page[-1]}</NextContinuationToken>" if rest else ""
        )
        end = more or "<IsTruncated>false</IsTruncated>"
        xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
        return f'<?xml version="1.0"?><ListBucketResult xmlns="{xmlns}">{keys}{end}</ListBucketResult>'.encode()


@contextmanager
def serving(partner: AppsFlyerReports | Bucket) -> Iterator[str]:
    """Serve a partner on this machine, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = f"http://{headers['host']}{self.path}"
            parts = urlsplit(url)
            content: bytes
            if isinstance(partner, Bucket):
                status, content = partner.answer(url, headers)
            else:
                query = dict(parse_qsl(parts.query))
                status, text = partner.answer(parts.path, query, {"Authorization": headers.get("authorization", "")})
                content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
