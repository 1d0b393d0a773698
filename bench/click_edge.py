"""Measures a click in the edge beside a bare redirect and a Django view that saves one row.

Run `.venv/bin/python -m bench.click_edge --seconds 45`. The three take turns in rounds under the same load: 64
connections, 2,000 user agents by Zipf's law with 5 % never seen before, distinct addresses through a trusted proxy.
The edge routes through flows with filters, weights, licences, caps, own rules for bots and a geography database, and
answers once the click is durable. Processor time is that of all processes of a server, Postgres counted apart. At the
end, and alone with `--rate N`, clicks come at a rate, at random moments, whether or not the last ones were answered.
Every redirect of the edge must be a row afterwards, else there are no figures.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.common import Granian, cpu_seconds, granian, run_python
from bench.common_edge import prepare_tracker, served_edge
from bench.common_load import Load, send_at_rate, send_load
from bench.common_visitors import click_requests
from deploy.embedded import EmbeddedPostgres

CONNECTIONS = 64
LINKS = 50
USUAL_RATE = 500.0
_LONGEST_ROUND_SECONDS = 3.0
_WARM_UP_SECONDS = 2.0
# Requests are made before a round: no edge answers more on two cores.
_MOST_A_SECOND = 25_000
_STORED_SECONDS = 20.0
_HEADS = ("", "requests", "a second", "server µs", "Postgres µs", "load µs", "p50 ms", "p99 ms", "max ms")


@dataclass(kw_only=True)
class Contestant:
    """A server under measurement, and the sums over its rounds; `warm_up` is not among them."""

    name: str
    server: Granian
    table: str | None = None
    warm_up: Load = field(default_factory=Load)
    load: Load = field(default_factory=Load)
    server_seconds: float = 0.0
    store_seconds: float = 0.0
    stored: int = 0

    @property
    def server_us(self) -> float:
        return self.server_seconds / self.load.answered * 1e6

    @property
    def store_us(self) -> float:
        return self.store_seconds / self.load.answered * 1e6

    @property
    def stored_per_second(self) -> float:
        """How many rows were in the table when a round ended, for each second of the rounds."""
        return self.stored / self.load.seconds


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all measurements use: a Postgres with the routes, and the requests that visitors make."""

    postgres: EmbeddedPostgres
    environment: dict[str, str]
    requests: Iterator[bytes]

    @property
    def database_url(self) -> str:
        return self.postgres.url("bench")

    def store_seconds(self) -> float:
        pid = self.postgres.pid
        assert pid is not None
        return cpu_seconds(pid)

    def rows(self, table: str) -> int:
        with psycopg.connect(self.database_url) as connection:
            counted = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert counted is not None
        return int(counted[0])


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        bench = _prepare(stack, seed=options.seed)
        if options.rate is None:
            _compare(stack, bench, options)
        else:
            _load_at_rate(stack, bench, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=45.0, help="how long the load takes, all rounds together")
    parser.add_argument("--edge-workers", type=int, default=2, help="processes of the edge, and of the bare redirect")
    parser.add_argument("--rate", type=float, help="only load the edge, with so many clicks a second")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors")
    return parser.parse_args()


