"""The daily partitions of clicks and their like: made ahead, attached without blocking clicks."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from attribution.click_ids import uuid_floor

DAYS_AHEAD = 7
PARTITIONED_TABLES = ("clicks", "landing_events", "impressions")


def partition_name(day: date, table: str = "clicks") -> str:
    return f"{table}_{day:%Y%m%d}"


def ensure_click_partitions(*, at: datetime, days_back: int = 1, days_ahead: int = DAYS_AHEAD) -> list[str]:
    """Make the partitions of the UTC days around `at` that do not exist yet; return the names of the new ones.

    Each is made as a table of its own and attached under a lock timeout, so that a busy table is never held up:
    where the lock is not had in time the day is left to the next run. Safe to run twice at once.
    """
    first = at.astimezone(UTC).date() - timedelta(days=days_back)
    days = [first + timedelta(days=offset) for offset in range(days_back + days_ahead + 1)]
    return [partition_name(day, table) for day in days for table in PARTITIONED_TABLES if _make_partition(day, table)]


def _make_partition(day: date, table: str) -> bool:
    name = partition_name(day, table)
    starts_at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    low, high = uuid_floor(starts_at), uuid_floor(starts_at + timedelta(days=1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('clicks_partitions'))")
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        # The bound is proven beforehand, so that attaching does not read the table.
        cursor.execute(f"ALTER TABLE {name} ADD CONSTRAINT day CHECK (id >= '{low}' AND id < '{high}')")
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
    return True
