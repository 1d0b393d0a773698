"""Keeps the routing snapshot current: polled each second, nudged by NOTIFY, started from disk without Postgres."""

import asyncio
import time
from pathlib import Path
from typing import Any

import psycopg
import structlog

from attribution.edge.clock import ClickClock
from attribution.edge.geography import Geography
from attribution.edge.snapshot import Snapshot, build_snapshot, load_tables, read_tables, save_tables

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
    """The current snapshot, and the task that watches for a newer version, new days and a new geography file."""

    def __init__(self, *, conninfo: str, saved: Path, clock: ClickClock, geography: Geography) -> None:
        self._conninfo = conninfo
        self._saved = saved
        self._clock = clock
        self._geography = geography
        self._watching: asyncio.Task[None] | None = None
        self._confirmed_at = time.monotonic()
        self._is_followed = True
        self.snapshot = Snapshot(version=0, routes={})

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
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

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
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, connection: psycopg.AsyncConnection[Any], is_loaded: asyncio.Event) -> None:
        while True:
            state = await (await connection.execute(_STATE)).fetchone()
            version, days = state if state else (None, None)
            self._clock.set_days(frozenset(days or ()))
            if not is_loaded.is_set() or (version or 0) != self.snapshot.version:
                await self._load(connection)
                is_loaded.set()
            self._confirmed_at = time.monotonic()
            self._is_followed = True
            await asyncio.to_thread(self._geography.refresh)
            async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                # Changes come in bursts: one load for all that a form saves.
                await asyncio.sleep(0.05)

    async def _load(self, connection: psycopg.AsyncConnection[Any]) -> None:
        tables = await load_tables(connection)
        self.snapshot = await asyncio.to_thread(build_snapshot, tables)
        log.info("loaded the routing snapshot", version=tables.version, links=len(tables.links))
        try:
            await asyncio.to_thread(save_tables, tables, self._saved)
        except OSError as error:
            log.error("the routing snapshot cannot be saved", path=str(self._saved), error=str(error))
