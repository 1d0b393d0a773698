"""What a player's deposits will probably come to, as those of his brand's earlier players grew.

This is actuaries' chain-ladder method. The curve of a brand says what its earlier players, all together, had deposited
so many days after their first deposit. A player's deposits so far, times what the curve still had to grow at his age,
are his prediction for the horizon.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from campaigns.models import Brand
from conversions.models import Player, ValueCurvePoint
from tracker_project.common.money import Money, round_money

log = structlog.get_logger(__name__)

HORIZON_DAYS = 180
# Those whose horizon ended within so many days make the curve: older ones played another casino.
REFERENCE = timedelta(days=365)
# With fewer a curve would tell of a few lucky ones; then the deposits so far are told.
LEAST_PLAYERS = 200

# Growth still to come at a player's age, straight between the curve's days; 1 without a curve and beyond the horizon.
_PREDICTED = """ltv.deposits_amount * coalesce((
    SELECT top.amount / (low.amount + (high.amount - low.amount) * (age.days - low.day))
      FROM (SELECT greatest(0, extract(epoch FROM %(at)s::timestamptz - ltv.first_deposit_at) / 86400)::numeric
                AS days) AS age
      JOIN value_curve_points AS top ON top.brand_id = platform.brand_id AND top.day = %(horizon)s
      JOIN value_curve_points AS low ON low.brand_id = top.brand_id AND low.day = floor(age.days)
      JOIN value_curve_points AS high ON high.brand_id = top.brand_id AND high.day = low.day + 1
     WHERE age.days < %(horizon)s), 1)"""


def predicted_value(player: Player, *, at: datetime) -> Money:
    """Return what a player's deposits of his first 180 days will probably come to, in the reporting currency.

    Never less than nothing; his deposits so far where the brand has too few earlier players to predict by.
    """
    sql = f"""SELECT {_PREDICTED} FROM customer_ltv AS ltv
                JOIN players AS player ON player.id = ltv.player_id
                JOIN platforms AS platform ON platform.id = player.platform_id
               WHERE ltv.player_id = %(player)s"""  # noqa: S608  (the expression is ours)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"at": at, "horizon": HORIZON_DAYS, "player": player.pk})
        row = cursor.fetchone()
    amount = Decimal(row[0] or 0) if row else Decimal(0)
    return Money(amount=round_money(amount, settings.REPORTING_CURRENCY), currency=settings.REPORTING_CURRENCY)


def predictions_that_moved(*, since: Mapping[str, datetime], share: Decimal, at: datetime, limit: int) -> list[int]:
    """Return the ids of delivered postbacks whose player is worth more or less by `share` than was told last.

    Of destinations that are on, of each kind in `since` whose deposit and its click are younger than that; those that
    moved most come first. What is on its way to be told counts as told.
    """
    sql = f"""SELECT told.id FROM postbacks AS told
                JOIN destinations AS destination ON destination.id = told.destination_id
                JOIN unnest(%(kinds)s::text[], %(since)s::timestamptz[]) AS young (kind, since)
                  ON young.kind = destination.kind
                JOIN conversions AS conversion ON conversion.id = told.conversion_id
                JOIN players AS player ON player.id = conversion.player_id
                JOIN platforms AS platform ON platform.id = player.platform_id
                JOIN customer_ltv AS ltv ON ltv.player_id = player.id
               CROSS JOIN LATERAL (
                    SELECT predicted_value FROM postbacks AS latest
                     WHERE latest.conversion_id = told.conversion_id AND latest.destination_id = told.destination_id
                       AND latest.dedup_id = told.dedup_id AND latest.state <> 'cancelled'
                       AND latest.predicted_value IS NOT NULL
                     ORDER BY latest.id DESC LIMIT 1) AS said
               CROSS JOIN LATERAL (SELECT {_PREDICTED} AS value) AS now
               WHERE destination.is_active AND destination.value_kind = 'predicted'
                 AND told.state = 'done' AND NOT told.is_correction AND told.created_at > %(oldest)s
                 AND player.clicked_at > %(oldest)s
                 AND conversion.occurred_at > young.since AND conversion.kind = 'deposit'
                 AND conversion.status = 'confirmed' AND conversion.reversed_at IS NULL
                 AND abs(now.value - said.predicted_value) > %(share)s * said.predicted_value
               ORDER BY abs(now.value - said.predicted_value) DESC, told.id LIMIT %(limit)s"""  # noqa: S608
    parameters: dict[str, Any] = {
        "at": at,
        "horizon": HORIZON_DAYS,
        "kinds": [str(kind) for kind in since],
        "since": list(since.values()),
        "oldest": min(since.values()),
        "share": share,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def write_value_curves(*, at: datetime) -> int:
    """Draw the curve of each brand anew and return how many brands have one; one with too few players loses its own."""
    curves = 0
    for brand in Brand.objects.order_by("pk"):
        points = _curve(brand, at=at)
        with transaction.atomic():
            ValueCurvePoint.objects.filter(brand=brand).delete()
            ValueCurvePoint.objects.bulk_create(points)
        curves += bool(points)
    log.info("value_curves_written", curves=curves)
    return curves


def _curve(brand: Brand, *, at: datetime) -> list[ValueCurvePoint]:
    """Return a brand's points from the first deposit alone to the horizon, none where it has too few players."""
    sql = """WITH reference AS (
                SELECT ltv.player_id, ltv.first_deposit_at FROM customer_ltv AS ltv
                  JOIN players ON players.id = ltv.player_id AND NOT players.is_test
                  JOIN platforms ON platforms.id = players.platform_id AND platforms.brand_id = %(brand)s
                 WHERE ltv.first_deposit_at <= %(until)s AND ltv.first_deposit_at > %(since)s),
             deposited AS (
                SELECT ceil(greatest(0, extract(epoch FROM deposit.occurred_at - reference.first_deposit_at)) / 86400)
                           AS day,
                       sum(deposit.reporting_amount) AS amount
                  FROM reference JOIN conversions AS deposit ON deposit.player_id = reference.player_id
                 WHERE deposit.kind = 'deposit' AND deposit.status = 'confirmed' AND NOT deposit.is_test
                   AND deposit.occurred_at <= reference.first_deposit_at + make_interval(days => %(horizon)s)
                 GROUP BY 1)
             SELECT days.day, sum(coalesce(deposited.amount, 0)) OVER (ORDER BY days.day),
                    (SELECT count(*) FROM reference)
               FROM generate_series(0, %(horizon)s) AS days (day) LEFT JOIN deposited ON deposited.day = days.day
              ORDER BY days.day"""
    until = at - timedelta(days=HORIZON_DAYS)
    parameters: dict[str, Any] = {
        "brand": brand.pk,
        "until": until,
        "since": until - REFERENCE,
        "horizon": HORIZON_DAYS,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    first_amount, players = rows[0][1], rows[0][2]
    if players < LEAST_PLAYERS or not first_amount:
        return []
    return [
        ValueCurvePoint(brand=brand, day=day, amount=amount, players=players, computed_at=at) for day, amount, _ in rows
    ]


def curves_in_words() -> str:
    """Say for which brands values can be predicted by now, for the page where a destination chooses its value."""
    drawn = ValueCurvePoint.objects.filter(day=0).select_related("brand").order_by("brand__name")
    found = [f"{point.brand} ({point.players:,} players)" for point in drawn]
    return f"Values can be predicted for {', '.join(found)}." if found else "Values can be predicted for no brand yet."