def _prepare(stack: ExitStack, *, seed: int) -> Bench:
    """Start Postgres; make the tables, the routes and the geography."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-clicks-", ignore_cleanup_errors=True)))
    postgres = EmbeddedPostgres(home / "postgres")
    stack.callback(postgres.remove)
    postgres.start()
    postgres.create_database("bench")
    environment, codes = prepare_tracker(postgres.url("bench"), home / "var", links=LINKS)
    run_python(["-m", "django", "migrate", "--run-syncdb", "--settings", "bench.plain_view.settings"], environment)
    return Bench(postgres=postgres, environment=environment, requests=click_requests(codes, seed=seed))


def _compare(stack: ExitStack, bench: Bench, options: argparse.Namespace) -> None:
    """Load all three in turn, then the edge at the usual rate; a fifth of the time is the rate's."""
    workers = options.edge_workers
    contestants = [
        Contestant(name="bare", server=stack.enter_context(_bare(bench.environment, workers))),
        Contestant(
            name="edge", table="clicks", server=stack.enter_context(served_edge(bench.environment, workers=workers))
        ),
        Contestant(
            name="view", table="plain_clicks", server=stack.enter_context(_plain_view(bench.environment, workers=2))
        ),
    ]
    edge = contestants[1]
    rounds = max(2, round(options.seconds * 0.8 / len(contestants) / _LONGEST_ROUND_SECONDS))
    for contestant in contestants:
        contestant.warm_up = _send(bench, contestant, seconds=_WARM_UP_SECONDS)
    for number in range(rounds):
        # There and back: what drifts meanwhile touches all alike.
        for contestant in contestants if number % 2 == 0 else reversed(contestants):
            _measure(bench, contestant, seconds=options.seconds * 0.8 / len(contestants) / rounds)
    at_rate = _send_at_rate(bench, edge.server, rate=USUAL_RATE, seconds=options.seconds * 0.2)
    _check_that_all_is_stored(bench, contestants, at_rate)
    print(_line(*_HEADS))
    for contestant in contestants:
        print(_row(contestant.name, contestant.load, contestant.server_us, contestant.store_us))
    print(_rate_row(at_rate, USUAL_RATE))
    _print_figures(contestants, at_rate)


def _load_at_rate(stack: ExitStack, bench: Bench, options: argparse.Namespace) -> None:
    edge = Contestant(
        name="edge",
        table="clicks",
        server=stack.enter_context(served_edge(bench.environment, workers=options.edge_workers)),
    )
    edge.warm_up = _send(bench, edge, seconds=_WARM_UP_SECONDS)
    store_before, server_before = bench.store_seconds(), cpu_seconds(edge.server.pid)
    at_rate = _send_at_rate(bench, edge.server, rate=options.rate, seconds=options.seconds)
    server_us = (cpu_seconds(edge.server.pid) - server_before) / at_rate.answered * 1e6
    store_us = (bench.store_seconds() - store_before) / at_rate.answered * 1e6
    _check_that_all_is_stored(bench, [edge], at_rate)
    print(_line(*_HEADS))
    print(_row(f"{options.rate:.0f}/s", at_rate, server_us, store_us))
    figures = {name: at_rate.percentile_ms(percent) for name, percent in (("p50_ms", 50), ("p99_ms", 99))}
    figures |= {"max_ms": at_rate.percentile_ms(100), "answered_per_second": at_rate.per_second}
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()} | {"stored": at_rate.answered}))


def _bare(environment: dict[str, str], workers: int) -> AbstractContextManager[Granian]:
    options = ["--http", "1", "--no-ws", "--workers", str(workers), "--backlog", "2048"]
    return granian("bench.plain_view.bare:application", environment, interface="asgi", options=options)


def _plain_view(environment: dict[str, str], *, workers: int) -> AbstractContextManager[Granian]:
    options = ["--http", "1", "--no-ws", "--workers", str(workers), "--blocking-threads", "4"]
    return granian("bench.plain_view.wsgi:application", environment, interface="wsgi", options=options)


def _measure(bench: Bench, contestant: Contestant, *, seconds: float) -> None:
    rows_before = bench.rows(contestant.table) if contestant.table else 0
    requests = _requests_for(bench, contestant, seconds=seconds)
    server_before, store_before = cpu_seconds(contestant.server.pid), bench.store_seconds()
    contestant.load += send_load(contestant.server.port, requests, seconds=seconds, connections=CONNECTIONS)
    contestant.server_seconds += cpu_seconds(contestant.server.pid) - server_before
    contestant.store_seconds += bench.store_seconds() - store_before
    if contestant.table:
        contestant.stored += bench.rows(contestant.table) - rows_before


