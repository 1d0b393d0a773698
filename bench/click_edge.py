"""Measures a click in the edge beside a bare redirect and a Django view that saves one row.

Run `.venv/bin/python -m bench.click_edge --seconds 30`. The three take turns in rounds under the same load: 64
connections, 2,000 user agents by Zipf's law with 5 % never seen before, distinct addresses through a trusted proxy.
Processor time is that of all processes of a server, Postgres counted apart.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.common import Granian, cpu_seconds, environment_of, granian, run_python
from bench.common_load import Load, send_load
from bench.common_visitors import click_requests, write_geography
from deploy.embedded import EmbeddedPostgres

CONNECTIONS = 64
LINKS = 50
_ROUNDS = 3
_WARM_UP_SECONDS = 1.0


@dataclass(kw_only=True)
class Contestant:
    """A server under measurement, and the sums over its rounds."""

    name: str
    server: Granian
    load: Load = field(default_factory=Load)
    server_seconds: float = 0.0
    store_seconds: float = 0.0
    uncounted: int = 0

    @property
    def server_us(self) -> float:
        return self.server_seconds / self.load.answered * 1e6

    @property
    def store_us(self) -> float:
        return self.store_seconds / self.load.answered * 1e6

    @property
    def per_second(self) -> float:
        return self.load.answered / self.load.seconds


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-clicks-", ignore_cleanup_errors=True))
        )
        postgres = EmbeddedPostgres(home / "postgres")
        stack.callback(postgres.remove)
        postgres.start()
        postgres.create_database("bench")
        environment = environment_of(postgres.url("bench"), home / "var")
        codes = _prepare(environment, home)
        contestants = [
            Contestant(name="bare", server=stack.enter_context(_bare(environment))),
            Contestant(name="edge", server=stack.enter_context(_edge(environment, options.edge_workers))),
            Contestant(name="view", server=stack.enter_context(_plain_view(environment))),
        ]
        requests = click_requests(codes, seed=options.seed)
        _measure(contestants, requests, postgres, seconds=options.seconds / (_ROUNDS * len(contestants)))
        _check_that_all_is_stored(postgres.url("bench"), contestants)
    _report(contestants)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=45.0, help="how long all rounds take together")
    parser.add_argument("--edge-workers", type=int, default=1, help="processes of the edge")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors")
    return parser.parse_args()


def _prepare(environment: dict[str, str], home: Path) -> list[str]:
    """Make the tables, the routes and the geography; return the codes of the links."""
    run_python(["manage.py", "migrate"], environment)
    run_python(["manage.py", "ensure_click_partitions"], environment)
    run_python(["-m", "django", "migrate", "--run-syncdb", "--settings", "bench.plain_view.settings"], environment)
    (home / "var").mkdir(exist_ok=True)
    write_geography(home / "var" / "geo.mmdb")
    codes: list[str] = json.loads(run_python(["-m", "bench.common_routes", str(LINKS)], environment))
    return codes


def _bare(environment: dict[str, str]) -> AbstractContextManager[Granian]:
    return granian("bench.plain_view.bare:application", environment, interface="asgi")


def _edge(environment: dict[str, str], workers: int) -> AbstractContextManager[Granian]:
    return granian(
        "attribution.edge.app:application", environment, interface="asgi", options=["--workers", str(workers)]
    )


def _plain_view(environment: dict[str, str]) -> AbstractContextManager[Granian]:
    return granian(
        "bench.plain_view.wsgi:application",
        environment,
        interface="wsgi",
        options=["--workers", "2", "--blocking-threads", "4"],
    )


def _measure(
    contestants: Sequence[Contestant], requests: Iterator[bytes], postgres: EmbeddedPostgres, *, seconds: float
) -> None:
    """Load each in turn; what a server does in the first second of its first round is not counted."""
    database_pid = postgres.pid
    assert database_pid is not None
    for contestant in contestants:
        warm_up = send_load(
            contestant.server.port, requests, seconds=_WARM_UP_SECONDS, connections=CONNECTIONS, status=302
        )
        contestant.uncounted = warm_up.answered
    for _ in range(_ROUNDS):
        for contestant in contestants:
            server_before, store_before = cpu_seconds(contestant.server.pid), cpu_seconds(database_pid)
            contestant.load += send_load(
                contestant.server.port, requests, seconds=seconds, connections=CONNECTIONS, status=302
            )
            contestant.server_seconds += cpu_seconds(contestant.server.pid) - server_before
            contestant.store_seconds += cpu_seconds(database_pid) - store_before


def _check_that_all_is_stored(database_url: str, contestants: Sequence[Contestant]) -> None:
    """Stop unless every answered click of the edge and the view is a row: else the figures mean nothing."""
    tables = {"edge": "clicks", "view": "plain_clicks"}
    with psycopg.connect(database_url) as connection:
        for contestant in contestants:
            if contestant.name not in tables:
                continue
            counted = connection.execute(f"SELECT count(*) FROM {tables[contestant.name]}").fetchone()  # noqa: S608
            answered = contestant.uncounted + contestant.load.answered
            if contestant.load.failed or counted != (answered,):
                sys.exit(f"{contestant.name}: {answered} answered, {contestant.load.failed} failed, stored {counted}")


def _report(contestants: Sequence[Contestant]) -> None:
    bare, edge, view = contestants
    heads = ("", "requests", "a second", "server µs", "Postgres µs", "p50 ms", "p99 ms")
    print("{:6}{:>10}{:>10}{:>11}{:>13}{:>9}{:>9}".format(*heads))
    for row in contestants:
        p50, p99 = row.load.percentile_ms(50), row.load.percentile_ms(99)
        print(
            f"{row.name:6}{row.load.answered:10}{row.per_second:10.0f}{row.server_us:11.1f}{row.store_us:13.1f}"
            f"{p50:9.1f}{p99:9.1f}"
        )
    figures = {
        "edge_cpu_ratio": edge.server_us / bare.server_us,
        "store_cpu_ratio": edge.store_us / bare.server_us,
        "edge_throughput_ratio": edge.per_second / view.per_second,
    }
    print(json.dumps({name: round(figure, 3) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
