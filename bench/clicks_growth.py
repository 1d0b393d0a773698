"""Measures whether a click costs more when more clicks are stored: from 1 to 10 million.

Run `.venv/bin/python -m bench.clicks_growth`; `--rows 50000000` goes further. Two trackers of their own, one with few
clicks and one with many, take turns under the same load, so that only the clicks before differ. They are measured
twice: with all clicks in today's partition, and with the clicks spread over thirty days of which today is the last.
`growth_ratio` is the worse of the two ratios of processor time, edge and Postgres together.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from psycopg import sql

from bench.common import Granian, cpu_seconds, run_python
from bench.common_edge import prepare_tracker, served_edge
from bench.common_load import Load, send_at_rate, send_load
from bench.common_visitors import click_requests
from deploy.embedded import EmbeddedPostgres

CONNECTIONS = 64
_LINKS = 50
_RATE = 500.0
_DAYS = 30
_ROUNDS = 6
_WARM_UP_SECONDS = 2.0
_MOST_A_SECOND = 25_000
# What a row takes with its index, and what its log takes for a while; a bit more than measured.
_BYTES_A_ROW = 900

# A click as it is usually stored; ids grow with the time, as those of real clicks do.
_FILL = """
INSERT INTO clicks (
    id, link_id, campaign_id, creative_id, source_id, offer_id, flow_id, licence_id, currency, routing_version, kind,
    outcome, visitor_key, is_unique, country, region, city, device, os, os_version, browser, language, isp, asn,
    network, referrer_host, platform_click_ids, external_id, keyword, cost, sub_id_1, sub_id_2, sub_id_3
)
SELECT (lpad(to_hex(%(from_ms)s::bigint + number * %(span_ms)s / %(rows)s), 12, '0') || '7'
        || substr(chance, 1, 3) || 'a' || substr(chance, 4, 15))::uuid,
       1 + number %% 50, 1, 1, 1, 1 + number %% 2, 1 + number %% 3, 1 + number %% 4, 'EUR', 30, 'click', 'offer',
       hashtextextended(chance, 0), number %% 5 > 0, (ARRAY['MT', 'FI', 'DE', 'BR'])[1 + number %% 4],
       'R' || number %% 20, 'City ' || number %% 500, (ARRAY['phone', 'phone', 'desktop'])[1 + number %% 3],
       (ARRAY['Android', 'iOS', 'Windows'])[1 + number %% 3], '14', 'Chrome Mobile', 'en', 'Provider ' || number %% 200,
       64500 + number %% 200, ('81.' || number %% 200 || '.' || number %% 256 || '.0')::inet, 'l.facebook.com',
       jsonb_build_object('fbclid', 'IwAR0' || chance), 'IwAR0' || chance, 'free spins', 0.31,
       'adset' || number %% 16, 'ad-' || number %% 256, 'Feed'
FROM (SELECT number, md5(number::text || %(from_ms)s::text) AS chance
      FROM generate_series(0::bigint, %(rows)s - 1) AS number) AS made
