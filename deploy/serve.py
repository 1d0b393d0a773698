"""Command line for one embedded server: python -m deploy.serve run|start|stop postgres DIR."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.ports import PortTaken
from deploy.server import EmbeddedServer, ServerFailed


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    server = _server(options)
    try:
        if options.verb == "run":
            server.run_in_foreground()
        elif options.verb == "start":
            server.start()
        else:
            server.stop()
    except (ServerFailed, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["run", "start", "stop"])
    parser.add_argument("server", choices=["postgres", "valkey"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--max-connections", type=int, default=120)
    parser.add_argument("--trust", action="store_true", help="ask for no password")
    return parser


def _server(options: argparse.Namespace) -> EmbeddedServer:
    if options.server == "valkey":
        return EmbeddedValkey(options.folder, options.port)
    return EmbeddedPostgres(
        options.folder,
        options.port,
        max_connections=options.max_connections,
        trusts_everyone=options.trust,
    )


if __name__ == "__main__":
    sys.exit(main())
