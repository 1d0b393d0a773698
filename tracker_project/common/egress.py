"""The one client for outgoing HTTP: public addresses only, no redirects, bounded time and size.

The address is checked when it is dialled, so that no answer of DNS, first or second, leads inside. Through a proxy too:
the address is looked up and checked here, and the proxy is asked for that very one.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

import certifi
import urllib3
from django.conf import settings
from django.db import connection
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tracker_project.common.proxies import Proxy, ProxyRefused, open_tunnel

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 15.0
MAX_ANSWER_BYTES = 64 * 1024
# How long the exchange under way may take, where that is not TOTAL_SECONDS.
_seconds_in_all: ContextVar[float | None] = ContextVar("seconds_in_all", default=None)
# How long a single read may take, where a report is made while we wait.
_seconds_a_read: ContextVar[float] = ContextVar("seconds_a_read", default=READ_SECONDS)
# The proxy of the exchange under way.
_proxy: ContextVar[Proxy | None] = ContextVar("proxy", default=None)
# A public host is dialled on the web's own ports only: nobody's mail or database is reached through us.
PUBLIC_PORTS = (80, 443)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA's special-purpose registry without what is reachable by everyone, and Azure's host address.
_NOT_PUBLIC_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
]  # fmt: skip
# Of IPv6 only 2000::/3 is handed out; loopback, link-local, NAT64, ULA and multicast lie outside of it.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Protocol assignments (Teredo among them), documentation twice, and 6to4, which carries an IPv4 address inside.
_NOT_PUBLIC_V6 = [
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]


@dataclass(frozen=True, kw_only=True)
class OutgoingRequest:
    """What is to be sent: an absolute http(s) address, and a body as it goes over the wire.

    `route` names the proxy that it takes, where the settings have one for it.
    """

    method: Literal["GET", "POST"]
    url: str
    route: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: header names in lower case, and at most the first 64 KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """No answer came; `can_retry` says whether a later try may fare better. Its text names no address or secret."""

    def __init__(self, reason: str, *, can_retry: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.can_retry = can_retry
        self.timed_out = timed_out


class InsideTransaction(RuntimeError):
    """Somebody wanted to wait for the network while holding locks: a mistake in our code."""


def send(request: OutgoingRequest) -> Answer:
    """Send a request and return its answer, whatever its status; a redirect is an answer like any other.

    Raises `NoAnswer`, and `InsideTransaction` when the caller holds a transaction open.
    """
    with _sent(request) as response:
        return _read(response)


def download(
    request: OutgoingRequest, to: BinaryIO, *, most_bytes: int, seconds: float, read_seconds: float = READ_SECONDS
) -> Answer:
    """Send a request and write the body of a 200 to `to`, within `seconds` in all; any other answer is returned whole.

    What was written before a failure is of no use. Raises `NoAnswer`, also for a body of more than `most_bytes`, and
    `InsideTransaction`.
    """
    token, read_token = _seconds_in_all.set(seconds), _seconds_a_read.set(read_seconds)
    try:
        with _sent(request) as response:
            if response.status != HTTPStatus.OK:
                return _read(response)
            _write(response, to, most_bytes)
            return Answer(status=response.status, headers=_headers(response), body=b"")
    finally:
        _seconds_in_all.reset(token)
        _seconds_a_read.reset(read_token)


@contextmanager
def _sent(request: OutgoingRequest) -> Iterator[urllib3.BaseHTTPResponse]:
    refuse_inside_transaction()
    try:
        parts = urlsplit(request.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoAnswer("Only http and https addresses are called.", can_retry=False)
        proxy = _proxy_of(request.route)
        _proxy.set(proxy)
        yield _pools(proxy).request(
            request.method,
            request.url,
            body=request.body,
            headers={"User-Agent": "tracker", "Accept-Encoding": "identity", **request.headers},
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=_seconds_a_read.get()),
        )
    except _AddressRefused as error:
        raise NoAnswer(str(error), can_retry=False) from error
    except (urllib3.exceptions.LocationParseError, ValueError) as error:
        raise NoAnswer("The address cannot be read.", can_retry=False) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _no_answer(error) from error


def refuse_inside_transaction() -> None:
    """Raise `InsideTransaction` when this thread holds a transaction open."""
    if connection.in_atomic_block:
        raise InsideTransaction("Commit first: no request is sent inside a transaction.")


def is_public(address: str) -> bool:
    """Tell whether an address is one that anyone on the internet may dial; a mapped IPv4 address counts as its own."""
    return _is_public(_parse(address))


def _parse(address: str) -> IPAddress:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_V6)


@cache
def _networks(ranges: tuple[str, ...]) -> list[IPNetwork]:
    return [ipaddress.ip_network(text) for text in ranges]


def _may_dial(address: str, port: int) -> bool:
    parsed = _parse(address)
    if any(parsed in network for network in _networks(tuple(settings.EGRESS_ALLOWED_ADDRESSES))):
        return True
    return port in PUBLIC_PORTS and _is_public(parsed)


class _AddressRefused(Exception):
    """Every address of the host is one that we never dial."""


class _DeadlineReached(TimeoutError):
    """The whole exchange took too long, however steadily its bytes dripped."""


class _Socket(socket.socket):
    """A socket that stops reading at `deadline` (of the monotonic clock): a timeout of its own bounds one read only."""

    deadline = float("inf")

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _bound_read(self, self.deadline)
        return super().recv_into(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    """The same, encrypted."""

    deadline = float("inf")

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _bound_read(self, self.deadline)
        return super().recv_into(*args, **kwargs)


def _bound_read(sock: socket.socket, deadline: float) -> None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise _DeadlineReached
    sock.settimeout(min(remaining, _seconds_a_read.get()))


def _proxy_of(route: str) -> Proxy | None:
    proxies: Mapping[str, Proxy] = settings.EGRESS_PROXIES
    return proxies.get(route) or proxies.get("")


def _dial(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address of `host` that may be dialled and answers, through the proxy where there is one."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if _may_dial(str(entry[4][0]), port)]
    if not allowed:
        raise _AddressRefused("The host is not a public web server (or not on port 80 or 443).")
    proxy = _proxy.get()
    failure: OSError = TimeoutError("no address answered")
    for entry in allowed[:3]:
        try:
            return _connect(entry, deadline) if proxy is None else _connect_through(proxy, entry, deadline)
        except OSError as error:
            failure = error
    raise failure


def _connect_through(proxy: Proxy, entry: AddressInfo, deadline: float) -> socket.socket:
    """Connect to an address that was checked, through a proxy, which is trusted as the settings name it."""
    found = socket.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    sock = _connect(found[0], deadline)
    try:
        sock.deadline = min(deadline, time.monotonic() + CONNECT_SECONDS)
        open_tunnel(sock, proxy, str(entry[4][0]), int(entry[4][1]))
    except OSError:
        sock.close()
        raise
    sock.deadline = float("inf")
    return sock


def _connect(entry: AddressInfo, deadline: float) -> _Socket:
    family, kind, protocol, _name, address = entry
    sock = _Socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(max(0.001, min(CONNECT_SECONDS, deadline - time.monotonic())))
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


class _Connection(HTTPConnection):
    _deadline = float("inf")

    def _new_conn(self) -> socket.socket:
        return _dial(self._dns_host, self.port, self._deadline)

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._deadline = time.monotonic() + (_seconds_in_all.get() or TOTAL_SECONDS)
        super().request(*args, **kwargs)

    def getresponse(self) -> Any:
        if isinstance(self.sock, _Socket | _TlsSocket):
            self.sock.deadline = self._deadline
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@cache
def _pools(proxy: Proxy | None) -> urllib3.PoolManager:
    """Return the connections that go one way: what was opened through one proxy serves no other route."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.sslsocket_class = _TlsSocket
    pools = urllib3.PoolManager(num_pools=100, maxsize=128, block=False, ssl_context=context)
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return pools


