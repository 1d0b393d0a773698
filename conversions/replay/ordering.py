"""Which events belong together, and in which order they are placed again.

Two events belong together when they name the same player, click, transaction or installation of one platform, or
players whom staff merged. What belongs together is placed by one process, in the order in which it took effect; the
rest is independent of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from conversions.models import InboxEvent
from conversions.replay.scratch import LIVE, quoted

_COPY_INBOX = """
INSERT INTO {scratch}.inbox_events
SELECT * FROM {live}.inbox_events WHERE state = %(recorded)s AND platform_id = ANY(%(platforms)s)
"""
# A player whom the platform calls by his click alone is named after it (subjects.name_by_click).
_NAME = """
CREATE UNLOGGED TABLE {scratch}.replay_names AS
SELECT id, platform_id || ':' || coalesce(player, click, transaction, taken_back, install, 'event:' || id) AS subject,
       platform_id, player, click, transaction, taken_back, install
  FROM (SELECT id, platform_id,
               'player:' || nullif(terms ->> 'player_id', '') AS player,
               CASE WHEN terms ->> 'click_id' ~* '^[0-9a-f]{{48}}$'
                    THEN 'player:click-' || lower(left(terms ->> 'click_id', 32)) END AS click,
               'transaction:' || nullif(terms ->> 'transaction_id', '') AS transaction,
               'transaction:' || nullif(terms ->> 'deposit_transaction_id', '') AS taken_back,
               'install:' || nullif(terms ->> 'install_id', '') AS install
          FROM {scratch}.inbox_events) AS named
"""
_MEET = """
WITH named AS (
    SELECT DISTINCT subject, platform_id || ':' || other AS other
      FROM {scratch}.replay_names, unnest(ARRAY[click, transaction, taken_back, install]) AS other
     WHERE other IS NOT NULL
     UNION
    SELECT subject, subject FROM {scratch}.replay_names WHERE starts_with(player, 'player:click-')
     UNION
    SELECT player.platform_id || ':player:' || player.player_id, 'merge:' || merge.id
      FROM {live}.player_merges merge JOIN {live}.players player ON player.id IN (merge.player_id, merge.other_id)
     WHERE merge.undone_at IS NULL
)
SELECT subject, other FROM named
 WHERE other IN (SELECT other FROM named GROUP BY other HAVING count(*) > 1)
"""
_ORDER = """
CREATE UNLOGGED TABLE {scratch}.replay_order AS
WITH joined AS (
    SELECT names.id, coalesce(met.root, names.subject) AS subject
      FROM {scratch}.replay_names names LEFT JOIN {scratch}.replay_met met ON met.subject = names.subject
), chosen AS (
    SELECT id, subject FROM joined
     WHERE %(everything)s OR subject IN (
        SELECT joined.subject FROM joined JOIN {scratch}.inbox_events USING (id)
         WHERE received_at >= %(since)s AND received_at < %(until)s)
)
SELECT row_number() OVER (ORDER BY subject, coalesce(settled_at, received_at), id) AS place, id AS event_id,
       abs(hashtext(subject)) %% %(shares)s AS share, subject, coalesce(settled_at, received_at) AS took_effect_at
  FROM chosen JOIN {scratch}.inbox_events USING (id)
"""
_AFTERWARDS = """
ALTER TABLE {scratch}.replay_order ADD PRIMARY KEY (share, place);
CREATE UNIQUE INDEX ON {scratch}.replay_order (event_id);
CREATE UNLOGGED TABLE {scratch}.replay_players AS
SELECT DISTINCT platform_id, substr(name, length('player:') + 1) AS player_id
  FROM {scratch}.replay_names JOIN {scratch}.replay_order ON event_id = id, unnest(ARRAY[player, click]) AS name
 WHERE name IS NOT NULL;
CREATE UNLOGGED TABLE {scratch}.replay_unplaced (event_id bigint PRIMARY KEY, reason text NOT NULL);
CREATE UNLOGGED TABLE {scratch}.replay_kept (place text NOT NULL, reason text NOT NULL);
ANALYZE {scratch}.inbox_events;
ANALYZE {scratch}.replay_order;
"""
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is replayed: whole players, with all that they ever did, of whom something was received in the period.

    `since` and `until` are half-open; None leaves that side open.
    """

    platforms: tuple[int, ...]
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        return self.since is None and self.until is None


def copy_inbox(scratch: str, choice: Choice) -> None:
    """Copy the recorded events into the scratch schema, ids and all."""
    _run(_COPY_INBOX, scratch, {"recorded": InboxEvent.State.RECORDED, "platforms": list(choice.platforms)})


def order_events(scratch: str, choice: Choice, *, shares: int) -> int:
    """Write `replay_order`: each chosen event with its share and place; return how many there are."""
    _run(_NAME, scratch)
    with connection.cursor() as cursor:
        cursor.execute(_MEET.format(scratch=quoted(scratch), live=LIVE))
        roots = join(cursor.fetchall())
        cursor.execute(f"CREATE UNLOGGED TABLE {quoted(scratch)}.replay_met (subject text PRIMARY KEY, root text)")
        with cursor.copy(f"COPY {quoted(scratch)}.replay_met FROM STDIN") as copy:
            for row in roots.items():
                copy.write_row(row)
    period: dict[str, Any] = {"since": choice.since or _FIRST, "until": choice.until or _LAST}
    _run(_ORDER, scratch, period | {"everything": choice.is_everything, "shares": shares})
    _run(_AFTERWARDS, scratch)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {quoted(scratch)}.replay_order")
        return int(cursor.fetchone()[0])


def join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return each name's representative, the same for names that pairs connect, however far around."""
    parent: dict[str, str] = {}

    def root_of(name: str) -> str:
        root = name
        while (above := parent.setdefault(root, root)) != root:
            root = above
        while parent[name] != root:
            parent[name], name = root, parent[name]
        return root

    for one, other in pairs:
        first, second = sorted((root_of(one), root_of(other)))
        parent[second] = first
    return {name: root_of(name) for name in list(parent)}


def _run(statement: str, scratch: str, values: dict[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(scratch=quoted(scratch), live=LIVE), values)
