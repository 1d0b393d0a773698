"""What landings told us before there was a click: kept for a day."""

from datetime import datetime, timedelta

from django.db import connection

KEPT_FOR = timedelta(hours=24)
BATCH = 5_000


def delete_old_pre_clicks(*, at: datetime, batch: int = BATCH) -> int:
    """Delete the rows that are older than 24 h, `batch` a transaction; return how many. Two runs at once share them."""
    total = 0
    while deleted := _delete_batch(older_than=at - KEPT_FOR, batch=batch):
        total += deleted
    return total


def _delete_batch(*, older_than: datetime, batch: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM pre_click_data WHERE id IN (
                SELECT id FROM pre_click_data WHERE created_at < %s ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            """,
            [older_than, batch],
        )
        deleted: int = cursor.rowcount
    return deleted