"""


@dataclass(kw_only=True)
class Tracker:
    """A tracker with so many clicks, and the sums over its rounds."""

    name: str
    rows: int
    database: str
    environment: dict[str, str]
    requests: Iterator[bytes]
    disk_bytes: int = 0
    load: Load = field(default_factory=Load)
    at_rate: Load = field(default_factory=Load)
    edge_seconds: float = 0.0
    store_seconds: float = 0.0

    @property
    def edge_us(self) -> float:
        return self.edge_seconds / self.load.answered * 1e6

    @property
    def store_us(self) -> float:
        return self.store_seconds / self.load.answered * 1e6

    @property
    def cpu_us(self) -> float:
        return self.edge_us + self.store_us


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-growth-", ignore_cleanup_errors=True))
        )
        _check_disk(home, (options.rows + options.few_rows) * _BYTES_A_ROW)
        postgres = EmbeddedPostgres(home / "postgres")
        stack.callback(postgres.remove)
        postgres.start()
        ratios: dict[str, float] = {}
        for name, days in (("today", 1), ("spread", _DAYS)):
            if options.only in (None, name):
                few, many = _measure(postgres, home, name=name, days=days, options=options)
                _print(few, many)
                ratios |= _ratios(name, few, many)
    growth = max(ratio for name, ratio in ratios.items() if name.endswith("_cpu"))
    print(json.dumps({"growth_ratio": growth, **ratios}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="clicks of the tracker with many")
    parser.add_argument("--few-rows", type=int, default=1_000_000, help="clicks of the tracker with few")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the load of each pair takes")
    parser.add_argument("--only", choices=["today", "spread"], help="measure one of the two pairs")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors")
    return parser.parse_args()


def _check_disk(home: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < needed_bytes:
        sys.exit(f"{needed_bytes / 1e9:.0f} GB are needed under {home.parent}, {free_bytes / 1e9:.0f} GB are free.")


def _measure(
    postgres: EmbeddedPostgres, home: Path, *, name: str, days: int, options: argparse.Namespace
) -> tuple[Tracker, Tracker]:
    """Fill two trackers, load them in turn, and drop them."""
    few = _make_tracker(postgres, home, name=f"{name}, few", rows=options.few_rows, days=days, seed=options.seed)
    many = _make_tracker(postgres, home, name=f"{name}, many", rows=options.rows, days=days, seed=options.seed)
    with served_edge(few.environment, workers=1) as few_edge, served_edge(many.environment, workers=1) as many_edge:
        pairs = [(few, few_edge), (many, many_edge)]
        for tracker, edge in pairs:
            _send(tracker, edge, seconds=_WARM_UP_SECONDS)
        for number in range(_ROUNDS):
            for tracker, edge in pairs if number % 2 == 0 else reversed(pairs):
                _load(postgres, tracker, edge, seconds=options.seconds / _ROUNDS / 2)
    for tracker in (few, many):
        _drop(postgres, tracker)
    return few, many


def _make_tracker(postgres: EmbeddedPostgres, home: Path, *, name: str, rows: int, days: int, seed: int) -> Tracker:
    database = f"growth_{name.replace(', ', '_')}"
    postgres.create_database(database)
    url = postgres.url(database)
    environment, codes = prepare_tracker(url, home / database, links=_LINKS)
    run_python(["manage.py", "shell", "-c", _MAKE_DAYS.format(days=days)], environment)
    began = time.monotonic()
    _fill(url, rows=rows, days=days)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE clicks")
        connection.execute("CHECKPOINT")
        [(disk_bytes,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    print(f"{name}: {rows} clicks made in {time.monotonic() - began:.0f} s, {disk_bytes / 1e9:.1f} GB on disk")
    return Tracker(
        name=name,
        rows=rows,
        database=database,
        environment=environment,
        requests=click_requests(codes, seed=seed),
        disk_bytes=disk_bytes,
    )


_MAKE_DAYS = (
    "from datetime import UTC, datetime; from attribution.domain.partitions import ensure_click_partitions; "
    "ensure_click_partitions(at=datetime.now(UTC), days_back={days})"
)


def _fill(url: str, *, rows: int, days: int) -> None:
    """Write the clicks of each day, on two connections; today's lie between midnight and now."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=back) for back in range(days)]
    ends = [min(now, start + timedelta(days=1)) for start in starts]
    shares = [(start, end, rows // days) for start, end in zip(starts, ends, strict=True)]
    if days == 1:
        middle = today + (now - today) / 2
        shares = [(today, middle, rows // 2), (middle, now, rows - rows // 2)]
    with ThreadPoolExecutor(2) as pool:
        for filled in [pool.submit(_fill_period, url, *share) for share in shares]:
            filled.result()


def _fill_period(url: str, starts_at: datetime, ends_at: datetime, rows: int) -> None:
    from_ms, span_ms = int(starts_at.timestamp() * 1000), int((ends_at - starts_at).total_seconds() * 1000) - 1
    with psycopg.connect(url) as connection:
        connection.execute(_FILL, {"from_ms": from_ms, "span_ms": span_ms, "rows": rows})


def _load(postgres: EmbeddedPostgres, tracker: Tracker, edge: Granian, *, seconds: float) -> None:
    """Two thirds as fast as it goes, for the cost; one third at a rate, for the latency."""
    pid = postgres.pid
    assert pid is not None
    edge_before, store_before = cpu_seconds(edge.pid), cpu_seconds(pid)
    tracker.load += _send(tracker, edge, seconds=seconds * 2 / 3)
    tracker.edge_seconds += cpu_seconds(edge.pid) - edge_before
    tracker.store_seconds += cpu_seconds(pid) - store_before
    requests = iter(list(islice(tracker.requests, int(_RATE * seconds))))
    tracker.at_rate += send_at_rate(edge.port, requests, rate=_RATE, seconds=seconds / 3, connections=CONNECTIONS)


def _send(tracker: Tracker, edge: Granian, *, seconds: float) -> Load:
    requests = list(islice(tracker.requests, int(_MOST_A_SECOND * seconds)))
    load = send_load(edge.port, iter(requests), seconds=seconds, connections=CONNECTIONS)
    if load.failed:
        sys.exit(f"{tracker.name}: {load.failed} requests failed: no figures.")
    return load


def _drop(postgres: EmbeddedPostgres, tracker: Tracker) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(tracker.database)))


def _ratios(name: str, few: Tracker, many: Tracker) -> dict[str, float]:
    ratios = {
        f"{name}_cpu": many.cpu_us / few.cpu_us,
        f"{name}_store_cpu": many.store_us / few.store_us,
        f"{name}_p50": many.at_rate.percentile_ms(50) / few.at_rate.percentile_ms(50),
        f"{name}_p99": many.at_rate.percentile_ms(99) / few.at_rate.percentile_ms(99),
    }
    return {key: round(ratio, 3) for key, ratio in ratios.items()}


def _print(*trackers: Tracker) -> None:
    heads = ("", "clicks", "requests", "edge µs", "Postgres µs", "p50 at 500/s", "p99 at 500/s")
    print("{:14}{:>12}{:>10}{:>10}{:>13}{:>14}{:>14}".format(*heads))
    for tracker in trackers:
        latencies = "".join(f"{tracker.at_rate.percentile_ms(percent):11.2f} ms" for percent in (50, 99))
        print(
            f"{tracker.name:14}{tracker.rows:12}{tracker.load.answered:10}{tracker.edge_us:10.1f}"
            f"{tracker.store_us:13.1f}{latencies}"
        )


if __name__ == "__main__":
    main()
