"""Commissions follow first deposits: booked once, reversed exactly, whatever comes first."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.queries import owed_to, partner_balances
from affiliates.domain.verify import ledger_differences
from affiliates.models import Commission, LedgerEntry, LedgerTransfer
from campaigns.models import Cost, ExchangeRate
from conversions.models import Conversion
from tests.affiliates.builders import (
    LATER,
    charge_back,
    make_deposit,
    make_earning_deposit,
    make_partner_account,
    make_plan,
    make_player,
    make_version,
)
from tests.world import NOON, make_campaign, make_creative, make_partner

pytestmark = pytest.mark.django_db

BOOKED_AT = NOON + timedelta(minutes=5)


def test_book_commission_posts_it_between_expense_and_payable():
    account = make_partner_account()
    deposit = make_earning_deposit(account)

    booked = book_due_commissions(at=BOOKED_AT, limit=10)

    commission = Commission.objects.get()
    assert booked == 1
    assert (commission.amount, commission.currency) == (Decimal(120), "EUR")
    assert (commission.conversion, commission.player) == (deposit, deposit.player)
    assert commission.booked_at == BOOKED_AT
    assert commission.payable_on == date(2026, 12, 6)
    assert list(LedgerEntry.objects.order_by("pk").values_list("account__kind", "amount", "currency")) == [
        ("house_commission_expense", Decimal(120), "EUR"),
        ("partner_payable", Decimal(-120), "EUR"),
    ]
    assert owed_to(account, currency="EUR") == Decimal(120)
    assert ledger_differences() == []


def test_book_commission_is_done_once():
    deposit = make_earning_deposit()
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(booking_state="due")

    again = book_due_commissions(at=LATER, limit=10)

    deposit.refresh_from_db()
    assert again == 1
    assert deposit.booking_state == "done"
    assert LedgerTransfer.objects.count() == 1


def test_book_commission_counts_as_cost_of_the_campaigns_day_of_the_deposit():
    campaign = make_campaign(time_zone="Asia/Tokyo", cost_model="cpa")
    creative = make_creative(campaign)
    account = make_partner_account()
    make_earning_deposit(account, campaign=campaign, creative=creative, occurred_at=NOON + timedelta(hours=4))

    book_due_commissions(at=NOON + timedelta(days=2), limit=10)

    cost = Cost.objects.get()
    assert (cost.campaign, cost.creative, cost.partner) == (campaign, creative, account.partner)
    assert (cost.on_date, cost.amount, cost.currency) == (date(2026, 11, 23), Decimal(120), "EUR")
    assert cost.reference == f"commission:{LedgerTransfer.objects.get().pk}"


def test_book_commission_writes_no_cost_without_a_campaign():
    make_earning_deposit(campaign=None)

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.count() == 1
    assert Cost.objects.count() == 0
    assert ledger_differences() == []


def test_book_commission_takes_the_plan_version_of_the_deposits_instant():
    plan = make_plan()
    make_version(plan, cpa_amount=Decimal(100), starts_at=NOON - timedelta(days=2))
    make_version(plan, cpa_amount=Decimal(150), starts_at=NOON)
    make_version(plan, cpa_amount=Decimal(90), starts_at=NOON + timedelta(seconds=1))
    make_earning_deposit(make_partner_account(plan=plan))

    book_due_commissions(at=NOON + timedelta(days=9), limit=10)

    assert Commission.objects.get().amount == Decimal(150)


def test_book_commission_rounds_once_to_the_currencys_digits():
    plan = make_plan(currency="JPY")
    make_version(plan, cpa_amount=Decimal("1000.5"), minimum_deposit=Decimal(0))
    ExchangeRate.objects.create(currency="JPY", on_date=NOON.date(), per_euro=Decimal(160), source="bank")
    make_earning_deposit(make_partner_account(plan=plan))

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.get().amount == Decimal(1000)


@pytest.mark.parametrize(
    "columns",
    [
        {"amount": Decimal("19.99")},
        {"is_test": True, "is_first_deposit": False},
        {"is_first_deposit": False},
        {"review_state": "held"},
        {"review_state": "rejected"},
        {"review_state": "pending"},
        {"status": "charged_back", "reversed_at": NOON},
        {"status": "refunded", "reversed_at": NOON},
        {"status": "void", "is_first_deposit": False},
        {"partner": None},
        {"occurred_at": NOON - timedelta(days=31)},
    ],
)
def test_book_commission_pays_nothing_for(columns):
    deposit = make_earning_deposit(**columns)

    book_due_commissions(at=BOOKED_AT, limit=10)

    deposit.refresh_from_db()
    assert deposit.booking_state == "done"
    assert Commission.objects.count() == 0
    assert Cost.objects.count() == 0


def test_book_commission_pays_the_minimum_deposit_itself():
    make_earning_deposit(amount=Decimal(20))

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.count() == 1


def test_book_commission_pays_no_partner_without_an_account():
    make_deposit(partner=make_partner())

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.count() == 0


def test_book_commission_pays_no_inactive_account():
    make_earning_deposit(make_partner_account(is_active=False))

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.count() == 0


def test_book_commission_measures_the_deposit_in_the_plans_currency():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="bank")
    account = make_partner_account()
    enough = make_earning_deposit(account, amount=Decimal(25), currency="USD")
    make_earning_deposit(account, amount=Decimal("24.98"), currency="USD")

    book_due_commissions(at=BOOKED_AT, limit=10)

    assert Commission.objects.get().conversion == enough


def test_book_commission_waits_for_an_exchange_rate_without_stopping_others():
    account = make_partner_account()
    waiting = make_earning_deposit(account, currency="USD")
    other = make_earning_deposit(account)

    booked = book_due_commissions(at=BOOKED_AT, limit=1)

    waiting.refresh_from_db()
    assert booked == 1
    assert waiting.booking_state == "due"
    assert Commission.objects.get().conversion == other


def test_book_commission_books_when_the_exchange_rate_has_come():
    make_earning_deposit(currency="USD")
    book_due_commissions(at=BOOKED_AT, limit=10)
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="bank")

    book_due_commissions(at=LATER, limit=10)

    assert Commission.objects.get().booked_at == LATER


def test_book_commission_leaves_nothing_half_written_when_the_campaigns_rate_is_missing():
    make_earning_deposit(campaign=make_campaign(currency="USD"))

    booked = book_due_commissions(at=BOOKED_AT, limit=10)

    assert booked == 0
    assert Commission.objects.count() == 0
    assert LedgerTransfer.objects.count() == 0


def test_reverse_commission_after_a_chargeback_to_the_last_digit():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    charge_back(deposit, at=NOON + timedelta(minutes=30))

    book_due_commissions(at=LATER, limit=10)

    commission = Commission.objects.get()
    original, reversal = LedgerTransfer.objects.order_by("pk")
    assert (commission.reversed_at, commission.reversal_reason) == (
        LATER,
        f"Deposit {deposit.transaction_id} is charged back.",
    )
    assert (reversal.kind, reversal.reverses) == ("reversal", original)
    assert (reversal.occurred_at, reversal.booked_at) == (NOON + timedelta(minutes=30), LATER)
    assert owed_to(account, currency="EUR") == Decimal(0)
    assert ledger_differences() == []


def test_reverse_commission_takes_its_cost_back_at_the_rate_of_the_booking():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date() - timedelta(days=1), per_euro=2, source="bank")
    deposit = make_earning_deposit(campaign=make_campaign(currency="USD"))
    book_due_commissions(at=BOOKED_AT, limit=10)
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=3, source="bank")
    charge_back(deposit)

    book_due_commissions(at=NOON + timedelta(days=40), limit=10)

    assert list(Cost.objects.order_by("pk").values_list("amount", "original_amount", "on_date")) == [
        (Decimal(240), Decimal(120), date(2026, 11, 22)),
        (Decimal(-240), Decimal(-120), date(2026, 11, 22)),
    ]


def test_reverse_commission_happens_once_and_nothing_is_booked_again():
    deposit = make_earning_deposit()
    book_due_commissions(at=BOOKED_AT, limit=10)
    charge_back(deposit)
    book_due_commissions(at=LATER, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(booking_state="due", review_state="approved")

    book_due_commissions(at=LATER + timedelta(hours=1), limit=10)

    assert list(LedgerTransfer.objects.order_by("pk").values_list("kind", flat=True)) == ["commission", "reversal"]


def test_reverse_commission_when_review_rejects_the_deposit():
    deposit = make_earning_deposit()
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(booking_state="due", review_state="rejected")

    book_due_commissions(at=LATER, limit=10)

    reason = Commission.objects.get().reversal_reason
    assert reason == f"Deposit {deposit.transaction_id} was rejected in review."


def test_reverse_commission_waits_while_the_deposit_is_reviewed_again():
    deposit = make_earning_deposit()
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(booking_state="due", review_state="pending")

    book_due_commissions(at=LATER, limit=10)

    assert Commission.objects.get().reversed_at is None


def test_reverse_commission_after_a_void_and_book_the_next_first_deposit():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(status="void", is_first_deposit=False, booking_state="due")
    book_due_commissions(at=LATER, limit=10)
    second = make_earning_deposit(account, player=deposit.player, occurred_at=LATER)

    book_due_commissions(at=LATER + timedelta(hours=1), limit=10)

    old, new = Commission.objects.order_by("pk")
    assert old.reversal_reason == f"Deposit {deposit.transaction_id} is void."
    assert (new.conversion, new.reversed_at) == (second, None)
    assert owed_to(account, currency="EUR") == Decimal(120)
    assert ledger_differences() == []


def test_book_commission_changes_nothing_when_the_mark_moves_to_an_earlier_deposit():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(is_first_deposit=False, booking_state="due")
    make_earning_deposit(account, player=deposit.player, occurred_at=NOON - timedelta(hours=1))

    book_due_commissions(at=LATER, limit=10)

    assert Commission.objects.get().conversion == deposit
    assert LedgerTransfer.objects.count() == 1
    assert Conversion.objects.filter(booking_state="due").count() == 0


def test_reverse_commission_when_the_mark_moves_to_a_deposit_that_earns_nothing():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(is_first_deposit=False, booking_state="due")
    small = make_earning_deposit(
        account, player=deposit.player, occurred_at=NOON - timedelta(hours=1), amount=Decimal(5)
    )

    book_due_commissions(at=LATER, limit=10)

    reason = Commission.objects.get().reversal_reason
    assert reason == f"Deposit {small.transaction_id} is the player's first one now, and the plan pays nothing for it."


def test_book_commission_keeps_what_was_booked_when_the_account_is_switched_off():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    account.is_active = False
    account.save()
    Conversion.objects.filter(pk=deposit.pk).update(booking_state="due")

    book_due_commissions(at=LATER, limit=10)

    assert Commission.objects.get().reversed_at is None


def test_book_commission_moves_it_when_the_credit_moves():
    account, other = make_partner_account(), make_partner_account()
    deposit = make_earning_deposit(account)
    book_due_commissions(at=BOOKED_AT, limit=10)
    Conversion.objects.filter(pk=deposit.pk).update(partner=other.partner, booking_state="due")

    book_due_commissions(at=LATER, limit=10)

    assert owed_to(account, currency="EUR") == Decimal(0)
    assert owed_to(other, currency="EUR") == Decimal(120)


def test_book_commission_stays_within_its_limit():
    account = make_partner_account()
    make_earning_deposit(account)
    make_earning_deposit(account)
    make_earning_deposit(account)

    first = book_due_commissions(at=BOOKED_AT, limit=2)
    second = book_due_commissions(at=BOOKED_AT, limit=2)
    third = book_due_commissions(at=BOOKED_AT, limit=2)

    assert (first, second, third) == (2, 1, 0)


def test_partner_balances_are_apart_by_partner_and_currency():
    dollars = make_plan(currency="USD")
    make_version(dollars, cpa_amount=Decimal(90), minimum_deposit=Decimal(0))
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="bank")
    lotus = make_partner_account(legal_name="Lotus Media Ltd")
    north = make_partner_account(legal_name="North Traffic Ltd", plan=dollars)
    make_earning_deposit(lotus)
    make_earning_deposit(lotus)
    make_earning_deposit(north)

    book_due_commissions(at=BOOKED_AT, limit=10)

    balances = [(balance.partner_account, balance.currency, balance.owed) for balance in partner_balances()]
    assert balances == [(lotus, "EUR", Decimal(240)), (north, "USD", Decimal(90))]


def test_book_commission_reads_as_much_for_one_idle_player_as_for_three(django_assert_num_queries):
    make_deposit(make_player())
    with django_assert_num_queries(8):
        book_due_commissions(at=BOOKED_AT, limit=10)
    make_deposit(make_player())
    make_deposit(make_player())
    make_deposit(make_player())

    with django_assert_num_queries(8):
        book_due_commissions(at=BOOKED_AT, limit=10)
