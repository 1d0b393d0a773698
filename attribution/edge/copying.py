"""One Postgres connection that copies batches of clicks, with as few steps of the event loop as libpq allows."""

import asyncio
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from attribution.edge.rows import Table


class ConnectionLost(Exception):
    """The connection ended, or is of no use any more; a batch on it may or may not be stored."""


class BatchRefused(Exception):
    """Postgres refused the batch as a whole; the connection can be used on."""


class CopyingConnection:
    """A connection that only copies rows. Its descriptor is watched for as long as it lives."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection  # kept: it closes the descriptor when it is collected
        self._libpq = connection.pgconn
        self._descriptor = self._libpq.socket
        self._loop = asyncio.get_running_loop()
        self._received = asyncio.Event()
        self._loop.add_reader(self._descriptor, self._receive)
        self.is_open = True

    @classmethod
    async def connect(cls, conninfo: str) -> "CopyingConnection":
        connection = await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, application_name="edge clicks", options="-c synchronous_commit=on"
        )
        return cls(connection)

    def close(self) -> None:
        """Drop the connection at once, also in the middle of a batch."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._descriptor)
            self._libpq.finish()

    async def copy(self, table: Table, rows: bytes) -> None:
        """Return once the rows of a table are committed. Raises `BatchRefused` or `ConnectionLost`."""
        try:
            self._libpq.send_query(table.copy_command)
            await self._expect(ExecStatus.COPY_IN)
            self._libpq.put_copy_data(rows)
            self._libpq.put_copy_end()
            await self._expect(ExecStatus.COMMAND_OK)
        except psycopg.OperationalError as error:
            raise ConnectionLost(str(error)) from error

    async def _expect(self, status: ExecStatus) -> None:
        await self._flush()
        result = await self._result()
        if status is ExecStatus.COPY_IN and result is not None and result.status == status:
            return
        # The end of a command is an empty result; only then is the connection free for the next.
        while await self._result() is not None:
            pass
        if result is None or self._libpq.transaction_status != TransactionStatus.IDLE:
            raise ConnectionLost("the connection lost its place")
        if result.status != status:
            raise BatchRefused(result.get_error_message())

    async def _result(self) -> Any:
        while self.is_open and self._libpq.is_busy():
            self._received.clear()
            await self._received.wait()
        if not self.is_open:
            raise ConnectionLost("Postgres closed the connection")
        return self._libpq.get_result()

    def _receive(self) -> None:
        """Take in whatever came, also between batches: a server that goes away says so there."""
        try:
            self._libpq.consume_input()
        except psycopg.OperationalError:
            self.close()
        self._received.set()

    async def _flush(self) -> None:
        while self._libpq.flush():
            writable = self._loop.create_future()
            self._loop.add_writer(self._descriptor, _wake, writable)
            try:
                await writable
            finally:
                self._loop.remove_writer(self._descriptor)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
