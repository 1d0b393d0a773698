"""Measures signed webhooks: how many a second are acknowledged when durable, and whether stored ones make them dearer.

Run `.venv/bin/python -m bench.intake`; `--rows 10000000 --few-rows 1000000` compares a tracker with ten million stored
events with one that has a million. Both run at once and take turns under the same load, so that only what they hold
differs: the web process as the Procfile starts it, and a worker that reviews and books; nobody consented, so that no
postback is owed (`bench.deposit_to_postback` measures those). One webhook of four is a registration by a stored click,
the others are deposits of its player, the first among them; each is answered after inbox, player, conversion, credit,
mark, lifetime value and the kept request were committed.

All are at work all the time. `webhooks_per_second` counts those that were acknowledged, `reviewed_per_second` the same
over the time until the worker had caught up with what followed from them.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from subprocess import Popen

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from attribution.click_ids import new_uuid7, sign_click_id
from bench.common import ROOT, cpu_seconds, environment_of, run_python
from bench.common_load import CREATED, Load, send_at_rate, send_load
from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.ports import LOOPBACK, choose_free_port, is_port_taken
from deploy.supervision import read_procfile
from tests.outside.casino import signature_headers

CONNECTIONS = 16
BUDGET_PER_SECOND = 300
_ROUNDS = 4
_MOST_A_SECOND = 1000
_WARM_UP_SECONDS = 3.0
_START_SECONDS = 60.0
_REVIEW_SECONDS = 300.0
# A registration and three deposits of each player that is made; what tables with so many rows hold beside them.
_EVENTS_A_PLAYER = 4
_FILLED_AT_A_TIME = 200_000
# So many register one after another before the first of them deposits.
_PLAYERS_IN_TURN = 100
# The key that `environment_of` names.
_CLICK_KEY = bytes.fromhex("0f" * 32)
_STORE_CLICK = """
    INSERT INTO clicks (id, link_id, campaign_id, creative_id, partner_id, source_id, offer_id, currency, kind, outcome,
                        device, routing_version)
    SELECT %s, link.id, campaign_id, creative_id, link.partner_id, source_id, offer_id, currency, 'click', 'offer',
           'phone', 1
      FROM tracking_links AS link JOIN campaigns ON campaigns.id = campaign_id WHERE link.id = %s"""

# Keys are counted from far above what the trackers' own rows reach, so that nothing has to be looked up.
_FILL = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT 1000000000 + number AS id, 1000000000 + number / 4 AS player_id, number %% 4 = 0 AS registers,
       number %% 4 = 1 AS is_first, now() - interval '90 days' * random() AS at, platforms.id AS platform_id,
       link.id AS link_id, campaign_id, creative_id, partner_id, source_id, offer_id
  FROM generate_series(%(first)s::bigint, %(last)s) AS number CROSS JOIN platforms
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM tracking_links) AS link ON place = number / 4 %% 4
  JOIN campaigns ON campaigns.id = campaign_id WHERE platforms.slug = 'gaming';

INSERT INTO players (id, platform_id, player_id, registered_at, country, region, is_test, click_facts, created_at,
                     credit_outcome, clicked_at, link_id, campaign_id, creative_id, partner_id, source_id, offer_id)
SELECT player_id, platform_id, 'stored-' || player_id, at, 'MT', '', false, '{}', at,
       'click', at, link_id, campaign_id, creative_id, partner_id, source_id, offer_id FROM made WHERE registers;

INSERT INTO inbox_events (id, platform_id, event_id, webhook_id, kind, terms, answer, occurred_at, received_at, state,
                          reason, waits_for, tries)
SELECT id, platform_id, 'stored-event-' || id, 'stored-message-' || id,
       CASE WHEN registers THEN 'registration' ELSE 'deposit' END,
       jsonb_build_object('status', 'confirmed', 'amount', '50', 'currency', 'EUR', 'product', '', 'is_test', false,
                          'player_id', 'stored-' || player_id, 'occurred_at', at, 'transaction_id', 'stored-' || id),
       jsonb_build_object('status', 'recorded', 'conversion_id', id, 'first_deposit', is_first, 'credited_to', NULL),
       at, at, 'recorded', '', '', 0
  FROM made;

INSERT INTO conversions (id, platform_id, player_id, kind, status, transaction_id, amount, currency, product,
                         occurred_at, first_event_id, received_at, is_test, is_settled, is_first_deposit, is_valuable,
                         reporting_amount, reporting_currency, exchange_rate, exchange_rate_on, exchange_rate_source,
                         review_state, booking_state, credit_outcome, clicked_at, link_id, campaign_id, creative_id,
                         partner_id, source_id, offer_id)
SELECT id, platform_id, player_id, CASE WHEN registers THEN 'registration' ELSE 'deposit' END, 'confirmed',
       CASE WHEN NOT registers THEN 'stored-' || id END, CASE WHEN NOT registers THEN 50 END,
       CASE WHEN NOT registers THEN 'EUR' END, '', at, 'stored-event-' || id, at, false, true, is_first, false,
       CASE WHEN NOT registers THEN 50 END, CASE WHEN NOT registers THEN 'EUR' END,
       CASE WHEN NOT registers THEN 1 END, CASE WHEN NOT registers THEN at::date END, '', 'approved',
       CASE WHEN registers THEN 'none' ELSE 'done' END, 'click', at, link_id, campaign_id, creative_id, partner_id,
       source_id, offer_id
  FROM made;

INSERT INTO status_reports (conversion_id, event_id, status, occurred_at, received_at)
SELECT id, id, 'confirmed', at, at FROM made;

INSERT INTO customer_ltv (player_id, currency, deposits, deposits_amount, reversed_deposits, reversed_amount,
                          unconverted_deposits, first_deposit_at, last_deposit_at, updated_at)
SELECT player_id, 'EUR', count(*), 50 * count(*), 0, 0, 0, min(at), max(at), now()
  FROM made WHERE NOT registers GROUP BY player_id;

INSERT INTO reviews (conversion_id, verdict, reasons, credited, created_at)
SELECT id, 'approved', '[]', '{}', at FROM made;

INSERT INTO postbacks (destination_id, conversion_id, event, is_correction, fact, dedup_id, state, state_reason, tries,
                       next_attempt_at, receipt, created_at, finished_at)
SELECT destinations.id, made.id, 'deposit', false, 'deposit:' || made.id, md5(made.id::text), 'done', '', 1, at, '', at,
       at
  FROM made CROSS JOIN destinations WHERE NOT registers AND destinations.name = 'S2S';

INSERT INTO intake_requests (platform_id, address, received_at, content, dropped, status, answer, is_counted)
SELECT platform_id, '/webhooks/gaming/deposit', received_at, jsonb_build_array(terms), '{}', 201, answer, true
  FROM inbox_events
 WHERE inbox_events.id IN (SELECT id FROM made)
"""


