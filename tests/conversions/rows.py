"""All that is recorded, by what names it outside of our database: two recordings of the same history are equal."""

import json
from typing import Any

from django.db import connection

from conversions.models import InboxEvent
from conversions.replay.comparing import COMPARED, rows_of
from conversions.replay.scratch import LIVE


def recorded_rows() -> dict[str, dict[str, Any]]:
    """Return the rows of each table by key, without ids and without what review and booking made of them."""
    with connection.cursor() as cursor:
        rows: dict[str, dict[str, Any]] = {}
        for compared in COMPARED:
            cursor.execute(f"SELECT key, facts FROM ({rows_of(compared, LIVE)}) AS named ORDER BY key")
            rows[compared.table] = {key: json.loads(facts) for key, facts in cursor.fetchall()}
    events = InboxEvent.objects.values_list("platform__slug", "event_id", "state")
    rows["inbox_events"] = {f"{platform}/{event_id}": state for platform, event_id, state in events}
    return rows
