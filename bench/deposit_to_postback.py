"""Measures how long it takes from a deposit's webhook to its postback, at steady rates.

Run `.venv/bin/python -m bench.deposit_to_postback --seconds 20`. Postgres, Valkey, web, worker and beat are started as
restarter.sh starts them, with data in a temporary folder. Each deposit is the first one of a player of his own and
makes one postback: two of five to Meta, two to a URL template, one to a partner after his commission is booked.
Deposits leave on schedule whatever the answers do, and the time counts from the schedule.
"""

import argparse
import http.client
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from urllib.parse import parse_qs

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import ROOT, cpu_seconds, environment_of, process_tree, run_python
from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.ports import LOOPBACK, choose_free_port
from deploy.supervision import read_procfile
from tests.outside.casino import Deposit, signature_headers
from tests.outside.receivers import ReceivedRequest, Receiver

BUDGET_RATE = 100
_RATES = [20, BUDGET_RATE]
_CONNECTIONS = 32
_PROCESSES = ("web", "worker", "beat")
_WARM_UP_DEPOSITS = 60
_START_SECONDS = 60.0
_DRAIN_SECONDS = 30.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Player:
    """Who deposits, and where his postback goes."""

    player_id: str
    click_id: str
    receiver: str


@dataclass(kw_only=True)
class Measurement:
    """One rate: how long each postback took, webhooks that failed, and processor time."""

    rate: int
    sent: int = 0
    refused: int = 0
    late_starts: int = 0
    seconds: list[float] = field(default_factory=list)
    answer_seconds: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    def percentile(self, share: float) -> float | None:
        """Return how soon that share of all sent deposits was told; None when less of them were told at all."""
        rank = max(1, math.ceil(share * self.sent))
        ordered = sorted(self.seconds)
        return ordered[rank - 1] if rank <= len(ordered) else None


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """What is measured: where it takes webhooks, where its postbacks come, and its processes."""

    web_port: int
    receiver: Receiver
    secret: str
    pids: Mapping[str, int]

    def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}


def main() -> None:
    options = _options()
    rates = options.rate or _RATES
    number = _WARM_UP_DEPOSITS + sum(_deposits(rate, options.seconds) for rate in rates)
    with ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-deposits-", ignore_cleanup_errors=True))
        )
        tracker, players = _start(stack, home, number)
        waiting = iter(players)
        _measure(tracker, [next(waiting) for _ in range(_WARM_UP_DEPOSITS)], rate=_RATES[0], first=0)
        measurements, first = [], _WARM_UP_DEPOSITS
        for rate in rates:
            share = [next(waiting) for _ in range(_deposits(rate, options.seconds))]
            measurements.append(_measure(tracker, share, rate=rate, first=first))
            first += len(share)
    _report(measurements)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long deposits come at each rate")
    parser.add_argument("--rate", type=int, action="append", help="deposits a second; may be given several times")
    return parser.parse_args()


def _deposits(rate: int, seconds: float) -> int:
    return max(1, round(rate * seconds))


