"""Measures how fast `manage.py replay` rebuilds and compares, and whether that depends on how much there is.

Run `.venv/bin/python -m bench.replay --events 20000`. Postgres is started with data in a temporary folder. What players
usually do is written straight into the inbox, 20 events each (`common_replay`); a first replay makes the live rows, and
a second one, of all of it, is measured and must find them identical. The rate counts preparation and comparison in.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import cpu_seconds, environment_of, run_python
from deploy.embedded import EmbeddedPostgres

GROWTH = 10
_CORES = 2
_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One replay: how many events, the seconds in all and those in which they were placed, and processor time."""

    events: int
    seconds: float
    placing_seconds: float
    python_cpu: float
    store_cpu: float
    differences: int

    @property
    def a_second(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Return the processor time of an event, all processes and Postgres together."""
        return (self.python_cpu + self.store_cpu) / self.events * 1000


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-replay-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        postgres = EmbeddedPostgres(home / "postgres")
        postgres.start()
        try:
            measured = [
                _measure(postgres, home, number, events=events, processes=options.processes)
                for number, events in enumerate([options.events // GROWTH, options.events])
            ]
        finally:
            postgres.remove()
    _report(measured, processes=options.processes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000, help="the greater of two runs; the other has a tenth")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _measure(postgres: EmbeddedPostgres, home: Path, number: int, *, events: int, processes: int) -> Measured:
    postgres.create_database(f"bench{number}")
    environment = environment_of(postgres.url(f"bench{number}"), home / "var")
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
    printed = run_python(
        ["-m", "bench.replay", "--inside", str(events), str(processes), str(postgres.pid)], environment
    )
    return Measured(**json.loads(printed.splitlines()[-1]))


def _inside(events: int, processes: int, store: int) -> None:
    """Fill the database that the environment names, replay twice, and print the second as JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    from bench.common_replay import adopt_rebuilt_rows, write_inbox
    from conversions.replay.ordering import Choice
    from conversions.replay.running import replay

    platform = write_inbox(events)
    choice = Choice(platforms=(platform,))
    replay(choice, scratch="first", processes=processes, keep=True)
    adopt_rebuilt_rows("first")
    began, python_before, store_before = time.monotonic(), _python_cpu(), cpu_seconds(store)
    replayed = replay(choice, scratch="second", processes=processes)
    print(
        json.dumps(
            {
                "events": replayed.events,
                "seconds": time.monotonic() - began,
                "placing_seconds": replayed.seconds,
                "python_cpu": _python_cpu() - python_before,
                "store_cpu": cpu_seconds(store) - store_before,
                "differences": replayed.unexplained,
            }
        )
    )


def _python_cpu() -> float:
    """Return the processor time of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _report(measured: list[Measured], *, processes: int) -> None:
    small, large = measured
    growth = large.cpu_ms / small.cpu_ms
    by_clock = _MILLION / large.a_second / 60
    by_cpu = _MILLION * large.cpu_ms / 1000 / _CORES / 60
    print(f"{'events':>10} {'seconds':>9} {'placing':>9} {'events/s':>9} {'Python ms':>10} {'Postgres ms':>12}")
    for each in measured:
        python_ms, store_ms = each.python_cpu / each.events * 1000, each.store_cpu / each.events * 1000
        print(
            f"{each.events:>10,} {each.seconds:>9.1f} {each.placing_seconds:>9.1f} {each.a_second:>9,.0f}"
            f" {python_ms:>10.2f} {store_ms:>12.2f}"
        )
    print(f"1 million events with {processes} processes: {by_clock:.0f} minutes at the rate of this run,")
    print(f"{by_cpu:.0f} minutes by processor time if {_CORES} cores have nothing else to do.")
    print(f"Processor time of an event at {GROWTH} times as many events: {growth:.2f} of that at one.")
    print(
        json.dumps(
            {
                "replay_events_per_second": round(large.a_second, 1),
                "replay_million_minutes": round(by_clock, 1),
                "replay_million_cpu_minutes": round(by_cpu, 1),
                "growth_ratio": round(growth, 3),
                "differences": sum(each.differences for each in measured),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _inside(*map(int, sys.argv[2:5]))
    else:
        main()
