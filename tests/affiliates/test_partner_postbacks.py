"""Partners hear of the payout that was booked for them, and of its reversal."""

from datetime import timedelta
from decimal import Decimal

import pytest

from affiliates.domain.booking import book_due_commissions
from affiliates.models import PartnerAccount
from conversions.models import Conversion, Destination, Postback
from tests.affiliates.builders import LATER, charge_back, make_earning_deposit, make_partner_account
from tests.world import NOON, make_partner

pytestmark = pytest.mark.django_db

AT = NOON + timedelta(minutes=5)


@pytest.fixture
def account() -> PartnerAccount:
    account = make_partner_account()
    Destination.objects.create(
        name="Lotus",
        kind="generic",
        partner=account.partner,
        requires_consent=False,
        url_template="https://partner.example/postback?payout={payout}&tid={transaction_id}",
    )
    return account


def told() -> list[tuple[object, ...]]:
    rows = Postback.objects.order_by("pk")
    return list(rows.values_list("conversion", "event", "is_correction", "payout", "payout_currency", "state"))


def test_book_commission_tells_the_partner_his_payout(account):
    deposit = make_earning_deposit(account)

    book_due_commissions(at=AT, limit=10)

    assert told() == [(deposit.pk, "first_deposit", False, Decimal(120), "EUR", "pending")]


def test_book_commission_tells_no_other_partner(account):
    make_earning_deposit(make_partner_account(partner=make_partner()))

    book_due_commissions(at=AT, limit=10)

    assert told() == []


def test_book_commission_tells_nobody_when_nothing_is_earned(account):
    make_earning_deposit(account, amount=Decimal(5))

    book_due_commissions(at=AT, limit=10)

    assert told() == []


def test_reverse_commission_corrects_what_the_partner_was_told(account):
    deposit = make_earning_deposit(account)
    book_due_commissions(at=AT, limit=10)
    Postback.objects.update(state="done", finished_at=AT)
    charge_back(deposit)

    book_due_commissions(at=LATER, limit=10)

    assert told() == [
        (deposit.pk, "first_deposit", False, Decimal(120), "EUR", "done"),
        (deposit.pk, "first_deposit", True, Decimal(120), "EUR", "pending"),
    ]


def test_reverse_commission_cancels_what_the_partner_was_not_told_yet(account):
    deposit = make_earning_deposit(account)
    book_due_commissions(at=AT, limit=10)
    charge_back(deposit)

    book_due_commissions(at=LATER, limit=10)

    assert told() == [(deposit.pk, "first_deposit", False, Decimal(120), "EUR", "cancelled")]


def test_book_commission_tells_the_partner_once_when_the_mark_moves(account):
    deposit = make_earning_deposit(account)
    book_due_commissions(at=AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(is_first_deposit=False, booking_state="due")
    make_earning_deposit(account, player=deposit.player, occurred_at=NOON - timedelta(hours=1))

    book_due_commissions(at=LATER, limit=10)

    assert len(told()) == 1
