"""Loopback ports: is one taken, which one is free."""

import random
import socket
import time

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: a client that
# redials a stopped server on such a port can end up connected to itself.
FREE_PORTS = range(20_000, 30_000)


class PortTaken(Exception):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int, *, variable: str | None = None) -> None:
        self.port = port
        remedy = f"set {variable} to a free one" if variable else "choose a free one"
        super().__init__(f"Port {port} is taken by another program: stop it or {remedy}.")


def is_port_taken(port: int, *, host: str = LOOPBACK) -> bool:
    """Say whether a server could not listen on host:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return True
    return False


def is_port_kept(port: int, *, patience_seconds: float = 2.0) -> bool:
    """Say whether the port stays taken, which a server that was just killed does for a moment."""
    deadline = time.monotonic() + patience_seconds
    while is_port_taken(port):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


def choose_free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if not is_port_taken(port):
            return port
    raise RuntimeError(f"No port of {FREE_PORTS.start}-{FREE_PORTS.stop - 1} is free.")


def answers(port: int, *, host: str = LOOPBACK) -> bool:
    """Say whether a server accepts connections on host:port."""
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
