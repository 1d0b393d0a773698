"""The keys of the day under which visitors are recognised: random, shared by all edges, gone after 48 hours."""

import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

import psycopg

_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000
_READ = "SELECT day - date '1970-01-01', key FROM daily_visitor_keys WHERE day >= %s"
_WRITE = "INSERT INTO daily_visitor_keys (day, key) VALUES (%s, %s) ON CONFLICT (day) DO NOTHING"
_KEY_BYTES = 32


class VisitorKeys:
    """The keys of yesterday, today and tomorrow, by UTC day since 1970; they never touch an edge's disk.

    Where Postgres is away and a day has no key yet, an edge makes one for itself.
    """

    def __init__(self) -> None:
        self._keys: dict[int, bytes] = {}

    def key(self, day: int) -> bytes:
        key = self._keys.get(day)
        if key is None:
            key = self._keys[day] = secrets.token_bytes(_KEY_BYTES)
        return key

    async def refresh(self, connection: psycopg.AsyncConnection[Any], *, today: int) -> None:
        """Read the keys that all edges share, and make today's where nobody has."""
        first = _EPOCH + timedelta(days=today - 1)
        keys = await self._read(connection, first)
        if today not in keys:
            await connection.execute(_WRITE, [_EPOCH + timedelta(days=today), secrets.token_bytes(_KEY_BYTES)])
            keys = await self._read(connection, first)
        self._keys = dict(keys)

    @staticmethod
    async def _read(connection: psycopg.AsyncConnection[Any], first: date) -> Mapping[int, bytes]:
        return {day: bytes(key) for day, key in await (await connection.execute(_READ, [first])).fetchall()}


def day_of(milliseconds: int) -> int:
    return milliseconds // _DAY_MS


def keyed_hash(key: bytes, text: bytes) -> int:
    """Return a keyed hash as a number that fits a bigint."""
    return int.from_bytes(blake2b(text, digest_size=8, key=key).digest(), "big", signed=True)
