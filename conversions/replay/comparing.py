"""Live rows and rebuilt rows side by side: by what names them outside of our database, column by column."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from conversions.replay.ordering import Choice
from conversions.replay.scratch import LIVE, quoted

_READ_AT_ONCE = 2_000
# What says who is credited, in every table that does.
CREDIT_COLUMNS = (
    *("credit_outcome", "click_uuid", "clicked_at", "link_id", "campaign_id", "creative_id", "partner_id"),
    *("source_id", "offer_id"),
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One table: how its rows are named, with which other tables, and which columns are no part of the comparison.

    `names` are columns of ours in place of references: what the row refers to, by its name. `left_out` are ids, what
    the key says already, and columns that say when the tracker worked or how far review and booking have come:
    something else than the inbox decides about those. `event` finds rows of no player by the event that made them.
    """

    table: str
    key: str
    left_out: str
    joins: str = ""
    platform: str = "player.platform_id"
    names: str = ""
    event: str = ""


_PLAYER = " JOIN {schema}.players player ON player.id = row.player_id"
_PLAYER_IF_ANY = " LEFT JOIN {schema}.players player ON player.id = row.player_id"
_CONVERSION = """ JOIN {schema}.conversions conversion ON conversion.id = row.conversion_id
                  JOIN {schema}.players player ON player.id = conversion.player_id"""
_DEPOSIT_IF_ANY = " LEFT JOIN {schema}.conversions conversion ON conversion.id = row.deposit_id"
_MILESTONE = """ JOIN {schema}.milestones milestone ON milestone.id = row.milestone_id
                 LEFT JOIN {schema}.players player ON player.id = milestone.player_id"""
_DAY = """ JOIN {schema}.daily_activity day ON day.id = row.activity_id
           JOIN {schema}.players player ON player.id = day.player_id"""
_EVENT = " JOIN {schema}.inbox_events event ON event.id = row.event_id"
_NAMED_CONVERSION = "concat_ws('/', conversion.kind, player.player_id, conversion.transaction_id)"

