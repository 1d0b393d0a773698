"""Questions to Postgres that a visitor waits for: few, short, and given up after a moment."""

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

ANSWER_SECONDS = 0.1
_MOST_CONNECTIONS = 4


class NoAnswer(Exception):
    """Postgres did not answer in time, or refused; nobody should wait for it."""


class Lookups:
    """A few connections, opened when they are first needed."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] | None = None

    async def fetch(self, query: LiteralString, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement in a transaction of its own and return its rows. Raises `NoAnswer`."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                pool = await self._opened()
                async with pool.connection(timeout=ANSWER_SECONDS) as connection:
                    cursor = await connection.execute(query, values)
                    return await cursor.fetchall() if cursor.description else []
        except (TimeoutError, PoolTimeout, psycopg.Error, OSError) as error:
            raise NoAnswer(str(error)) from error

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _opened(self) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._conninfo,
                min_size=1,
                max_size=_MOST_CONNECTIONS,
                open=False,
                kwargs={"autocommit": True, "application_name": "edge look-ups"},
                check=AsyncConnectionPool.check_connection,
                reconnect_timeout=5.0,
            )
            await self._pool.open()
        return self._pool
