"""A proxy on loopback that connects its clients to others by CONNECT, as RFC 9110 says, and keeps what it was asked."""

import base64
import contextlib
import select
import socket
import threading
from types import TracebackType


class ConnectProxy:
    """Relays to wherever CONNECT names; `answer` is said instead where one is set, and `credentials` are asked for."""

    def __init__(self, *, answer: bytes = b"", credentials: str = "") -> None:
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self._answer = answer
        self._wanted = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else ""
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def __enter__(self) -> "ConnectProxy":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(client,), daemon=True).start()

    def _take(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (part := client.recv(4096)):
                    return
                head += part
            self.heads.append(head)
            verb, authority, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{verb} {authority}")
            if self._answer:
                client.sendall(self._answer)
                client.recv(4096)
            elif self._wanted and f"proxy-authorization: {self._wanted}".lower() not in head.decode().lower():
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            else:
                self._relay(client, authority)

    def _relay(self, client: socket.socket, authority: str) -> None:
        host, _, port = authority.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as other:
            client.sendall(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: tests\r\n\r\n")
            ends = {client: other, other: client}
            while True:
                for end in select.select(list(ends), [], [], 30)[0]:
                    if not (part := end.recv(65536)):
                        return
                    ends[end].sendall(part)
