"""Makes rows durable, many at once: a COPY every few milliseconds, or the spool when Postgres does not answer."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import structlog

from attribution.edge.copying import BatchRefused, ConnectionLost, CopyingConnection
from attribution.edge.drain import drain_spool
from attribution.edge.rows import CLICKS, Table
from attribution.edge.spool import Spool

log = structlog.get_logger(__name__)

# How long a click waits for others to share its commit.
GATHER_SECONDS = 0.002
ANSWER_SECONDS = 0.1
_RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0)
DRAIN_SECONDS = 2.0
_ALARM_SECONDS = 1.0
_DISK_SECONDS = 2.0


class Store:
    """Takes rows and says when each is durable. One batch is under way at a time.

    Without a connection (none yet, or the last one failed) batches go to the spool at once: that is the breaker.
    A batch that Postgres did not confirm goes there too, whether or not it was committed: draining tells by id.
    """

    def __init__(self, *, conninfo: str, spool: Spool, has_day: Callable[[int], bool]) -> None:
        self._conninfo = conninfo
        self._spool = spool
        self._has_day = has_day
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._connection: CopyingConnection | None = None
        self._lines: list[str] = []
        self._others: list[tuple[Table, str]] = []
        self._stray_lines: list[tuple[Table, str]] = []
        self._waiting: list[Callable[[], None]] = []
        self._filled = asyncio.Event()
        self._is_closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._alarmed_at = 0.0
        self._setbacks = 0
        self.lost = 0

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def open(self) -> None:
        """Connect if Postgres answers, and begin to commit and to drain; without Postgres clicks are spooled."""
        self._loop = asyncio.get_running_loop()
        await self._connect()
        self._tasks = [
            asyncio.create_task(self._commit_batches()),
            asyncio.create_task(self._stay_connected()),
            asyncio.create_task(self._drain_now_and_then()),
        ]

    async def close(self) -> None:
        """Make everything durable that was taken, then let go."""
        self._is_closing = True
        self._filled.set()
        commits, *others = self._tasks
        await commits
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._lose_connection()
        await self._on_disk(self._spool.close)
        self._disk.shutdown()

    def take(self, line: str, milliseconds: int, table: Table = CLICKS) -> asyncio.Future[None]:
        """Take a row of a Unix time; the future is done once it is durable, or counted as lost."""
        durable: asyncio.Future[None] = self._loop.create_future()
        self.take_then(line, milliseconds, partial(_finish, durable), table)
        return durable

    def take_then(self, line: str, milliseconds: int, done: Callable[[], None], table: Table = CLICKS) -> None:
        """Take a row of a Unix time; `done` is called once it is durable, or counted as lost."""
        if not self._has_day(milliseconds):
            self._stray_lines.append((table, line))
        elif table is CLICKS:
            self._lines.append(line)
        else:
            self._others.append((table, line))
        self._waiting.append(done)
        self._filled.set()

    async def _commit_batches(self) -> None:
        while not self._is_closing or self._waiting:
            await self._filled.wait()
            if not self._is_closing:
                await asyncio.sleep(GATHER_SECONDS)
            lines, self._lines = self._lines, []
            others, self._others = self._others, []
            strays, self._stray_lines = self._stray_lines, []
            waiting, self._waiting = self._waiting, []
            self._filled.clear()
            try:
                await self._make_durable(lines, others, strays)
            except Exception as error:
                self._count_lost(len(waiting), error)
            for done in waiting:
                try:
                    done()
                except Exception:  # one visitor's answer is nobody else's
                    log.exception("a stored click could not be answered")

    async def _make_durable(
        self, lines: list[str], others: list[tuple[Table, str]], strays: list[tuple[Table, str]]
    ) -> None:
        batches = {CLICKS: lines} if lines else {}
        for table, line in others:
            batches.setdefault(table, []).append(line)
        unstored: dict[Table, list[str]] = {}
        for table, line in strays:
            unstored.setdefault(table, []).append(line)
        for table, batch in batches.items():
            if not await self._copy(table, batch):
                unstored.setdefault(table, []).extend(batch)
        if unstored:
            async with asyncio.timeout(_DISK_SECONDS):
                await self._on_disk(lambda: self._append(unstored))

    def _append(self, unstored: Mapping[Table, list[str]]) -> None:
        for table, lines in unstored.items():
            self._spool.append(lines, table)

    async def _copy(self, table: Table, lines: Sequence[str]) -> bool:
        """Say whether Postgres confirmed the rows in time; without a connection it has not."""
        if self._connection is None or not self._connection.is_open:
            self._lose_connection()
            return False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._connection.copy(table, "".join(lines).encode())
        except BatchRefused as error:
            log.error(
                "Postgres refused a batch, it is spooled", table=table.name, error=str(error).strip(), rows=len(lines)
            )
            return False
        except (ConnectionLost, TimeoutError) as error:
            log.warning("rows are spooled", table=table.name, error=str(error).strip() or "no answer", rows=len(lines))
            self._lose_connection()
            return False
        self._setbacks = 0
        return True

    def _count_lost(self, clicks: int, error: Exception) -> None:
        """Count clicks that are stored nowhere, and raise the alarm at most once a second."""
        self.lost += clicks
        if time.monotonic() - self._alarmed_at >= _ALARM_SECONDS:
            self._alarmed_at = time.monotonic()
            log.critical(
                "CLICKS ARE LOST: neither Postgres nor the spool takes them", error=repr(error), lost=self.lost
            )

    async def _connect(self) -> None:
        try:
            self._connection = await CopyingConnection.connect(self._conninfo)
        except (psycopg.Error, OSError):
            self._setbacks += 1

    def _lose_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._setbacks += 1

    async def _stay_connected(self) -> None:
        while True:
            await asyncio.sleep(_RECONNECT_SECONDS[min(self._setbacks, len(_RECONNECT_SECONDS) - 1)])
            if self._connection is None:
                await self._connect()

    async def _drain_now_and_then(self) -> None:
        while True:
            if self._connection is not None:
                await self._drain()
            await asyncio.sleep(DRAIN_SECONDS)

    async def _drain(self) -> None:
        await self._on_disk(self._spool.close)
        try:
            drained = await asyncio.to_thread(drain_spool, self._spool.folder, conninfo=self._conninfo)
        except (psycopg.Error, OSError) as error:
            log.warning("the spool cannot be drained now", error=str(error).strip())
            return
        if drained.files:
            log.info("drained the spool", lines=drained.lines, set_aside=drained.set_aside, files=drained.files)

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)


def _finish(durable: asyncio.Future[None]) -> None:
    if not durable.done():
        durable.set_result(None)
