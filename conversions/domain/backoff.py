"""When a postback that failed is tried again."""

from datetime import datetime, timedelta

# The published schedule of Standard Webhooks' best-known sender; the first try comes at once.
BACKOFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
MAX_TRIES = len(BACKOFF) + 1
JITTER = 0.2
# Who is overloaded, or does not answer in time, gets at least this long.
PATIENCE = timedelta(minutes=1)


def next_attempt_at(
    at: datetime, *, tries: int, jitter: float, retry_after: timedelta | None = None, is_overloaded: bool = False
) -> datetime:
    """Return when to try again after `tries` tries (at least one); `jitter` is between -1 and 1.

    A Retry-After counts between the step's own delay and twice that.
    """
    base = BACKOFF[min(tries, len(BACKOFF)) - 1]
    delay = base * (1 + JITTER * jitter)
    if retry_after is not None:
        delay = min(max(retry_after, base), 2 * base)
    return at + max(delay, PATIENCE if is_overloaded else delay)
