"""Hints: tell a worker after commit that there are rows to work on. Losing one costs time, never work."""

import time
from collections.abc import Callable
from functools import cache, partial

import redis
import structlog
from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

# While a hint is on its way others are not sent: one worker that is woken takes all the rows there are.
_PENDING_MILLISECONDS = 2000
# So long rows gather before a worker that was woken looks for them: one look for many costs it little more.
GATHER_SECONDS = 0.1
# So long after it has taken the hint it looks: what a process commits meanwhile, having seen the hint, needs no other.
SEEN_SECONDS = 0.03
# A Redis that does not answer is left alone for so long: each hint would have its request wait a second.
_REST_SECONDS = 5.0


class _Rest:
    until = 0.0


_rest = _Rest()
# Until when the hint that was last seen on its way holds for what this process commits, by task.
_seen_until: dict[str, float] = {}


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), retries=1)
    )


def hint_after_commit(name: str) -> None:
    """Wake the task that `settings.WORK_HINTS` names for `name`, once the transaction has committed.

    Asked for many times in a transaction, it is one hint.
    """
    if name not in settings.WORK_HINTS:
        raise ImproperlyConfigured(f"WORK_HINTS names no task for {name}.")
    send = _sender(settings.WORK_HINTS[name])
    # What stands there would be taken back only together with what is written now.
    if not any(planned[1] is send for planned in connection.run_on_commit):
        transaction.on_commit(send, robust=True)


def gather(task_name: str) -> None:
    """Let rows gather for a moment, then `take_hint`: for a task that begins to look for rows."""
    time.sleep(GATHER_SECONDS - SEEN_SECONDS)
    take_hint(task_name)


def take_hint(task_name: str) -> None:
    """Say that `task_name` has no hint on its way, and wait until all that was written without one can be seen.

    What is written from the return on needs a new one.
    """
    try:
        _redis().delete(f"hint:{task_name}")
    except redis.RedisError as error:
        log.warning("hint_not_cleared", task=task_name, error=type(error).__name__)
    time.sleep(SEEN_SECONDS)


@cache
def _sender(task_name: str) -> Callable[[], None]:
    return partial(_send, task_name)


def _send(task_name: str) -> None:
    now = time.monotonic()  # before Redis is asked: the hint may be taken as soon as it has answered
    if now < _rest.until or now < _seen_until.get(task_name, 0.0):
        return
    try:
        if _redis().set(f"hint:{task_name}", 1, nx=True, px=_PENDING_MILLISECONDS):
            current_app.send_task(task_name, retry=False)
        _seen_until[task_name] = now + SEEN_SECONDS
    except Exception as error:  # the row is committed and the sweeper finds it: no hint may fail a request
        _rest.until = time.monotonic() + _REST_SECONDS
        log.warning("hint_not_sent", task=task_name, error=type(error).__name__)
