"""Keeps the routing snapshot current: polled each second, nudged by NOTIFY, started from disk without Postgres."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import structlog

from attribution.edge.building import build_snapshot
from attribution.edge.clock import ClickClock
from attribution.edge.geography import Geography
from attribution.edge.keys import VisitorKeys, day_of
from attribution.edge.routes import NO_ROUTES
from attribution.edge.snapshot import load_tables, read_tables, save_tables
from attribution.edge.usage import Usage

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
# How long a start waits for Postgres: with a saved snapshot, and with none.
_PATIENCE_SECONDS = (1.0, 10.0)
_STATE = """
SELECT (SELECT version FROM routing_version WHERE id = 1),
       (SELECT array_agg((to_date(right(day.relname, 8), 'YYYYMMDD') - date '1970-01-01'))
        FROM pg_inherits JOIN pg_class day ON day.oid = inhrelid WHERE inhparent = 'clicks'::regclass)
"""


class NoSnapshot(Exception):
    """There is neither a Postgres to load the routing tables from nor a snapshot on disk."""


class Routing:
    """The current snapshot, and the task that each second watches for a newer version, new days, visitors' keys and
    geography files, and tells and reads how much of caps and budgets is used.
    """

    def __init__(
        self,
        *,
        conninfo: str,
        saved: Path,
        clock: ClickClock,
        geography: Geography,
        usage: Usage,
        visitor_keys: VisitorKeys,
    ) -> None:
        self._conninfo = conninfo
        self._saved = saved
        self._clock = clock
        self._geography = geography
        self._usage = usage
        self._visitor_keys = visitor_keys
        self._watching: asyncio.Task[None] | None = None
        self._confirmed_at = time.monotonic()
        self._is_followed = True
        self._loaded_day = -1
        self.snapshot = NO_ROUTES

    @property
    def age_seconds(self) -> float:
        """How long ago Postgres last confirmed that this version is the newest."""
        return time.monotonic() - self._confirmed_at

    async def start(self) -> None:
        """Load the snapshot from Postgres, else from disk, and watch it from then on. Raises `NoSnapshot`."""
        self._geography.refresh()
        saved = await asyncio.to_thread(read_tables, self._saved)
        is_loaded = asyncio.Event()
        self._watching = asyncio.create_task(self._watch(is_loaded))
        try:
            await asyncio.wait_for(is_loaded.wait(), _PATIENCE_SECONDS[saved is None])
        except TimeoutError:
            if saved is None:
                await self.stop()
                raise NoSnapshot(
                    f"Postgres does not answer and {self._saved} holds no routing snapshot: start Postgres first."
                ) from None
            self.snapshot = await asyncio.to_thread(build_snapshot, saved)
            log.warning("started from the saved routing snapshot", version=saved.version)

    async def stop(self) -> None:
        """Watch no longer; what was counted since the last second is told."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self.snapshot.has_limits:
            await self._tell_the_last()

    async def _tell_the_last(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS[0]):
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await self._usage.exchange(connection, at=datetime.now(UTC))
        except (TimeoutError, psycopg.Error, OSError) as error:
            log.warning("the last uses of caps could not be told", error=str(error).strip())

    async def _watch(self, is_loaded: asyncio.Event) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, application_name="edge routing"
                ) as connection:
                    await connection.execute("LISTEN routing_version")
                    await self._follow(connection, is_loaded)
            except (psycopg.Error, OSError) as error:
                if self._is_followed:
                    log.warning("the routing tables cannot be read, the snapshot stays", error=str(error).strip())
                self._is_followed = False
            except Exception:  # an edge that watches no longer would route by these tables for ever
                if self._is_followed:
                    log.exception("the routing tables cannot be made into routes, the snapshot stays")
                self._is_followed = False
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, connection: psycopg.AsyncConnection[Any], is_loaded: asyncio.Event) -> None:
        while True:
            state = await (await connection.execute(_STATE)).fetchone()
            version, days = state if state else (None, None)
            self._clock.set_days(frozenset(days or ()))
            now = self._clock.milliseconds()
            await self._visitor_keys.refresh(connection, today=day_of(now))
            if not is_loaded.is_set() or (version or 0) != self.snapshot.version or self._is_of_yesterday(now):
                await self._load(connection)
            if self.snapshot.has_limits:
                await self._usage.exchange(connection, at=datetime.fromtimestamp(now / 1000, UTC))
            is_loaded.set()
            self._confirmed_at = time.monotonic()
            self._is_followed = True
            await asyncio.to_thread(self._geography.refresh)
            async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                # Changes come in bursts: one load for all that a form saves.
                await asyncio.sleep(0.05)

    def _is_of_yesterday(self, now: int) -> bool:
        """Say whether the exchange rates of another day are in use; the tables themselves know no time."""
        return day_of(now) != self._loaded_day

    async def _load(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._loaded_day = day_of(self._clock.milliseconds())
        tables = await load_tables(connection)
        self.snapshot = await asyncio.to_thread(build_snapshot, tables)
        log.info("loaded the routing snapshot", version=tables.version, links=len(tables.links))
        try:
            await asyncio.to_thread(save_tables, tables, self._saved)
        except OSError as error:
            log.error("the routing snapshot cannot be saved", path=str(self._saved), error=str(error))
