"""`verify_ledger` finds what was changed with the database's guards off."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.verify import ledger_differences
from affiliates.models import Commission, LedgerTransfer
from campaigns.models import Cost
from tests.affiliates.builders import LATER, charge_back, make_earning_deposit
from tests.world import NOON

pytestmark = pytest.mark.django_db


def tamper(sql: str) -> None:
    """Run a statement as somebody does who may switch triggers off."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")


def book_one() -> tuple[Commission, LedgerTransfer]:
    make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)
    return Commission.objects.get(), LedgerTransfer.objects.get()


def test_verify_ledger_finds_nothing_in_an_empty_one():
    assert ledger_differences() == []


def test_verify_ledger_finds_nothing_after_booking_and_reversal():
    deposit = make_earning_deposit()
    make_earning_deposit(campaign=None)
    book_due_commissions(at=NOON, limit=10)
    charge_back(deposit)
    book_due_commissions(at=LATER, limit=10)

    assert ledger_differences() == []


def test_verify_ledger_finds_a_changed_entry():
    commission, transfer = book_one()
    tamper("UPDATE ledger_entries SET amount = -119.99 WHERE amount < 0")

    assert ledger_differences() == [
        f"The entries of transfer {transfer.pk} sum to 0.01 EUR, not to zero.",
        f"Commission {commission.pk}, its commission on partner_payable: -120 expected, -119.99 found, in EUR.",
        f"Transfer {transfer.pk} is 119.99 EUR; its campaign counts 120 EUR for it.",
    ]


def test_verify_ledger_finds_a_balanced_pair_that_was_added():
    commission, _ = book_one()
    tamper(
        "INSERT INTO ledger_entries (transfer_id, account_id, amount, currency) "
        "SELECT transfer_id, account_id, amount / 2, currency FROM ledger_entries"
    )

    assert ledger_differences()[:2] == [
        f"Commission {commission.pk}, its commission on house_commission_expense: 120 expected, 180 found, in EUR.",
        f"Commission {commission.pk}, its commission on partner_payable: -120 expected, -180 found, in EUR.",
    ]


def test_verify_ledger_finds_a_commission_without_transfer():
    commission, transfer = book_one()
    tamper("DELETE FROM ledger_entries; DELETE FROM ledger_transfers")

    assert ledger_differences() == [
        f"Commission {commission.pk}, its commission on house_commission_expense: 120 expected, 0 found, in EUR.",
        f"Commission {commission.pk}, its commission on partner_payable: -120 expected, 0 found, in EUR.",
        f"Cost {Cost.objects.get().pk} stands for commission:{transfer.pk}, which the ledger does not know.",
    ]


def test_verify_ledger_finds_a_reversal_that_was_not_posted():
    commission, _ = book_one()
    tamper("UPDATE commissions SET reversed_at = booked_at, reversal_reason = 'void'")

    assert ledger_differences() == [
        f"Commission {commission.pk}, its reversal on house_commission_expense: -120 expected, 0 found, in EUR.",
        f"Commission {commission.pk}, its reversal on partner_payable: 120 expected, 0 found, in EUR.",
    ]


def test_verify_ledger_finds_a_transfer_with_one_entry():
    _, transfer = book_one()
    tamper("DELETE FROM ledger_entries WHERE amount < 0")

    assert f"Transfer {transfer.pk} has 1 of at least 2 entries." in ledger_differences()


def test_verify_ledger_finds_an_entry_in_a_foreign_currency():
    book_one()
    tamper("UPDATE ledger_entries SET currency = 'USD' WHERE amount < 0")

    assert [line for line in ledger_differences() if "on an account in EUR" in line] != []


def test_verify_ledger_finds_a_cost_that_was_deleted():
    _, transfer = book_one()
    Cost.objects.all().delete()

    assert ledger_differences() == [f"Transfer {transfer.pk} is 120 EUR; its campaign counts 0 EUR for it."]


def test_verify_ledger_command_fails_when_something_differs():
    book_one()
    tamper("UPDATE commissions SET amount = 121")
    out = StringIO()

    with pytest.raises(CommandError, match="2 differences found"):
        call_command("verify_ledger", stdout=out)

    assert "121 expected, 120 found" in out.getvalue()


def test_verify_ledger_command_says_that_all_is_right():
    book_one()
    out = StringIO()

    call_command("verify_ledger", stdout=out)

    assert out.getvalue() == "The ledger is right: every transfer balances and every commission is booked.\n"