@dataclass(kw_only=True)
class Tracker:
    """A tracker with so many stored events, its processes, and the sums over its rounds."""

    name: str
    rows: int
    url: str
    port: int
    pids: Mapping[str, int]
    secret: str
    links: list[int]
    numbers: Iterator[int] = field(default_factory=count)
    load: Load = field(default_factory=Load)
    at_rate: Load = field(default_factory=Load)
    seconds: dict[str, float] = field(default_factory=dict)
    review_seconds: float = 0.0

    def cpu_ms(self, name: str) -> float:
        return self.seconds[name] / self.load.answered * 1000

    @property
    def cpu_ms_in_all(self) -> float:
        return sum(self.cpu_ms(name) for name in self.seconds)


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-intake-", ignore_cleanup_errors=True))
        )
        trackers = [
            _start(stack, home, name="few", rows=options.few_rows),
            _start(stack, home, name="many", rows=options.rows),
        ]
        for tracker in trackers:
            _send(tracker, seconds=_WARM_UP_SECONDS)
        for number in range(_ROUNDS):
            for tracker in trackers if number % 2 == 0 else reversed(trackers):
                _measure(tracker, seconds=options.seconds / _ROUNDS / 2, rate=options.rate)
    _report(*trackers)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="stored events of the tracker with many")
    parser.add_argument("--few-rows", type=int, default=20_000, help="stored events of the tracker with few")
    parser.add_argument("--seconds", type=float, default=48.0, help="how long the load takes, all rounds together")
    parser.add_argument("--rate", type=float, default=150.0, help="webhooks a second, for the latency")
    return parser.parse_args()


