"""Every answered click is stored exactly once, and whoever comes is sent on, at the second try if need be."""

import time

import pytest

from tests.faults.harness import EdgeProcess, Journal, Store, Visitors, wait_until

pytestmark = pytest.mark.faults

# How long after a worker's death requests that it had taken may still be found unanswered.
_INSTANT_SECONDS = 1.0


def assert_stored_once(journal: Journal, store: Store, edge: EdgeProcess) -> None:
    assert wait_until(edge.has_drained), "the spool was not drained"
    assert len(journal.click_ids) > 100
    assert len(set(journal.click_ids)) == len(journal.click_ids)
    assert set(journal.click_ids) - store.click_ids() == set()
    assert store.attempts_stored_twice() == []
    assert journal.other_answers == []
    assert journal.given_up == 0


def seconds_unanswered(journal: Journal, faults: list[float]) -> list[float]:
    """Return for each fault how long after it, and before the next, a visitor was last left without an answer."""
    ends = [*faults[1:], float("inf")]
    return [
        max((failed - fault for failed in journal.unanswered_since(fault) if failed < end), default=0.0)
        for fault, end in zip(faults, ends, strict=True)
    ]


def drained_after(edge: EdgeProcess) -> float:
    began = time.monotonic()
    wait_until(edge.has_drained)
    return time.monotonic() - began


def test_clicks_survive_kills_of_each_worker(store, edge, profile, report):
    killed_at = []
    with Visitors(edge.port, rate=profile.rate) as journal:
        for _ in range(profile.kills):
            time.sleep(profile.pause_seconds)
            killed_at.append(time.monotonic())
            edge.kill_worker()
            time.sleep(0.2)
            assert edge.is_whole()
        time.sleep(profile.pause_seconds)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    unanswered = seconds_unanswered(journal, killed_at)
    assert journal.unanswered_since(0) == journal.unanswered_since(killed_at[0])
    assert max(unanswered) < _INSTANT_SECONDS
    report("kill -9 of one worker", times=len(killed_at), journal=journal, recovery_seconds=max(unanswered))


def test_clicks_survive_kills_of_the_whole_edge(store, edge, profile, report):
    killed_at = []
    with Visitors(edge.port, rate=profile.rate) as journal:
        for _ in range(profile.kills):
            time.sleep(profile.pause_seconds)
            killed_at.append(time.monotonic())
            edge.kill()
            edge.start()
        time.sleep(profile.pause_seconds)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    unanswered = seconds_unanswered(journal, killed_at)
    report("kill -9 of the whole edge", times=len(killed_at), journal=journal, recovery_seconds=max(unanswered))


def test_clicks_survive_an_orderly_restart_while_busy(store, edge, profile, report):
    stopped_at = []
    with Visitors(edge.port, rate=profile.rate) as journal:
        for _ in range(profile.kills):
            time.sleep(profile.pause_seconds)
            stopped_at.append(time.monotonic())
            edge.stop()
            edge.start()
        time.sleep(profile.pause_seconds)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    assert journal.broken_at == []
    unanswered = seconds_unanswered(journal, stopped_at)
    report("SIGTERM while busy", times=len(stopped_at), journal=journal, recovery_seconds=max(unanswered))


def test_clicks_survive_kills_of_postgres(store, edge, profile, report):
    drained = []
    with Visitors(edge.port, rate=profile.rate) as journal:
        for _ in range(profile.kills):
            time.sleep(profile.pause_seconds)
            store.postgres.kill()
            store.postgres.start()
            drained.append(drained_after(edge))
        time.sleep(profile.pause_seconds)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    assert journal.unanswered == 0
    report("kill -9 of Postgres", times=len(drained), journal=journal, recovery_seconds=max(drained))


