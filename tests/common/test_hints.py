"""Hints to workers, over a real Redis."""

import socket

import pytest
import redis
from celery import Celery
from celery.app import app_or_default
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from tracker_project.common import hints

TASK = settings.WORK_HINTS["postback_written"]
QUEUE = "hints-test"


@pytest.fixture
def broker():
    """Give hints a Celery app and a queue of their own, emptied before and after."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    before = app_or_default()
    app = Celery("hints", broker=settings.REDIS_URL, set_as_current=False)
    app.conf.task_default_queue = QUEUE
    app.set_default()
    app.set_current()
    client.delete(QUEUE, f"hint:{TASK}")
    hints._seen_until.clear()
    yield client
    client.delete(QUEUE, f"hint:{TASK}")
    hints._seen_until.clear()
    before.set_default()
    before.set_current()


@pytest.mark.django_db(transaction=True)
def test_hint_after_commit_is_sent_once_until_it_is_taken(broker):
    with transaction.atomic():
        hints.hint_after_commit("postback_written")
        hints.hint_after_commit("postback_written")
        sent_before_commit = broker.llen(QUEUE)

    sent = broker.llen(QUEUE)
    hints.take_hint(TASK)
    hints.hint_after_commit("postback_written")

    assert (sent_before_commit, sent, broker.llen(QUEUE)) == (0, 1, 2)


@pytest.mark.django_db(transaction=True)
def test_hint_after_commit_is_not_sent_for_a_rollback(broker):
    with transaction.atomic():
        hints.hint_after_commit("postback_written")
        transaction.set_rollback(True)

    assert broker.llen(QUEUE) == 0


@pytest.fixture
def redis_at(settings):
    """Let hints go to another Redis, and end the rest that they may have begun."""

    def use(url):
        settings.REDIS_URL = url
        hints._redis.cache_clear()

    yield use
    hints._redis.cache_clear()
    hints._rest.until = 0.0


@pytest.mark.django_db(transaction=True)
def test_hint_after_commit_survives_a_dead_broker(redis_at):
    redis_at("redis://127.0.0.1:1/0")

    hints.hint_after_commit("postback_written")


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_hangs_is_asked_once_and_then_left_alone_for_a_while(redis_at, broker):
    url = settings.REDIS_URL
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        hints.hint_after_commit("postback_written")
        silent.settimeout(0.2)
        asked = _accepted(silent)
        hints.hint_after_commit("postback_written")
        asked_again = _accepted(silent)
    redis_at(url)
    hints.hint_after_commit("postback_written")
    sent_at_rest = broker.llen(QUEUE)
    hints._rest.until = 0.0
    hints.hint_after_commit("postback_written")

    assert asked > 0
    assert (asked_again, sent_at_rest, broker.llen(QUEUE)) == (0, 0, 1)


def _accepted(server):
    """Return how many connections wait at a server."""
    number = 0
    try:
        while True:
            server.accept()[0].close()
            number += 1
    except TimeoutError:
        return number


def test_hint_after_commit_refuses_an_unknown_name():
    with pytest.raises(ImproperlyConfigured, match="no task for lunch"):
        hints.hint_after_commit("lunch")


@pytest.mark.django_db(transaction=True)
def test_hint_after_commit_outlives_a_savepoint_that_asked_for_it_too(broker):
    with transaction.atomic():
        with transaction.atomic():
            hints.hint_after_commit("postback_written")
            transaction.set_rollback(True)
        hints.hint_after_commit("postback_written")

    assert broker.llen(QUEUE) == 1


@pytest.mark.django_db(transaction=True)
def test_hint_after_commit_goes_by_a_hint_that_was_seen_for_a_moment(broker, monkeypatch):
    def sent_at(now):
        monkeypatch.setattr("tracker_project.common.hints.time.monotonic", lambda: now)
        broker.delete(f"hint:{TASK}")
        hints.hint_after_commit("postback_written")
        return broker.llen(QUEUE)

    sent = [sent_at(1000.0), sent_at(1000.0 + hints.SEEN_SECONDS / 2), sent_at(1000.0 + hints.SEEN_SECONDS)]

    assert sent == [1, 1, 2]


@pytest.mark.django_db(transaction=True)
def test_gather_takes_the_hint_after_rows_could_gather_and_waits_for_those_that_had_none(broker, monkeypatch):
    waited = []
    monkeypatch.setattr("time.sleep", lambda seconds: waited.append((seconds, broker.exists(f"hint:{TASK}"))))
    hints.hint_after_commit("postback_written")

    hints.gather(TASK)

    assert waited == [(hints.GATHER_SECONDS - hints.SEEN_SECONDS, 1), (hints.SEEN_SECONDS, 0)]