def _start(stack: ExitStack, home: Path, number: int) -> tuple[Tracker, list[Player]]:
    """Start everything and register the players."""
    postgres, valkey = EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")
    for server in (postgres, valkey):
        stack.callback(server.remove)
        server.start()
    postgres.create_database("bench")
    receiver = stack.enter_context(Receiver())
    web_port = choose_free_port()
    environment = environment_of(postgres.url("bench"), home / "var") | {
        "REDIS_URL": valkey.url(),
        "WEB_PORT": str(web_port),
        "META_BASE_URL": receiver.meta_url,
        "EGRESS_ALLOWED_ADDRESSES": "127.0.0.0/8",
        "PATH": f"{sys.prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
    }
    (home / "var").mkdir(exist_ok=True)
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
    run_python(["manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environment)
    told = json.loads(run_python(["-m", "bench.common_players", str(number)], environment))
    pids = stack.enter_context(_processes(environment, home / "var"))
    pids |= {"postgres": postgres.pid or 0, "valkey": valkey.pid or 0}
    tracker = Tracker(web_port=web_port, receiver=receiver, secret=told["secret"], pids=pids)
    _wait_for_web(web_port)
    players = [Player(player_id=row[0], click_id=row[1], receiver=row[2]) for row in told["players"]]
    return tracker, players


@contextmanager
def _processes(environment: Mapping[str, str], var: Path) -> Iterator[dict[str, int]]:
    """Run the Procfile's processes that a deposit passes through while the block runs."""
    programs = {program.name: program.command[-1] for program in read_procfile(ROOT / "Procfile")}
    running: dict[str, Popen[bytes]] = {}
    with ExitStack() as files:
        try:
            for name in _PROCESSES:
                log = files.enter_context((var / f"{name}.log").open("wb"))
                shell = ["/bin/sh", "-c", f"exec {programs[name]}"]
                running[name] = Popen(shell, cwd=ROOT, env=dict(environment), stdout=log, stderr=log)
            yield {name: process.pid for name, process in running.items()}
        finally:
            _end(list(running.values()))


def _end(processes: Sequence[Popen[bytes]]) -> None:
    trees = [member for process in processes for member in process_tree(process.pid)]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except TimeoutExpired:
            process.kill()
            process.wait()
    for pid in trees:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue


def _wait_for_web(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
            connection.request("POST", "/webhooks/nobody/deposit", b"{}", {"content-type": "application/json"})
            if connection.getresponse().status == 404:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("The web process did not start.")


def _measure(tracker: Tracker, players: Sequence[Player], *, rate: int, first: int) -> Measurement:
    """Send one deposit of each player on schedule and wait, not for ever, until all are told."""
    measurement = Measurement(rate=rate)
    tracker.receiver.forget()
    cpu_before = tracker.cpu()
    due_at = _send(tracker, players, measurement, first=first)
    deadline = time.monotonic() + _DRAIN_SECONDS
    while _requests_taken(tracker.receiver) < len(players) and time.monotonic() < deadline:
        time.sleep(0.05)
    cpu = tracker.cpu()
    measurement.cpu_ms = {name: (cpu[name] - cpu_before[name]) / len(players) * 1000 for name in cpu}
    arrivals = _arrivals(tracker.receiver)
    keys = [_key(player, first + position) for position, player in enumerate(players)]
    measurement.seconds = [arrivals[key] - due_at[position] for position, key in enumerate(keys) if key in arrivals]
    return measurement


def _send(tracker: Tracker, players: Sequence[Player], measurement: Measurement, *, first: int) -> list[float]:
    """Return when each deposit was due, in seconds since 1970."""
    local, lock = threading.local(), threading.Lock()
    start = time.time() + 0.2
    due_at = [start + position / measurement.rate for position in range(len(players))]

    def send(position: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(LOOPBACK, tracker.web_port, timeout=30)
        began = time.time()
        status = _post(local.connection, tracker.secret, players[position], number=first + position)
        with lock:
            measurement.sent += 1
            measurement.refused += status != 201
            measurement.late_starts += began - due_at[position] > 0.1
            measurement.answer_seconds.append(time.time() - due_at[position])

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for position, due in enumerate(due_at):
            time.sleep(max(0.0, due - time.time()))
            pool.submit(send, position)
    return due_at


def _post(connection: http.client.HTTPConnection, secret: str, player: Player, *, number: int) -> int:
    deposit = Deposit(
        event_id=f"bench-event-{number}",
        transaction_id=f"bench-transaction-{number}",
        status="confirmed",
        occurred_at=datetime.now(UTC),
        player_id=player.player_id,
        amount=_amount(number),
    )
    body = json.dumps(deposit.payload()).encode()
    headers = {"content-type": "application/json", **signature_headers(secret, f"m-{number}", int(time.time()), body)}
    try:
        connection.request("POST", "/webhooks/gaming/deposit", body, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    return answer.status


def _amount(number: int) -> Decimal:
    """Return an amount that no other deposit has: Meta's events are known by it."""
    return Decimal(5000 + number).scaleb(-2)


def _key(player: Player, number: int) -> str:
    return str(_amount(number)) if player.receiver == "meta" else player.click_id


def _requests_taken(receiver: Receiver) -> int:
    return sum(request.status == 200 for request in receiver.requests())


def _arrivals(receiver: Receiver) -> dict[str, float]:
    """Return when each postback first arrived, by amount for Meta and by click id elsewhere."""
    arrivals: dict[str, float] = {}
    for request in receiver.requests():
        if request.status == 200:
            arrivals.setdefault(_key_of(request), request.arrived_at)
    return arrivals


def _key_of(request: ReceivedRequest) -> str:
    if not request.path.startswith("/meta"):
        return request.query["click_id"]
    event = json.loads(parse_qs(request.body)["data"][0], parse_float=str)[0]
    return str(event["custom_data"]["value"])


def _report(measurements: Sequence[Measurement]) -> None:
    heads = " ".join(f"{head:>8}" for head in ("p50", "p95", "p99", "most"))
    print(f"{'rate':>5} {'told/sent':>12} {heads} {'answer p95':>11}  CPU a deposit, ms")
    for measurement in measurements:
        cpu = " ".join(f"{name} {spent:.1f}" for name, spent in measurement.cpu_ms.items())
        told = f"{len(measurement.seconds)}/{measurement.sent}"
        percentiles = " ".join(_column(measurement.percentile(share)) for share in (0.5, 0.95, 0.99, 1.0))
        answers = sorted(measurement.answer_seconds)
        answer = _column(answers[math.ceil(0.95 * len(answers)) - 1])
        print(f"{measurement.rate:>5} {told:>12} {percentiles}    {answer}  {cpu} (all {_all_cpu(measurement):.1f})")
        if measurement.refused or measurement.late_starts:
            print(f"      {measurement.refused} webhooks not recorded, {measurement.late_starts} sent over 0.1 s late")
    print(json.dumps(_summary(measurements)))


def _summary(measurements: Sequence[Measurement]) -> dict[str, object]:
    """Return the figures by rate; `postback_p95_seconds` is that of the greatest one, null when not all were told."""
    greatest = max(measurements, key=lambda measurement: measurement.rate)
    return {
        "postback_p95_seconds": _rounded(greatest.percentile(0.95)),
        "rates": {
            str(measurement.rate): {
                "sent": measurement.sent,
                "told": len(measurement.seconds),
                "refused": measurement.refused,
                "p50_seconds": _rounded(measurement.percentile(0.5)),
                "p95_seconds": _rounded(measurement.percentile(0.95)),
                "p99_seconds": _rounded(measurement.percentile(0.99)),
                "most_seconds": _rounded(measurement.percentile(1.0)),
                "cpu_ms_per_deposit": {name: round(spent, 2) for name, spent in measurement.cpu_ms.items()},
            }
            for measurement in measurements
        },
    }


def _all_cpu(measurement: Measurement) -> float:
    return sum(measurement.cpu_ms.values())


def _column(seconds: float | None) -> str:
    return f"{'never':>8}" if seconds is None else f"{seconds:>7.3f}s"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


if __name__ == "__main__":
    main()
