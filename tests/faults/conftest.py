"""One Postgres for all faults, an edge for each, and a table of what they did."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults.harness import EdgeProcess, Journal, Store

_FAULT = "fault"
# A line of its own under the table, for what its columns do not fit.
REMARK = "remark"
_HEADS = ("fault", "times", "sent on", "lost", "set aside", "twice", "unanswered", "slowest s", "recovery s")
_LINE = "{:<44}{:>6}{:>9}{:>6}{:>11}{:>7}{:>12}{:>11}{:>12}"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How hard the faults are: how often something is killed, how many come meanwhile, how long an outage lasts."""

    kills: int
    rate: float
    pause_seconds: float
    outage_seconds: float


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> Profile:
    if request.config.getoption("--long-faults"):
        return Profile(kills=20, rate=500, pause_seconds=3, outage_seconds=60)
    return Profile(kills=2, rate=150, pause_seconds=0.7, outage_seconds=5)


@pytest.fixture(scope="session")
def _prepared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("faults"))
    yield store
    store.postgres.remove()


@pytest.fixture
def store(_prepared_store: Store) -> Store:
    _prepared_store.postgres.start()
    _prepared_store.empty()
    return _prepared_store


@pytest.fixture
def edge(store: Store) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(store.environment)
    yield edge
    edge.kill()


@pytest.fixture
def report(record_property: Callable[[str, object], None], store: Store) -> Callable[..., None]:
    """Note a line of the table that is printed at the end.

    A click that was torn when the disk was full is both set aside and lost to its campaign; it counts as set aside.
    """

    def note(fault: str, *, times: int, journal: Journal, recovery_seconds: float) -> None:
        unstored = len(set(journal.click_ids) - store.click_ids())
        set_aside = min(unstored, len(store.clicks_set_aside()))
        twice = len(store.attempts_stored_twice())
        figures = (times, len(journal.click_ids), unstored - set_aside, set_aside, twice, journal.unanswered)
        seconds = (f"{journal.slowest_seconds:.2f}", f"{recovery_seconds:.1f}")
        record_property(_FAULT, (fault, *map(str, figures), *seconds))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [value for report in reports for name, value in report.user_properties if name == _FAULT]
    remarks = [value for report in reports for name, value in report.user_properties if name == REMARK]
    if lines or remarks:
        terminalreporter.section("faults")
    if lines:
        for line in [_HEADS, *lines]:
            terminalreporter.write_line(_LINE.format(*line))
    for remark in remarks:
        terminalreporter.write_line(remark)
