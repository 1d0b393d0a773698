"""How an edge reaches Postgres: by libpq, from Django's settings, without Django's connections."""

from collections.abc import Mapping
from typing import Any

from psycopg.conninfo import make_conninfo

_CONNECT_SECONDS = 3
# A server that vanished without a word is given up after this.
_UNANSWERED_MS = 5_000


def conninfo_of(database: Mapping[str, Any]) -> str:
    """Return the connection string of an entry of `DATABASES`."""
    named = {
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "dbname": database["NAME"],
    }
    return make_conninfo(
        **{name: value for name, value in named.items() if value},
        connect_timeout=_CONNECT_SECONDS,
        tcp_user_timeout=_UNANSWERED_MS,
    )
