"""Measures how long it takes from a deposit's webhook to its postbacks, at steady rates and beside a sick receiver.

Run `.venv/bin/python -m bench.deposit_to_postback --seconds 20`. Postgres, Valkey, web, worker and beat are started as
restarter.sh starts them, with data in a temporary folder. Each deposit is the first one of a player of his own and is
told to three destinations, stand-ins of Meta, TikTok and a URL template, that hold senders to the vendors' rules; one
player of five came by a partner, whose commission is booked. Deposits leave on schedule whatever the answers do, and
the time of each postback counts from the schedule.

The greatest rate is measured three times: with all three well, with TikTok's stand-in taking requests and answering
none, and with it gone; the figures of the latter two are those of the other destinations. `--waiting 50000` has so many
postbacks wait at last, and says how fast they are sent.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
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
_WELL = ("meta", "s2s")
_PROCESSES = ("web", "worker", "beat")
_WARM_UP_DEPOSITS = 60
_START_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
_DRAIN_SECONDS = 600.0
_STOP_SECONDS = 20.0


@dataclass(kw_only=True)
class Measurement:
    """One rate: how long each postback to those destinations took, webhooks that failed, and processor time."""

    rate: int
    name: str
    destinations: tuple[str, ...]
    sent: int = 0
    refused: int = 0
    late_starts: int = 0
    seconds: list[float] = field(default_factory=list)
    answer_seconds: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    @property
    def owed(self) -> int:
        return self.sent * len(self.destinations)

    def percentile(self, share: float) -> float | None:
        """Return how soon that share of all postbacks owed arrived; None when less of them arrived at all."""
        rank = max(1, math.ceil(share * self.owed))
        ordered = sorted(self.seconds)
        return ordered[rank - 1] if rank <= len(ordered) else None


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """What is measured: where it takes webhooks, where its postbacks come, and its processes.

    `receiver` stands in for Meta and the URL template, `sick` for TikTok.
    """

    web_port: int
    receiver: Receiver
    sick: Receiver
    environment: Mapping[str, str]
    secret: str
    pids: Mapping[str, int]

    def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}


def main() -> None:
    options = _options()
    rates = sorted(options.rate or _RATES)
    phases: list[tuple[int, str, Callable[[Receiver], None]]] = [(rate, "all well", _nothing) for rate in rates]
    phases += [(rates[-1], "one hangs", _hang), (rates[-1], "one is gone", Receiver.stop)]
    number = _WARM_UP_DEPOSITS + sum(_deposits(rate, options.seconds) for rate, _, _ in phases)
    with ExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-deposits-", ignore_cleanup_errors=True))
        )
        tracker, players = _start(stack, home, number)
        waiting = iter(enumerate(players))
        _measure(tracker, list(islice(waiting, _WARM_UP_DEPOSITS)), rate=_RATES[0], name="warming up")
        measurements = []
        for rate, name, make_sick in phases:
            if rate == rates[-1] and make_sick is _hang and options.waiting:
                drained = _drain(tracker, options.waiting)
            make_sick(tracker.sick)
            share = list(islice(waiting, _deposits(rate, options.seconds)))
            measurements.append(_measure(tracker, share, rate=rate, name=name))
    _report(measurements, drained if options.waiting else None)


def _nothing(receiver: Receiver) -> None:
    """Leave it well."""


def _hang(receiver: Receiver) -> None:
    receiver.fail_next(10**9, status=None, delay=60)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long deposits come at each rate")
    parser.add_argument("--rate", type=int, action="append", help="deposits a second; may be given several times")
    parser.add_argument("--waiting", type=int, default=0, help="so many postbacks wait: how fast are they sent")
    return parser.parse_args()


def _deposits(rate: int, seconds: float) -> int:
    return max(1, round(rate * seconds))


def _start(stack: ExitStack, home: Path, number: int) -> tuple[Tracker, list[str]]:
    """Start everything and register the players."""
    postgres, valkey = EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")
    for server in (postgres, valkey):
        stack.callback(server.remove)
        server.start()
    postgres.create_database("bench")
    receiver, sick = stack.enter_context(Receiver()), Receiver().start()
    web_port = choose_free_port()
    environment = environment_of(postgres.url("bench"), home / "var") | {
        "REDIS_URL": valkey.url(),
        "WEB_PORT": str(web_port),
        "META_BASE_URL": receiver.meta_url,
        "TIKTOK_BASE_URL": f"{sick.url}/tiktok",
        "EGRESS_ALLOWED_ADDRESSES": "127.0.0.0/8",
        "PATH": f"{sys.prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
    }
    (home / "var").mkdir(exist_ok=True)
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
    run_python(["manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environment)
    told = json.loads(run_python(["-m", "bench.common_players", str(number), receiver.url], environment))
    pids = stack.enter_context(_processes(environment, home / "var"))
    pids |= {"postgres": postgres.pid or 0, "valkey": valkey.pid or 0}
    tracker = Tracker(
        web_port=web_port, receiver=receiver, sick=sick, environment=environment, secret=told["secret"], pids=pids
    )
    _wait_for_web(web_port)
    return tracker, told["players"]


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


def _measure(tracker: Tracker, players: Sequence[tuple[int, str]], *, rate: int, name: str) -> Measurement:
    """Send one deposit of each player on schedule and wait, not for ever, until the destinations that are well know."""
    is_sick = name not in ("all well", "warming up")
    measurement = Measurement(rate=rate, name=name, destinations=_WELL if is_sick else (*_WELL, "tiktok"))
    for receiver in (tracker.receiver, tracker.sick):
        receiver.forget()
    cpu_before = tracker.cpu()
    due_at = _send(tracker, players, measurement)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(arrivals := _arrivals(tracker, measurement)) < measurement.owed and time.monotonic() < deadline:
        time.sleep(0.2)
    cpu = tracker.cpu()
    measurement.cpu_ms = {name: (cpu[name] - cpu_before[name]) / len(players) * 1000 for name in cpu}
    measurement.seconds = [arrived_at - due_at[number] for (_, number), arrived_at in arrivals.items()]
    return measurement


def _drain(tracker: Tracker, number: int) -> float:
    """Have so many postbacks wait, and return how many a second are sent, from the first to the last."""
    receivers = (tracker.receiver, tracker.sick)
    for receiver in receivers:
        receiver.forget()
    run_python(["-m", "bench.common_players", "waiting", str(number)], tracker.environment)
    deadline = time.monotonic() + _DRAIN_SECONDS
    while sum(_events_in(receiver) for receiver in receivers) < number and time.monotonic() < deadline:
        time.sleep(0.5)
    times = [request.arrived_at for receiver in receivers for request in receiver.requests()]
    return sum(_events_in(receiver) for receiver in receivers) / (max(times) - min(times))


def _send(tracker: Tracker, players: Sequence[tuple[int, str]], measurement: Measurement) -> dict[int, float]:
    """Return when each deposit was due, by its number, in seconds since 1970."""
    local, lock = threading.local(), threading.Lock()
    start = time.time() + 0.2
    due_at = [start + position / measurement.rate for position in range(len(players))]

    def send(position: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(LOOPBACK, tracker.web_port, timeout=30)
        began = time.time()
        number, player = players[position]
        status = _post(local.connection, tracker.secret, player, number=number)
        with lock:
            measurement.sent += 1
            measurement.refused += status != 201
            measurement.late_starts += began - due_at[position] > 0.1
            measurement.answer_seconds.append(time.time() - due_at[position])

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for position, due in enumerate(due_at):
            time.sleep(max(0.0, due - time.time()))
            pool.submit(send, position)
    return {number: due for (number, _), due in zip(players, due_at, strict=True)}


def _post(connection: http.client.HTTPConnection, secret: str, player: str, *, number: int) -> int:
    deposit = Deposit(
        event_id=f"bench-event-{number}",
        transaction_id=f"bench-transaction-{number}",
        status="confirmed",
        occurred_at=datetime.now(UTC),
        player_id=player,
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
    """Return an amount that no other deposit has: postbacks are known by it."""
    return Decimal(5000 + number).scaleb(-2)


def _arrivals(tracker: Tracker, measurement: Measurement) -> dict[tuple[str, int], float]:
    """Return when each deposit was first told to each destination that counts, by its number."""
    arrivals: dict[tuple[str, int], float] = {}
    for receiver in (tracker.receiver, tracker.sick):
        for request in receiver.requests():
            destination = request.path.split("/")[1]
            if request.status == 200 and destination in measurement.destinations:
                for amount in _amounts(request):
                    arrivals.setdefault((destination, int(Decimal(amount) * 100) - 5000), request.arrived_at)
    return arrivals


def _events_in(receiver: Receiver) -> int:
    return sum(len(_amounts(request)) for request in receiver.requests() if request.status == 200)


def _amounts(request: ReceivedRequest) -> list[str]:
    """Return the amounts that a request tells of."""
    match request.path.split("/")[1]:
        case "meta":
            events = json.loads(parse_qs(request.body)["data"][0], parse_float=str)
            return [str(event["custom_data"]["value"]) for event in events]
        case "tiktok":
            events = json.loads(request.body, parse_float=str)["data"]
            return [str(event["properties"]["value"]) for event in events]
        case _:
            return [request.query["sum"]]


def _report(measurements: Sequence[Measurement], drained: float | None) -> None:
    heads = " ".join(f"{head:>8}" for head in ("p50", "p95", "p99", "most"))
    print(f"{'rate':>5} {'':11} {'told/owed':>12} {heads} {'answer p95':>11}  CPU a deposit, ms")
    for measurement in measurements:
        cpu = " ".join(f"{name} {spent:.1f}" for name, spent in measurement.cpu_ms.items())
        told = f"{len(measurement.seconds)}/{measurement.owed}"
        percentiles = " ".join(_column(measurement.percentile(share)) for share in (0.5, 0.95, 0.99, 1.0))
        answers = sorted(measurement.answer_seconds)
        answer = _column(answers[math.ceil(0.95 * len(answers)) - 1])
        head = f"{measurement.rate:>5} {measurement.name:11} {told:>12} {percentiles}    {answer}"
        print(f"{head}  {cpu} (all {_all_cpu(measurement):.1f})")
        if measurement.refused or measurement.late_starts:
            print(f"      {measurement.refused} webhooks not recorded, {measurement.late_starts} sent over 0.1 s late")
    if drained is not None:
        print(f"{drained:.0f} postbacks a second of those that waited")
    print(json.dumps(_summary(measurements, drained)))


def _summary(measurements: Sequence[Measurement], drained: float | None) -> dict[str, object]:
    """Return the figures by phase; the three p95 are of the greatest rate, null when not all were told."""
    p95 = {measurement.name: _rounded(measurement.percentile(0.95)) for measurement in measurements}
    return {
        "postback_p95_seconds": p95["all well"],
        "p95_beside_one_that_hangs": p95["one hangs"],
        "p95_beside_one_that_is_gone": p95["one is gone"],
        "drained_per_second": _rounded(drained),
        "phases": [
            {
                "rate": measurement.rate,
                "name": measurement.name,
                "owed": measurement.owed,
                "told": len(measurement.seconds),
                "refused": measurement.refused,
                **{f"p{share * 100:g}": _rounded(measurement.percentile(share)) for share in (0.5, 0.95, 0.99, 1.0)},
                "cpu_ms_per_deposit": {name: round(spent, 2) for name, spent in measurement.cpu_ms.items()},
            }
            for measurement in measurements
        ],
    }


def _all_cpu(measurement: Measurement) -> float:
    return sum(measurement.cpu_ms.values())


def _column(seconds: float | None) -> str:
    return f"{'never':>8}" if seconds is None else f"{seconds:>7.3f}s"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


if __name__ == "__main__":
    main()