def test_clicks_go_on_while_postgres_is_down(store, edge, profile, report):
    with Visitors(edge.port, rate=profile.rate) as journal:
        time.sleep(profile.pause_seconds)
        store.postgres.stop()
        before = len(journal.click_ids)
        time.sleep(profile.outage_seconds)
        during = len(journal.click_ids) - before
        store.postgres.start()
        time.sleep(profile.pause_seconds)
        drained = drained_after(edge)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    assert during > 0.9 * profile.rate * profile.outage_seconds
    assert journal.unanswered == 0
    assert journal.slowest_seconds < 2
    outage = f"{profile.outage_seconds:.0f} s without Postgres, {profile.rate:.0f} clicks a second"
    report(outage, times=1, journal=journal, recovery_seconds=drained)


def test_clicks_go_on_while_postgres_is_frozen(store, edge, profile, report):
    with Visitors(edge.port, rate=profile.rate) as journal:
        for _ in range(profile.kills):
            time.sleep(profile.pause_seconds)
            processes = store.freeze()
            time.sleep(1)
            store.thaw(processes)
        time.sleep(profile.pause_seconds)
        drained = drained_after(edge)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    assert journal.unanswered == 0
    assert journal.slowest_seconds < 2
    report("Postgres frozen for a second", times=profile.kills, journal=journal, recovery_seconds=drained)


def test_clicks_survive_a_kill_of_the_edge_while_postgres_is_down(store, edge, profile, report):
    with Visitors(edge.port, rate=profile.rate) as journal:
        time.sleep(profile.pause_seconds)
        store.postgres.kill()
        time.sleep(profile.pause_seconds)
        killed_at = time.monotonic()
        edge.kill()
        edge.start()
        time.sleep(profile.pause_seconds)
        store.postgres.start()
        time.sleep(profile.pause_seconds)

    assert_stored_once(journal, store, edge)
    assert store.clicks_set_aside() == []
    [unanswered] = seconds_unanswered(journal, [killed_at])
    report("kill -9 of the edge without Postgres", times=1, journal=journal, recovery_seconds=unanswered)


def test_clicks_are_sent_on_and_counted_as_lost_with_a_full_disk_and_without_postgres(store, profile, report):
    edge = EdgeProcess(store.environment, workers=1)  # one process, so that its count of lost clicks is the whole one
    try:
        with Visitors(edge.port, rate=profile.rate) as journal:
            time.sleep(profile.pause_seconds)
            store.postgres.kill()
            time.sleep(profile.pause_seconds)
            edge.fill_disk()
            time.sleep(profile.pause_seconds + 1)
            health = edge.health()
            edge.empty_disk()
            time.sleep(profile.pause_seconds)
            store.postgres.start()
            time.sleep(profile.pause_seconds)
            drained = drained_after(edge)
        lost = set(journal.click_ids) - store.click_ids()
        counted = edge.health()["lost_clicks"]
    finally:
        edge.kill()

    assert journal.unanswered == 0
    assert journal.other_answers == []
    assert (health["status"], health["database_connected"]) == ("degraded", False)
    assert profile.rate < len(lost) <= counted < len(journal.click_ids)
    assert set(store.clicks_set_aside()) == {"the line is torn or damaged"}
    assert store.attempts_stored_twice() == []
    report("disk full without Postgres", times=1, journal=journal, recovery_seconds=drained)


def test_a_corrupt_line_of_the_spool_is_set_aside_and_stops_no_other(store, edge, profile, report):
    with Visitors(edge.port, rate=profile.rate) as journal:
        store.postgres.kill()
        time.sleep(1 + profile.pause_seconds)
    edge.kill()
    [spooled, *_] = edge.spool.glob("*.spool")
    lines = spooled.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    lines[middle] = lines[middle].replace(b"\tbench", b"\tb\xff\x00nch").replace(b"EUR", b"E\x00R")
    spooled.write_bytes(b"".join(lines))

    store.postgres.start()
    edge.start()
    drained = drained_after(edge)

    assert store.clicks_set_aside() == ["the line is torn or damaged"]
    assert len(set(journal.click_ids) - store.click_ids()) == 1
    assert len(journal.click_ids) > 100
    assert spooled.with_suffix(".bad").read_bytes() == lines[middle]
    report("corrupt line in the spool", times=1, journal=journal, recovery_seconds=drained)
