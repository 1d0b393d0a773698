"""What the tracker knew when it recorded an event, where it knows something else by now: rates, and stored clicks."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import Any

from django.db import connection

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.reporting_currency import COLUMNS
from conversions.models import Conversion
from conversions.replay.comparing import CREDIT_COLUMNS
from conversions.replay.scratch import LIVE, quoted
from tracker_project.common.money import Money

KEPT_CREDIT = "has the credit of its link's terms: the click itself was stored only later"
KEPT_RATE = "keeps the exchange rate by which it was converted; a later one is known by now"
# Rates are missing over a weekend or a holiday, never for so long.
_LONGEST_GAP = timedelta(days=60)
_COLUMNS = ", ".join(COLUMNS)
_STORED = f"""
CREATE UNLOGGED TABLE {{scratch}}.stored_rates AS
SELECT platform_id, transaction_id, {_COLUMNS} FROM {{live}}.conversions
 WHERE kind = 'deposit' AND reporting_amount IS NOT NULL AND currency <> reporting_currency
"""
_CONVERTED_OTHERWISE = f"""
SELECT rebuilt.id, {", ".join(f"stored.{column}" for column in COLUMNS)}
  FROM {{scratch}}.replay_order replay
  JOIN {{scratch}}.status_reports report ON report.event_id = replay.event_id
  JOIN {{scratch}}.conversions rebuilt ON rebuilt.id = report.conversion_id
  JOIN {{scratch}}.stored_rates stored USING (platform_id, transaction_id)
 WHERE replay.share = %(share)s AND replay.place BETWEEN %(first)s AND %(last)s AND rebuilt.kind = 'deposit'
   AND ({", ".join(f"rebuilt.{column}" for column in COLUMNS)})
       IS DISTINCT FROM ({", ".join(f"stored.{column}" for column in COLUMNS)})
 GROUP BY rebuilt.id, {", ".join(f"stored.{column}" for column in COLUMNS)} ORDER BY rebuilt.id
"""
_NOT_THE_SAME = " OR ".join(
    f"rebuilt.facts -> '{column}' IS DISTINCT FROM stored.facts -> '{column}'" for column in CREDIT_COLUMNS
)
_CREDITED_OTHERWISE = f"""
WITH event AS (
    SELECT event.id, event.platform_id, event.kind, event.terms, replay.subject
      FROM {{scratch}}.replay_order replay JOIN {{scratch}}.inbox_events event ON event.id = replay.event_id
     WHERE replay.share = %(share)s AND replay.place BETWEEN %(first)s AND %(last)s
), rebuilt AS (
    SELECT subject, 'players' AS of, player.player_id AS key, player.platform_id, to_jsonb(player) AS facts
      FROM event JOIN {{scratch}}.players player ON player.platform_id = event.platform_id AND player.player_id =
           coalesce(nullif(terms ->> 'player_id', ''), 'click-' || lower(left(terms ->> 'click_id', 32)))
     WHERE event.kind = 'registration'
     UNION ALL
    SELECT subject, 'milestones', milestone.kind || '/' || milestone.key, milestone.platform_id, to_jsonb(milestone)
      FROM event JOIN {{scratch}}.milestone_reports report ON report.event_id = event.id
      JOIN {{scratch}}.milestones milestone ON milestone.id = report.milestone_id
     WHERE event.kind IN ('signup', 'lead', 'sale', 'qualified')
     UNION ALL
    SELECT subject, 'installs', concat_ws('/', install.activity, install.install_id, install.installed_at),
           install.platform_id, to_jsonb(install)
      FROM event JOIN {{scratch}}.installs install ON install.event_id = event.id WHERE event.kind = 'install'
), stored AS NOT MATERIALIZED (
    SELECT 'players' AS of, key, facts FROM {{scratch}}.stored_players
     UNION ALL SELECT 'milestones', key, facts FROM {{scratch}}.stored_milestones
     UNION ALL SELECT 'installs', key, facts FROM {{scratch}}.stored_installs
)
SELECT DISTINCT rebuilt.subject FROM rebuilt
  JOIN {{live}}.platforms platform ON platform.id = rebuilt.platform_id
  JOIN stored ON stored.of = rebuilt.of AND stored.key = platform.slug || '/' || rebuilt.key
 WHERE {_NOT_THE_SAME}
