"""What a player is worth so far: summed anew from his deposits with each of them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.models import Conversion, CustomerLtv, DailyActivity, Player
from tracker_project.common.money import Money

_COUNTS = Q(status=Conversion.Status.CONFIRMED)
_REVERSED = Q(status__in=[Conversion.Status.REFUNDED, Conversion.Status.CHARGED_BACK])


def lifetime_value_columns(player: Player) -> dict[str, Any]:
    """Return the columns of `customer_ltv` as the player's deposits say, test deposits left out."""
    deposits = player.conversions.filter(kind=Conversion.Kind.DEPOSIT, is_test=False)
    sums = deposits.aggregate(
        deposits=Count("pk", filter=_COUNTS),
        deposits_amount=Sum("reporting_amount", filter=_COUNTS),
        reversed_deposits=Count("pk", filter=_REVERSED),
        reversed_amount=Sum("reporting_amount", filter=_REVERSED),
        unconverted_deposits=Count("pk", filter=_COUNTS & Q(reporting_amount__isnull=True)),
        first_deposit_at=Min("occurred_at", filter=_COUNTS | _REVERSED),
        last_deposit_at=Max("occurred_at", filter=_COUNTS | _REVERSED),
    )
    return {name: Decimal(0) if value is None and name.endswith("_amount") else value for name, value in sums.items()}


def write_lifetime_value(player: Player, *, at: datetime) -> None:
    """Write the player's `customer_ltv`; call with the player locked."""
    columns = lifetime_value_columns(player) | {"currency": settings.REPORTING_CURRENCY, "updated_at": at}
    CustomerLtv.objects.bulk_create(
        [CustomerLtv(player=player, **columns)],
        update_conflicts=True,
        unique_fields=["player"],
        update_fields=list(columns),
    )


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