def _send(bench: Bench, contestant: Contestant, *, seconds: float) -> Load:
    requests = _requests_for(bench, contestant, seconds=seconds)
    return send_load(contestant.server.port, requests, seconds=seconds, connections=CONNECTIONS)


def _send_at_rate(bench: Bench, server: Granian, *, rate: float, seconds: float) -> Load:
    requests = iter(list(islice(bench.requests, int(rate * seconds * 1.5) + 100)))  # made before they are due
    time.sleep(1)  # what the load before left to do is not this one's
    return send_at_rate(server.port, requests, rate=rate, seconds=seconds, connections=CONNECTIONS)


def _requests_for(bench: Bench, contestant: Contestant, *, seconds: float) -> Iterator[bytes]:
    """Make the requests of a round; the bare redirect, which reads nothing of them, gets the same ones again."""
    made = list(islice(bench.requests, int(_MOST_A_SECOND * seconds)))
    return iter(made) if contestant.table else cycle(made)


def _check_that_all_is_stored(bench: Bench, contestants: Sequence[Contestant], at_rate: Load) -> None:
    """Stop unless every redirect of the edge and the view is a row: else the figures mean nothing."""
    for contestant in contestants:
        loads = [contestant.warm_up, contestant.load] + ([at_rate] if contestant.name == "edge" else [])
        if contestant.table:
            _check(bench, contestant, answered=sum(load.answered for load in loads), loads=loads)


def _check(bench: Bench, contestant: Contestant, *, answered: int, loads: Sequence[Load]) -> None:
    assert contestant.table is not None
    deadline = time.monotonic() + _STORED_SECONDS
    while (rows := bench.rows(contestant.table)) < answered and time.monotonic() < deadline:
        time.sleep(0.5)  # what was spooled is drained soon
    failed = sum(load.failed for load in loads)
    if failed or rows != answered:
        sys.exit(f"{contestant.name}: {answered} answered, {failed} failed, {rows} stored: no figures.")
    if contestant.name == "edge":
        with psycopg.connect(bench.database_url) as connection:
            stored = {row[0].hex for row in connection.execute("SELECT id FROM clicks")}
        redirected = {click_id for load in loads for click_id in load.click_ids()}
        if len(redirected) != answered or redirected != stored:
            sys.exit(f"edge: {answered} answered with {len(redirected)} ids, {len(redirected - stored)} not stored.")


def _print_figures(contestants: Sequence[Contestant], at_rate: Load) -> None:
    bare, edge, view = contestants
    figures = {
        "edge_cpu_ratio": edge.server_us / bare.server_us,
        "store_cpu_ratio": edge.store_us / bare.server_us,
        "edge_throughput_ratio": edge.stored_per_second / view.stored_per_second,
        "p99_ms_at_500": at_rate.percentile_ms(99),
        "stored_per_second": edge.stored_per_second,
    }
    print(json.dumps({name: round(figure, 3) for name, figure in figures.items()}))


def _row(name: str, load: Load, server_us: float, store_us: float) -> str:
    return _line(name, *_counts(load), f"{server_us:.1f}", f"{store_us:.1f}", *_costs(load))


def _rate_row(load: Load, rate: float) -> str:
    return _line(f"{rate:.0f}/s", *_counts(load), "", "", *_costs(load))


def _counts(load: Load) -> list[str]:
    return [str(load.answered), f"{load.per_second:.0f}"]


def _costs(load: Load) -> list[str]:
    return [f"{load.cpu_us:.1f}", *(f"{load.percentile_ms(percent):.1f}" for percent in (50, 99, 100))]


def _line(*cells: str) -> str:
    return "{:6}{:>10}{:>10}{:>11}{:>13}{:>9}{:>9}{:>9}{:>9}".format(*cells)


if __name__ == "__main__":
    main()