def _read(response: urllib3.BaseHTTPResponse) -> Answer:
    """Read as much of the body as is of use; a connection with more of it to come is not used again."""
    body = response.read(MAX_ANSWER_BYTES + 1)
    if len(body) > MAX_ANSWER_BYTES:
        response.close()
    else:
        response.release_conn()
    return Answer(status=response.status, headers=_headers(response), body=body[:MAX_ANSWER_BYTES])


def _headers(response: urllib3.BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _write(response: urllib3.BaseHTTPResponse, to: BinaryIO, most_bytes: int) -> None:
    size = 0
    for part in response.stream(MAX_ANSWER_BYTES):
        size += len(part)
        if size > most_bytes:
            response.close()
            raise NoAnswer(f"The answer is larger than {most_bytes:,} bytes.", can_retry=False)
        try:
            to.write(part)
        except OSError as error:
            response.close()
            raise NoAnswer(f"What came cannot be written ({error.strerror}).", can_retry=False) from error
    response.release_conn()


def _no_answer(error: Exception) -> NoAnswer:
    """Say in a few words what went wrong, without the address: it may carry secrets."""
    if isinstance(error, urllib3.exceptions.ProtocolError) and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    match error:
        case socket.gaierror():
            reason = "The host's name could not be resolved."
        case urllib3.exceptions.SSLError() | ssl.SSLError():
            reason = "The host's certificate or encryption was not accepted."
        case TimeoutError() | urllib3.exceptions.TimeoutError():
            return NoAnswer("No answer in time.", can_retry=True, timed_out=True)
        case ProxyRefused():
            reason = str(error)
        case ConnectionRefusedError():
            reason = "The connection was refused."
        case _:
            reason = f"The connection failed ({type(error).__name__})."
    return NoAnswer(reason, can_retry=True)
