"""What people decided of players' credit, decided again once all that was told of these players is placed.

The latest decision of each kind counts, whatever came before it, so that one look at the end finds the same credit.
"""

import json
from datetime import datetime

from django.db import connection

from conversions.domain.recrediting import settle_credit
from conversions.models import CreditDecision, Player
from conversions.replay.scratch import LIVE, quoted

# By which names the rebuilt players are found: their own ids are others.
_STORE = """
CREATE UNLOGGED TABLE {scratch}.stored_interventions AS SELECT * FROM {live}.credit_interventions;
CREATE UNLOGGED TABLE {scratch}.stored_merges AS SELECT * FROM {live}.player_merges WHERE undone_at IS NULL;
CREATE UNLOGGED TABLE {scratch}.stored_joined AS SELECT * FROM {live}.touchpoints WHERE how = 'staff';
CREATE UNLOGGED TABLE {scratch}.replay_staffed AS
SELECT player.id AS stored_id, player.platform_id, player.player_id, placed.share, max(placed.place) AS place
  FROM {live}.players player
  JOIN {scratch}.replay_names names ON names.platform_id = player.platform_id
       AND 'player:' || player.player_id IN (names.player, names.click)
  JOIN {scratch}.replay_order placed ON placed.event_id = names.id
 WHERE player.id IN (SELECT player_id FROM {scratch}.stored_interventions UNION
                     SELECT player_id FROM {scratch}.stored_merges UNION
                     SELECT other_id FROM {scratch}.stored_merges UNION
                     SELECT player_id FROM {scratch}.stored_joined)
 GROUP BY player.id, player.platform_id, player.player_id, placed.share;
"""
_REBUILT = """
SELECT staffed.stored_id, rebuilt.id FROM {scratch}.replay_staffed staffed
  JOIN {scratch}.players rebuilt USING (platform_id, player_id)
 WHERE staffed.share = %s AND staffed.place BETWEEN %s AND %s
"""
_REPEAT = (
    ("credit_interventions", "stored_interventions", ("player_id",)),
    ("player_merges", "stored_merges", ("player_id", "other_id")),
    ("touchpoints", "stored_joined", ("player_id",)),
)


def store_staff_decisions(scratch: str) -> None:
    """Keep what people decided, and about whom; call at the moment whose inbox is replayed, once it is in order."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE.format(scratch=quoted(scratch), live=LIVE))


def repeat_staff_decisions(scratch: str, share: int, *, first: int, last: int, at: datetime) -> None:
    """Give the players of these places the credit that follows from what people decided of them."""
    with connection.cursor() as cursor:
        cursor.execute(_REBUILT.format(scratch=quoted(scratch)), [share, first, last])
        rebuilt = dict(cursor.fetchall())
    if not rebuilt:
        return
    for table, stored, references in _REPEAT:
        _repeat(scratch, table, stored, references, rebuilt)
    players = Player.objects.select_for_update(of=("self",), no_key=True).select_related("platform")
    for player in players.filter(pk__in=rebuilt.values()).order_by("pk"):
        settle_credit(player, cause=CreditDecision.Cause.STAFF, at=at)


def _repeat(scratch: str, table: str, stored: str, references: tuple[str, ...], rebuilt: dict[int, int]) -> None:
    """Write the stored rows of these players as the rebuilt players'; a merge names the lower number first."""
    schema = quoted(scratch)
    found = ", ".join(f"(%(ids)s::jsonb ->> row.{name}::text)::bigint" for name in references)
    columns = {references[0]: f"least({found})", references[-1]: f"greatest({found})"}
    values = ", ".join(f"'{name}', {value}" for name, value in columns.items())
    chosen = " AND ".join(f"row.{name} = ANY(%(of)s)" for name in references)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {schema}.{table}
                SELECT (jsonb_populate_record(NULL::{schema}.{table}, to_jsonb(row) || jsonb_build_object({values}))).*
                  FROM {schema}.{stored} row WHERE {chosen}""",
            {"ids": json.dumps(rebuilt), "of": list(rebuilt)},
        )
