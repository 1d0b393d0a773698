"""Every answered click is stored exactly once, and whoever comes while the edge is up is sent on."""

import time

import pytest

from tests.faults.harness import EdgeProcess, Journal, Store, Visitors, wait_until

pytestmark = pytest.mark.faults


def assert_stored_once(journal: Journal, store: Store, edge: EdgeProcess) -> None:
    assert wait_until(edge.has_drained), "the spool was not drained"
    assert len(journal.click_ids) > 100
    assert len(set(journal.click_ids)) == len(journal.click_ids)
    assert set(journal.click_ids) - store.click_ids() == set()
    assert store.visits_stored_twice() == []
    assert store.clicks_set_aside() == 0
    assert journal.other_answers == []


def test_clicks_survive_kills_of_the_edge(store, edge, rounds):
    with Visitors(edge.port) as journal:
        for _ in range(rounds):
            time.sleep(1)
            edge.kill()
            edge.start()
        time.sleep(1)

    assert_stored_once(journal, store, edge)


def test_clicks_survive_an_orderly_restart_of_the_edge(store, edge):
    with Visitors(edge.port) as journal:
        time.sleep(1)
        edge.stop()
        edge.start()
        time.sleep(0.5)

    assert_stored_once(journal, store, edge)


def test_clicks_survive_kills_of_postgres(store, edge, rounds):
    with Visitors(edge.port) as journal:
        for _ in range(rounds):
            time.sleep(1)
            store.postgres.kill()
            store.postgres.start()
        time.sleep(1)

    assert journal.unanswered == 0
    assert_stored_once(journal, store, edge)


def test_clicks_go_on_while_postgres_is_down(store, edge, rounds):
    with Visitors(edge.port) as journal:
        time.sleep(0.5)
        store.postgres.stop()
        before = len(journal.click_ids)
        time.sleep(1.5 * rounds)
        during = len(journal.click_ids) - before
        store.postgres.start()
        time.sleep(1)

    assert during > 100
    assert journal.unanswered == 0
    assert_stored_once(journal, store, edge)


def test_clicks_go_on_while_postgres_is_frozen(store, edge, rounds):
    with Visitors(edge.port) as journal:
        time.sleep(0.5)
        processes = store.freeze()
        time.sleep(rounds)
        store.thaw(processes)
        time.sleep(0.5)

    assert journal.unanswered == 0
    assert journal.slowest_seconds < 2
    assert_stored_once(journal, store, edge)


def test_clicks_survive_a_kill_of_the_edge_while_postgres_is_down(store, edge):
    with Visitors(edge.port) as journal:
        time.sleep(0.5)
        store.postgres.kill()
        time.sleep(0.5)
        edge.kill()
        edge.start()
        time.sleep(0.5)
        store.postgres.start()
        time.sleep(0.5)

    assert_stored_once(journal, store, edge)
