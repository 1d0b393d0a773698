"""Deposits that came before their exchange rate."""

from decimal import Decimal

import pytest

from campaigns.models import ExchangeRate
from conversions.domain.reporting_currency import convert_waiting_deposits
from conversions.models import Player
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.world import NOON, make_campaign, make_click, make_link, make_offer, make_platform

pytestmark = pytest.mark.django_db


def test_convert_waiting_deposits_mends_value_and_revenue_once_the_rate_is_known():
    offer = make_offer(currency="NGN", revenue=Decimal(170000))
    platform, link = make_platform(), make_link(campaign=make_campaign(offer=offer))
    register(platform, click_id=make_click(link).click_id)
    deposit(platform, amount="85000", currency="NGN")
    before = convert_waiting_deposits(at=LATER)
    ExchangeRate.objects.create(currency="NGN", on_date=NOON.date(), per_euro=Decimal(1700), source="bank")

    converted = convert_waiting_deposits(at=LATER)
    again = convert_waiting_deposits(at=LATER)

    assert (before, converted, again) == (0, 1, 0)
    assert the_deposit().reporting_amount == 50
    assert the_deposit().revenue.amount == 100
    assert Player.objects.get().ltv.deposits_amount == 50
    assert Player.objects.get().ltv.unconverted_deposits == 0
