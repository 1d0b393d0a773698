"""The days' keys of visitors: made a day ahead, deleted once no visitor may be recognised by them."""

import secrets
from datetime import UTC, datetime, timedelta

from attribution.models import DailyVisitorKey

KEY_BYTES = 32


def keep_visitor_keys(*, at: datetime) -> int:
    """Make the keys of today and tomorrow (UTC days) where they are missing, delete old ones; return how many went.

    A key that is there stays as it is, so that two runs at once, or an edge that made it first, agree on one. The key
    of a day serves that day and the next, and goes 48 hours after its day began.
    """
    today = at.astimezone(UTC).date()
    DailyVisitorKey.objects.bulk_create(
        [DailyVisitorKey(day=day, key=secrets.token_bytes(KEY_BYTES)) for day in (today, today + timedelta(days=1))],
        ignore_conflicts=True,
    )
    deleted, _ = DailyVisitorKey.objects.filter(day__lt=today - timedelta(days=1)).delete()
    return deleted
