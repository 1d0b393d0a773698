"""Deposits in the reporting currency: converted once, as soon as an exchange rate of their day is known."""

from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import transaction

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.domain.first_deposit import write_revenue
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.models import Conversion, Player
from tracker_project.common.money import Money

log = structlog.get_logger(__name__)

COLUMNS = ["reporting_amount", "reporting_currency", "exchange_rate", "exchange_rate_on", "exchange_rate_source"]


def convert_to_reporting_currency(conversion: Conversion) -> None:
    """Set a deposit's `COLUMNS` (unsaved) by the rates of its UTC day; raises `NoExchangeRate`."""
    money = Money(amount=conversion.amount, currency=str(conversion.currency))
    converted = convert(money, settings.REPORTING_CURRENCY, on=conversion.occurred_at.astimezone(UTC).date())
    conversion.reporting_amount = converted.amount
    conversion.reporting_currency = converted.currency
    conversion.exchange_rate = converted.exchange_rate
    conversion.exchange_rate_on = converted.exchange_rate_on
    conversion.exchange_rate_source = converted.exchange_rate_source


def convert_waiting_deposits(*, at: datetime) -> int:
    """Convert the deposits that came before their exchange rate, and return how many that were.

    What follows from the amount is mended with it: lifetime value, revenue, and (by another review) whether the
    deposit is valuable. Safe to run again and beside itself.
    """
    waiting = Conversion.objects.filter(kind=Conversion.Kind.DEPOSIT, reporting_amount__isnull=True).order_by("pk")
    return sum(_convert_waiting(pk, player, at=at) for pk, player in waiting.values_list("pk", "player_id"))


@transaction.atomic
def _convert_waiting(pk: int, player_id: int, *, at: datetime) -> bool:
    player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
    conversion = Conversion.objects.select_related("campaign", "offer").get(pk=pk)
    if conversion.reporting_amount is not None:
        return False
    try:
        convert_to_reporting_currency(conversion)
    except NoExchangeRate:
        return False
    conversion.review_state = Conversion.Review.PENDING
    conversion.is_valuable = False
    conversion.save(update_fields=[*COLUMNS, "review_state", "is_valuable"])
    if conversion.is_first_deposit:
        write_revenue(conversion)
    write_lifetime_value(player, at=at)
    log.info("waiting_deposit_converted", conversion=pk)
    return True
