"""Converting money between currencies."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from campaigns.domain.costs import record_commission_cost
from campaigns.domain.exchange import Converted, NoExchangeRate, convert, load_ecb_rates
from campaigns.models import Cost, ExchangeRate
from tests.world import NOON, make_campaign, make_partner
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

SUNDAY = date(2026, 11, 22)
FRIDAY = date(2026, 11, 20)


def make_rate(currency: str, per_euro: str, on: date = FRIDAY, source: str = "ECB") -> ExchangeRate:
    return ExchangeRate.objects.create(currency=currency, on_date=on, per_euro=Decimal(per_euro), source=source)


def test_convert_keeps_the_same_currency_exact():
    converted = convert(Money(amount=Decimal("10.00"), currency="NGN"), "NGN", on=SUNDAY)

    assert (converted.amount, converted.exchange_rate) == (Decimal("10.00"), Decimal(1))


def test_convert_takes_the_last_rate_known_on_or_before_the_day():
    make_rate("USD", "1.10", on=date(2026, 11, 19))
    make_rate("USD", "1.25", on=FRIDAY)
    make_rate("USD", "9.99", on=date(2026, 11, 23))

    converted = convert(Money(amount=Decimal(100), currency="USD"), "EUR", on=SUNDAY)

    assert converted == Converted(
        amount=Decimal("80.00"),
        currency="EUR",
        original_amount=Decimal(100),
        original_currency="USD",
        exchange_rate=Decimal("0.8000000000"),
        exchange_rate_on=FRIDAY,
        exchange_rate_source="ECB",
    )


def test_convert_crosses_two_currencies_and_rounds_once_to_the_targets_digits():
    make_rate("USD", "1.25")
    make_rate("JPY", "160", on=date(2026, 11, 18), source="bank")

    converted = convert(Money(amount=Decimal("10.01"), currency="USD"), "JPY", on=SUNDAY)

    assert converted.amount == Decimal(1281)  # 10.01 × 128 = 1281.28
    assert converted.exchange_rate_on == date(2026, 11, 18)
    assert converted.exchange_rate_source == "ECB and bank"


def test_convert_refuses_without_a_rate():
    with pytest.raises(NoExchangeRate, match="NGN"):
        convert(Money(amount=Decimal(1), currency="NGN"), "EUR", on=SUNDAY)


def test_load_ecb_rates_stores_each_day_once():
    first = load_ecb_rates(since=date(2026, 10, 1))
    again = load_ecb_rates(since=date(2026, 10, 1))

    assert first > 500
    assert again == 0
    assert ExchangeRate.objects.get(currency="USD", on_date=date(2026, 10, 1)).source == "ECB"


def test_record_commission_cost_counts_once_by_reference_in_the_campaigns_currency_and_day():
    make_rate("USD", "1.25")
    campaign = make_campaign(currency="USD", time_zone="Pacific/Auckland")
    partner = make_partner()
    cost: dict[str, Any] = {
        "campaign": campaign,
        "creative": None,
        "partner": partner,
        "money": Money(amount=Decimal(120), currency="EUR"),
        "reference": "commission:1",
        "at": NOON,
    }

    first = record_commission_cost(**cost)
    again = record_commission_cost(**cost)

    assert again == first
    assert Cost.objects.get().amount == Decimal("150.00")
    assert Cost.objects.get().on_date == date(2026, 11, 23)
