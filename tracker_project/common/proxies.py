"""HTTP proxies on the way out: which one a request takes, and a tunnel through it to an address that was checked."""

import base64
import socket
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

# A proxy that says more than this before it has connected us is none.
MAX_ANSWER_BYTES = 8 * 1024


class ProxyRefused(OSError):
    """The proxy did not connect us; the text says what it answered, and names no secret."""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy that connects to others by CONNECT, as the settings name it: trusted, wherever it stands."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the proxy of an address such as http://user:password@proxy.internal:3128; raises `ValueError`."""
        parts = urlsplit(text)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("expected a proxy as http://user:password@host:port")
        return cls(
            host=parts.hostname,
            port=parts.port or 3128,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def parse_proxies(text: str) -> dict[str, Proxy]:
    """Return the proxy of each route, "" for all others, of a text such as http://one:3128,meta=http://two:3128."""
    proxies = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        route, sign, address = part.partition("=http://")
        proxies[route if sign else ""] = Proxy.parse(f"http://{address}" if sign else part)
    return proxies


def open_tunnel(sock: socket.socket, proxy: Proxy, address: str, port: int) -> None:
    """Have a proxy that `sock` is connected to connect it on to an address; raises `ProxyRefused` and `OSError`.

    The proxy is given the address, never a name: it has nothing to resolve, and reaches what was checked here.
    """
    authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.user:
        credentials = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    status = _status_of(_read_head(sock))
    if status != 200:
        raise ProxyRefused(f"The proxy did not connect us ({status or 'no HTTP'}).")


def _read_head(sock: socket.socket) -> bytes:
    """Read up to the empty line and no byte further: what follows is the other side's."""
    head = bytearray()
    byte = bytearray(1)
    while not head.endswith(b"\r\n\r\n"):
        if len(head) >= MAX_ANSWER_BYTES or not sock.recv_into(byte):
            raise ProxyRefused("The proxy did not connect us (it hung up or said too much).")
        head += byte
    return bytes(head)


def _status_of(head: bytes) -> int:
    version, _, rest = head.partition(b" ")
    digits = rest[:3]
    return int(digits) if version.startswith(b"HTTP/1.") and digits.isdigit() else 0
