"""The click edge's processes: python -m deploy.edge --port 8001 --workers 2."""

import argparse
import socket
from collections.abc import Callable, Sequence

from uvicorn.config import Config
from uvicorn.supervisors import Multiprocess

from deploy.ports import LOOPBACK

_BACKLOG = 2048
_GRACE_SECONDS = 25
# On a busy machine a worker takes long to start, or to say that it is well.
_START_SECONDS = 30


class _SharedPort(socket.socket):
    """A bound socket that every process opens anew: the kernel spreads connections over those that listen."""

    def __reduce__(self) -> tuple[Callable[[str, int], socket.socket], tuple[str, int]]:
        return bind, self.getsockname()


def bind(host: str, port: int) -> socket.socket:
    """Bind a port that other processes of the same user may bind as well. Raises `OSError` where it is taken."""
    shared = _SharedPort()
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    config = Config(
        "attribution.edge.app:application",
        http="attribution.edge.protocol:ClickProtocol",
        loop="uvloop",
        ws="none",
        lifespan="on",
        interface="asgi3",
        workers=options.workers,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_START_SECONDS,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    Multiprocess(config, sockets=[bind(LOOPBACK, options.port)]).run()


if __name__ == "__main__":
    main()