COMPARED = (
    Compared(
        table="players",
        key="row.player_id",
        left_out="id platform_id player_id created_at credit_decision_id",
        joins=" JOIN {schema}.players player ON player.id = row.id"
        " LEFT JOIN {schema}.credit_decisions decision ON decision.id = row.credit_decision_id",
        names="'decision', concat_ws('/', decision.outcome, decision.rule_id, decision.window_hours, decision.reason)",
    ),
    Compared(
        table="conversions",
        key="concat_ws('/', row.kind, player.player_id, row.transaction_id)",
        left_out="id platform_id player_id kind transaction_id review_state booking_state is_valuable"
        " credit_decision_id",
        joins=_PLAYER,
    ),
    Compared(
        table="status_reports",
        key="event.event_id",
        left_out="id conversion_id event_id",
        joins=_CONVERSION + _EVENT,
        names=f"'conversion', {_NAMED_CONVERSION}",
    ),
    Compared(table="revenues", key=_NAMED_CONVERSION, left_out="id conversion_id", joins=_CONVERSION),
    Compared(table="customer_ltv", key="player.player_id", left_out="player_id updated_at", joins=_PLAYER),
    Compared(
        table="milestones",
        key="concat_ws('/', row.kind, row.key)",
        left_out="id platform_id player_id kind key",
        joins=_PLAYER_IF_ANY,
        platform="row.platform_id",
        names="'player', player.player_id",
        event="row.first_event_id",
    ),
    Compared(
        table="milestone_reports",
        key="concat_ws('/', milestone.kind, milestone.key, event.event_id)",
        left_out="id milestone_id event_id",
        joins=_MILESTONE + _EVENT,
        platform="milestone.platform_id",
        event="event.event_id",
    ),
    Compared(
        table="money_movements",
        key="concat_ws('/', row.kind, row.transaction_id)",
        left_out="id platform_id player_id deposit_id event_id kind transaction_id",
        joins=_PLAYER + _EVENT + _DEPOSIT_IF_ANY,
        names="'player', player.player_id, 'deposit', conversion.transaction_id, 'event', event.event_id",
    ),
    Compared(
        table="player_statuses",
        key="event.event_id",
        left_out="id player_id event_id",
        joins=_PLAYER + _EVENT,
        names="'player', player.player_id",
    ),
    Compared(
        table="installs",
        key="concat_ws('/', row.activity, row.install_id, row.installed_at)",
        left_out="id platform_id player_id event_id activity install_id installed_at",
        joins=_PLAYER_IF_ANY + _EVENT,
        platform="row.platform_id",
        names="'player', player.player_id, 'event', event.event_id",
        event="event.event_id",
    ),
    Compared(
        table="touchpoints",
        key="concat_ws('/', event.event_id, row.channel, row.name)",
        left_out="id platform_id player_id event_id channel name is_due",
        joins=_PLAYER_IF_ANY + _EVENT,
        platform="row.platform_id",
        event="event.event_id",
    ),
    Compared(
        table="theft_evidence",
        key="concat_ws('/', player.player_id, row.kind, row.partner_before_id, row.partner_after_id)",
        left_out="id player_id kind partner_before_id partner_after_id noticed_at",
        joins=_PLAYER,
    ),
    Compared(
        table="daily_activity",
        key="concat_ws('/', player.player_id, row.on_date, row.currency)",
        left_out="id player_id on_date currency updated_at",
        joins=_PLAYER,
    ),
    Compared(
        table="activity_reports",
        key="event.event_id",
        left_out="id activity_id event_id",
        joins=_DAY + _EVENT,
        names="'day', concat_ws('/', player.player_id, day.on_date, day.currency)",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One column that the live row and the rebuilt one say differently, as text.

    `column` is empty where one of the rows is missing; `player` names whom it is about, "" where it is nobody.
    `facts` are the live row's columns, nothing where it is missing.
    """

    table: str
    key: str
    column: str
    stored: str
    rebuilt: str
    player: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def store_live_rows(scratch: str, choice: Choice) -> None:
    """Keep the live rows that are to be compared; call at the moment whose inbox is replayed."""
    for compared in COMPARED:
        chosen = f"{compared.platform} = ANY(%(platforms)s)"
        if not choice.is_everything:
            chosen += f" AND ({_chosen_player(compared)}{_chosen_event(compared)})"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE UNLOGGED TABLE {quoted(scratch)}.stored_{compared.table} AS"
                f" {rows_of(compared, LIVE)} WHERE {chosen}".format(scratch=quoted(scratch)),
                {"platforms": list(choice.platforms)},
            )
            cursor.execute(f"CREATE INDEX ON {quoted(scratch)}.stored_{compared.table} (key)")


def count_live_rows(scratch: str) -> dict[str, int]:
    """Return how many rows of each table are compared."""
    counts = " UNION ALL ".join(
        f"SELECT '{each.table}', count(*) FROM {quoted(scratch)}.stored_{each.table}" for each in COMPARED
    )
    with connection.cursor() as cursor:
        cursor.execute(counts)
        return dict(cursor.fetchall())


def find_differences(scratch: str) -> Iterator[Difference]:
    """Yield what differs, table by table: first the events that could not be placed again."""
    yield from _unplaced(scratch)
    for compared in COMPARED:
        yield from _differences_of(scratch, compared)


def rows_of(compared: Compared, schema: str) -> str:
    """Return the SELECT of a table's rows: key, player, facts as one JSON object."""
    names = f" || jsonb_build_object({compared.names})" if compared.names else ""
    left_out = ", ".join(f"'{column}'" for column in compared.left_out.split())
    return f"""
        SELECT concat_ws('/', platform.slug, {compared.key}) AS key,
               platform.slug || '/' || player.player_id AS player,
               (to_jsonb(row) - ARRAY[{left_out}]){names} AS facts
          FROM {schema}.{compared.table} row {compared.joins.format(schema=schema)}
          JOIN {LIVE}.platforms platform ON platform.id = {compared.platform}"""


def _chosen_player(compared: Compared) -> str:
    return "(player.platform_id, player.player_id) IN (SELECT platform_id, player_id FROM {scratch}.replay_players)"


def _chosen_event(compared: Compared) -> str:
    if not compared.event:
        return ""
    return f""" OR ({compared.platform}, {compared.event}) IN (
        SELECT event.platform_id, event.event_id
          FROM {{scratch}}.replay_order JOIN {{scratch}}.inbox_events event ON event.id = replay_order.event_id)"""


def _differences_of(scratch: str, compared: Compared) -> Iterator[Difference]:
    statement = f"""
        SELECT coalesce(stored.key, rebuilt.key), coalesce(stored.player, rebuilt.player, ''),
               stored.facts::text, rebuilt.facts::text
          FROM {quoted(scratch)}.stored_{compared.table} stored
          FULL JOIN ({rows_of(compared, quoted(scratch))}) rebuilt ON rebuilt.key = stored.key
         WHERE stored.facts IS DISTINCT FROM rebuilt.facts ORDER BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_READ_AT_ONCE):
            for key, player, stored, rebuilt in rows:
                yield from _columns_of(compared.table, key, player, stored, rebuilt)


def _columns_of(table: str, key: str, player: str, stored: str | None, rebuilt: str | None) -> Iterator[Difference]:
    held = json.loads(stored, parse_float=Decimal) if stored else {}
    found = json.loads(rebuilt, parse_float=Decimal) if rebuilt else {}
    if held and found:
        pairs = [(column, _shown(held[column]), _shown(found[column])) for column in held]
    else:
        pairs = [("", "a row" if held else "no row", "a row" if found else "no row")]
    for column, one, other in pairs:
        if one != other:
            yield Difference(table=table, key=key, column=column, stored=one, rebuilt=other, player=player, facts=held)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return json.dumps(value, default=str) if isinstance(value, (dict, list, bool)) else str(value)


def _unplaced(scratch: str) -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT platform.slug || '/' || event.event_id, unplaced.reason
                  FROM {quoted(scratch)}.replay_unplaced unplaced
                  JOIN {quoted(scratch)}.inbox_events event ON event.id = unplaced.event_id
                  JOIN {LIVE}.platforms platform ON platform.id = event.platform_id ORDER BY 1"""
        )
        for key, reason in cursor.fetchall():
            yield Difference(table="inbox_events", key=key, column="state", stored="recorded", rebuilt=reason)