def _start(stack: ExitStack, home: Path, *, name: str, rows: int) -> Tracker:
    """Start a tracker with servers of its own and so many stored events."""
    postgres, valkey = EmbeddedPostgres(home / f"{name}-postgres"), EmbeddedValkey(home / f"{name}-valkey")
    for server in (postgres, valkey):
        stack.callback(server.remove)
        server.start()
    postgres.create_database("bench")
    port, url = choose_free_port(), postgres.url("bench")
    environment = environment_of(url, home / name) | {
        "REDIS_URL": valkey.url(),
        "WEB_PORT": str(port),
        "PATH": f"{sys.prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
    }
    (home / name).mkdir()
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
    run_python(["manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environment)
    run_python(["manage.py", "ensure_click_partitions"], environment)
    told = json.loads(run_python(["-m", "bench.common_players", "0", "http://127.0.0.1:9"], environment))
    began = time.monotonic()
    _fill(url, rows=rows)
    print(f"{name}: {rows} events made in {time.monotonic() - began:.0f} s")
    pids = stack.enter_context(_processes(environment, home / name, port))
    assert postgres.pid is not None
    return Tracker(
        name=name,
        rows=rows,
        url=url,
        port=port,
        pids={**pids, "postgres": postgres.pid},
        secret=told["secret"],
        links=told["links"],
    )


def _fill(url: str, *, rows: int) -> None:
    parts = [
        {"first": first, "last": min(rows, first + _FILLED_AT_A_TIME) - 1}
        for first in range(0, rows, _FILLED_AT_A_TIME)
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda part: _fill_part(url, part), parts))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _fill_part(url: str, part: Mapping[str, int]) -> None:
    with psycopg.connect(url) as connection:
        for statement in _FILL.split(";\n"):
            connection.execute(statement, part)


@contextmanager
def _processes(environment: Mapping[str, str], var: Path, port: int) -> Iterator[dict[str, int]]:
    """Run the Procfile's web process, beat, and the worker for all but the sending of postbacks."""
    programs = {program.name: program.command[-1] for program in read_procfile(ROOT / "Procfile")}
    programs["worker"] = programs["worker"].replace("money,postbacks,reports,celery", "money")
    running: dict[str, Popen[bytes]] = {}
    with ExitStack() as files:
        try:
            for name in ("web", "worker", "beat"):
                log = files.enter_context((var / f"{name}.log").open("wb"))
                shell = ["/bin/sh", "-c", f"exec {programs[name]}"]
                running[name] = Popen(shell, cwd=ROOT, env=dict(environment), stdout=log, stderr=log)
            deadline = time.monotonic() + _START_SECONDS
            while not is_port_taken(port):
                if time.monotonic() > deadline:
                    sys.exit("The web process did not start.")
                time.sleep(0.1)
            time.sleep(5.0)  # both load their programs
            yield {name: process.pid for name, process in running.items()}
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                process.wait(timeout=_START_SECONDS)


def _webhooks(tracker: Tracker, number: int) -> list[bytes]:
    """Return so many signed requests, the clicks that they name stored; four are about each player, not at once."""
    requests, clicks = [], []
    for position in islice(tracker.numbers, number):
        group, place = divmod(position, _EVENTS_A_PLAYER * _PLAYERS_IN_TURN)
        part, member = divmod(place, _PLAYERS_IN_TURN)
        player = group * _PLAYERS_IN_TURN + member
        fields = {"player_id": f"new-{player}", "event_id": f"new-{position}", "occurred_at": _now().isoformat()}
        if part == 0:
            link, uuid = tracker.links[player % len(tracker.links)], new_uuid7(int(_now().timestamp() * 1000))
            clicks.append((uuid, link))
            fields |= {"click_id": sign_click_id(uuid.bytes, link, _CLICK_KEY), "country": "MT"}
            requests.append(_request(tracker, "registration", fields))
        else:
            fields |= {"transaction_id": f"t-{position}", "status": "confirmed", "amount": "50.00", "currency": "EUR"}
            requests.append(_request(tracker, "deposit", fields))
    with psycopg.connect(tracker.url) as connection, connection.cursor() as cursor:
        cursor.executemany(_STORE_CLICK, clicks)
    return requests


def _request(tracker: Tracker, event: str, fields: Mapping[str, str]) -> bytes:
    body = json.dumps(fields).encode()
    headers = signature_headers(tracker.secret, f"message-{fields['event_id']}", int(time.time()), body)
    lines = [f"POST /webhooks/gaming/{event} HTTP/1.1", f"Host: {LOOPBACK}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _now() -> datetime:
    return datetime.now(UTC)


def _send(tracker: Tracker, *, seconds: float) -> Load:
    requests = _webhooks(tracker, int(_MOST_A_SECOND * seconds))
    return _taken(
        tracker, send_load(tracker.port, iter(requests), seconds=seconds, connections=CONNECTIONS, wanted=CREATED)
    )


def _taken(tracker: Tracker, load: Load) -> Load:
    if load.failed:
        sys.exit(f"{tracker.name}: {load.failed} webhooks were not recorded: no figures.")
    return load


def _measure(tracker: Tracker, *, seconds: float, rate: float) -> None:
    """Two thirds as fast as it goes and until all is reviewed, for the cost; one third at a rate, for the latency."""
    before = {name: cpu_seconds(pid) for name, pid in tracker.pids.items()}
    tracker.load += _send(tracker, seconds=seconds * 2 / 3)
    tracker.review_seconds += _wait_for_reviews(tracker)
    for name, pid in tracker.pids.items():
        tracker.seconds[name] = tracker.seconds.get(name, 0.0) + cpu_seconds(pid) - before[name]
    requests = _webhooks(tracker, int(rate * seconds))
    load = send_at_rate(
        tracker.port, iter(requests), rate=rate, seconds=seconds / 3, connections=CONNECTIONS, wanted=CREATED
    )
    tracker.at_rate += _taken(tracker, load)
    _wait_for_reviews(tracker)


def _wait_for_reviews(tracker: Tracker) -> float:
    """Wait until the worker has reviewed everything, and return how long that took."""
    began = time.monotonic()
    with psycopg.connect(tracker.url, autocommit=True) as connection:
        while time.monotonic() - began < _REVIEW_SECONDS:
            [(waiting,)] = connection.execute(
                "SELECT EXISTS (SELECT FROM conversions WHERE review_state = 'pending')"
                "    OR EXISTS (SELECT FROM conversions WHERE booking_state = 'due')"
            ).fetchall()
            if not waiting:
                return time.monotonic() - began
            time.sleep(0.2)
    sys.exit(f"{tracker.name}: the worker does not come to an end: no figures.")


def _report(few: Tracker, many: Tracker) -> None:
    heads = ("", "stored", "webhooks", "a second", "web ms", "worker ms", "Postgres ms", "p50", "p99", "reviewed after")
    print("{:6}{:>10}{:>10}{:>10}{:>9}{:>11}{:>13}{:>10}{:>10}{:>16}".format(*heads))
    for tracker in (few, many):
        cpu = f"{tracker.cpu_ms('web'):9.2f}{tracker.cpu_ms('worker'):11.2f}{tracker.cpu_ms('postgres'):13.2f}"
        latencies = "".join(f"{tracker.at_rate.percentile_ms(percent):7.1f} ms" for percent in (50, 99))
        head = f"{tracker.name:6}{tracker.rows:10}{tracker.load.answered:10}{tracker.load.per_second:10.0f}"
        print(f"{head}{cpu}{latencies}{tracker.review_seconds / _ROUNDS:14.1f} s")
    print(json.dumps(_summary(few, many)))


def _summary(few: Tracker, many: Tracker) -> dict[str, float]:
    """Return the figures; growth is what a webhook costs in all processes, and to be durable, among many over few."""
    durable = [tracker.cpu_ms("web") + tracker.cpu_ms("postgres") for tracker in (few, many)]
    figures = {
        "webhooks_per_second": many.load.per_second,
        "reviewed_per_second": many.load.answered / (many.load.seconds + many.review_seconds),
        "webhook_cpu_ms": many.cpu_ms_in_all,
        "p99_ms": many.at_rate.percentile_ms(99),
        "growth_ratio": many.cpu_ms_in_all / few.cpu_ms_in_all,
        "growth_of_durable": durable[1] / durable[0],
    }
    return {name: round(figure, 3) for name, figure in figures.items()}


if __name__ == "__main__":
    main()
