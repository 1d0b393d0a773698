"""What a player is worth so far: summed anew from his deposits with each of them."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.models import CustomerLtv, DailyActivity, Player
from tracker_project.common.money import Money
from tracker_project.common.prepared import run

# Deposits count while confirmed; test deposits never.
_WRITE = """
    INSERT INTO customer_ltv (
        player_id, currency, deposits, deposits_amount, reversed_deposits, reversed_amount, unconverted_deposits,
        first_deposit_at, last_deposit_at, updated_at
    )
    SELECT %(player)s, %(currency)s,
           count(*) FILTER (WHERE status = 'confirmed'),
           coalesce(sum(reporting_amount) FILTER (WHERE status = 'confirmed'), 0),
           count(*) FILTER (WHERE status IN ('refunded', 'charged_back')),
           coalesce(sum(reporting_amount) FILTER (WHERE status IN ('refunded', 'charged_back')), 0),
           count(*) FILTER (WHERE status = 'confirmed' AND reporting_amount IS NULL),
           min(occurred_at) FILTER (WHERE status IN ('confirmed', 'refunded', 'charged_back')),
           max(occurred_at) FILTER (WHERE status IN ('confirmed', 'refunded', 'charged_back')),
           %(at)s
      FROM conversions
     WHERE player_id = %(player)s AND kind = 'deposit' AND NOT is_test
    ON CONFLICT (player_id) DO UPDATE SET
        currency = EXCLUDED.currency, deposits = EXCLUDED.deposits, deposits_amount = EXCLUDED.deposits_amount,
        reversed_deposits = EXCLUDED.reversed_deposits, reversed_amount = EXCLUDED.reversed_amount,
        unconverted_deposits = EXCLUDED.unconverted_deposits, first_deposit_at = EXCLUDED.first_deposit_at,
        last_deposit_at = EXCLUDED.last_deposit_at, updated_at = EXCLUDED.updated_at"""


def write_lifetime_value(player: Player, *, at: datetime) -> None:
    """Write the player's `customer_ltv` by what his deposits say; call with the player locked."""
    run(_WRITE, {"player": player.pk, "currency": settings.REPORTING_CURRENCY, "at": at})


def worth_so_far(player: Player) -> Money:
    """Return the sum of the player's confirmed deposits, in the reporting currency; nothing where none is known."""
    ltv = CustomerLtv.objects.filter(pk=player.pk).first()
    if ltv is None:
        return Money(amount=Decimal(0), currency=settings.REPORTING_CURRENCY)
    return Money(amount=ltv.deposits_amount, currency=ltv.currency)


def net_revenue_so_far(player: Player) -> Money:
    """Return the player's NGR of all reported days, in the reporting currency.

    Each day is converted by its own rate; days without one are left out until it is known. May be negative.
    """
    currency = settings.REPORTING_CURRENCY
    days = DailyActivity.objects.filter(player=player, is_test=False, ngr__isnull=False).order_by("on_date", "currency")
    amount = Decimal(0)
    for day in days:
        try:
            amount += convert(Money(amount=day.ngr, currency=day.currency), currency, on=day.on_date).amount
        except NoExchangeRate:
            continue
    return Money(amount=amount, currency=currency)