"""


def hide_clicks_table() -> None:
    """Make the empty table that stands before the clicks where `clicks_not_stored` says so; once a connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE clicks (LIKE {LIVE}.clicks INCLUDING INDEXES)")


def search_path(scratch: str, *, are_clicks_stored: bool = True) -> str:
    """Return where tables are looked for: first in the scratch schema, last the empty table of clicks."""
    path = [quoted(scratch), LIVE]
    return ", ".join([*path, "pg_temp"] if are_clicks_stored else ["pg_temp", *path])


@contextmanager
def clicks_not_stored(scratch: str) -> Iterator[None]:
    """Record as if no click had been stored yet; inside a transaction that is rolled back where the block fails."""
    _look_in(search_path(scratch, are_clicks_stored=False))
    yield
    _look_in(search_path(scratch))


def credited_otherwise(scratch: str, share: int, *, first: int, last: int) -> set[str]:
    """Return the subjects of these places whose players, milestones or installs have another credit than is stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CREDITED_OTHERWISE.format(scratch=quoted(scratch), live=LIVE),
            {"share": share, "first": first, "last": last},
        )
        return {subject for (subject,) in cursor.fetchall()}


def note_kept(scratch: str, places: Collection[str], reason: str) -> None:
    """Note what keeps what was known then, and why that is right."""
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quoted(scratch)}.replay_kept (place, reason) VALUES (%s, %s)",
            [(place, reason) for place in places],
        )


def _look_in(path: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path TO {path}")


def store_rates(scratch: str) -> None:
    """Note by which rate each deposit of another currency was converted."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED.format(scratch=quoted(scratch), live=LIVE))
        cursor.execute(f"ALTER TABLE {quoted(scratch)}.stored_rates ADD UNIQUE (platform_id, transaction_id)")


def keep_rates_of_then(scratch: str, share: int, *, first: int, last: int) -> None:
    """Give the deposits of these places the rates of then, where those stood in our table on or before their day.

    What is anything else stays as it was rebuilt, and differs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CONVERTED_OTHERWISE.format(scratch=quoted(scratch)), {"share": share, "first": first, "last": last}
        )
        for pk, *stored in cursor.fetchall():
            deposit = Conversion.objects.select_related("platform", "player").get(pk=pk)
            values = dict(zip(COLUMNS, stored, strict=True))
            if _stood_in_our_table(deposit, values):
                Conversion.objects.filter(pk=pk).update(**values)
                write_lifetime_value(deposit.player, at=deposit.received_at)
                note_kept(scratch, [f"Deposit {deposit.platform.slug}/{deposit.transaction_id}"], KEPT_RATE)


def _stood_in_our_table(deposit: Conversion, stored: dict[str, Any]) -> bool:
    """Say whether the rate is the one of a day between its own and the deposit's, and the amount follows from it."""
    until = deposit.occurred_at.astimezone(UTC).date()
    on: date = max(stored["exchange_rate_on"], until - _LONGEST_GAP)
    money = Money(amount=deposit.amount, currency=str(deposit.currency))
    while on <= until:
        try:
            converted = convert(money, stored["reporting_currency"], on=on)
        except NoExchangeRate:
            return False
        found = (converted.amount, converted.currency, converted.exchange_rate, converted.exchange_rate_on)
        if (*found, converted.exchange_rate_source) == tuple(stored[column] for column in COLUMNS):
            return True
        on += timedelta(days=1)
    return False


def kept(scratch: str) -> dict[str, int]:
    """Return how many were rebuilt with what was known then, by reason."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT reason, count(*) FROM {quoted(scratch)}.replay_kept GROUP BY 1 ORDER BY 1")
        return dict(cursor.fetchall())
