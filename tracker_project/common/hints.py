"""Hints: tell a worker after commit that there are rows to work on. Losing one costs time, never work."""

from functools import cache

import redis
import structlog
from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

log = structlog.get_logger(__name__)

# While a hint is on its way others are not sent: one worker that is woken takes all the rows there are.
_PENDING_MILLISECONDS = 2000


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def hint_after_commit(name: str) -> None:
    """Wake the task that `settings.WORK_HINTS` names for `name`, once the transaction has committed."""
    if name not in settings.WORK_HINTS:
        raise ImproperlyConfigured(f"WORK_HINTS names no task for {name}.")
    transaction.on_commit(lambda: _send(settings.WORK_HINTS[name]), robust=True)


def take_hint(task_name: str) -> None:
    """Say that `task_name` starts to look for rows: what is written from now on needs a new hint."""
    try:
        _redis().delete(f"hint:{task_name}")
    except redis.RedisError as error:
        log.warning("hint_not_cleared", task=task_name, error=type(error).__name__)


def _send(task_name: str) -> None:
    try:
        if _redis().set(f"hint:{task_name}", 1, nx=True, px=_PENDING_MILLISECONDS):
            current_app.send_task(task_name, retry=False)
    except Exception as error:  # the row is committed and the sweeper finds it: no hint may fail a request
        log.warning("hint_not_sent", task=task_name, error=type(error).__name__)
