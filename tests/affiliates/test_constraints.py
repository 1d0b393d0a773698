"""The database keeps the ledger right whoever writes to it: each rule is broken once with plain SQL."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission, LedgerAccount, LedgerTransfer
from tests.affiliates.builders import (
    LATER,
    charge_back,
    make_earning_deposit,
    make_partner_account,
    make_plan,
    make_version,
)
from tests.world import NOON
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db


def broken_by(sql: str) -> str:
    """Run a statement, check what waits for the commit, and return the name of the constraint it breaks."""
    connection.check_constraints()
    with pytest.raises(IntegrityError) as refused:
        commit(sql)
    return broken_constraint(refused.value)


@transaction.atomic
def commit(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def booked() -> Commission:
    make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)
    return Commission.objects.get()


def reversed_one() -> Commission:
    deposit = make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)
    charge_back(deposit)
    book_due_commissions(at=LATER, limit=10)
    return Commission.objects.get()


def insert_entries(transfer: LedgerTransfer, *amounts: str, currency: str = "EUR") -> str:
    account = LedgerAccount.objects.get(kind="house_commission_expense", currency="EUR")
    rows = ", ".join(f"({transfer.pk}, {account.pk}, {amount}, '{currency}')" for amount in amounts)
    return f"INSERT INTO ledger_entries (transfer_id, account_id, amount, currency) VALUES {rows}"


def copy_transfer(commission: Commission, *, kind: str, reverses: str = "NULL") -> str:
    return (
        "INSERT INTO ledger_transfers (kind, commission_id, reverses_id, occurred_at, booked_at) "
        f"VALUES ('{kind}', {commission.pk}, {reverses}, now(), now())"
    )


def copy_commission(commission: Commission, **changes: str) -> str:
    columns = {
        "partner_account_id": f"{commission.partner_account_id}",
        "player_id": f"{commission.player_id}",
        "conversion_id": f"{commission.conversion_id}",
        "plan_version_id": f"{commission.plan_version_id}",
        "amount": "120",
        "currency": "'EUR'",
        "booked_at": "'2026-11-22'",
        "payable_on": "'2026-12-06'",
        "reversed_at": "'2026-11-23'",
        "reversal_reason": "'void'",
    } | changes
    return f"INSERT INTO commissions ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


def test_refuse_entries_that_do_not_sum_to_zero():
    transfer = booked().transfers.get()

    assert broken_by(insert_entries(transfer, "0.01")) == "transfer_sums_to_zero"


def test_refuse_entries_that_cancel_out_in_different_currencies_only():
    transfer = booked().transfers.get()
    dollars = LedgerAccount.objects.create(kind="house_commission_expense", currency="USD")

    sql = insert_entries(transfer, "5") + f", ({transfer.pk}, {dollars.pk}, -5, 'USD')"

    assert broken_by(sql) == "transfer_sums_to_zero"


def test_refuse_a_transfer_without_entries():
    commission = booked()
    original = commission.transfers.get()

    sql = "UPDATE commissions SET reversed_at = booked_at, reversal_reason = 'void'; " + copy_transfer(
        commission, kind="reversal", reverses=str(original.pk)
    )

    assert broken_by(sql) == "transfer_has_two_entries"


def test_refuse_an_entry_in_another_currency_than_its_account():
    transfer = booked().transfers.get()

    sql = insert_entries(transfer, "5", "-5", currency="USD")

    assert broken_by(sql) == "ledger_entry_is_in_its_accounts_currency"


def test_refuse_an_entry_of_nothing():
    transfer = booked().transfers.get()

    assert broken_by(insert_entries(transfer, "0", "0")) == "ledger_entry_is_not_zero"


@pytest.mark.parametrize("table", ["ledger_transfers", "ledger_entries"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_refuse_to_change_the_ledger(table, statement):
    booked()

    assert broken_by(statement.format(table)) == "ledger_only_grows"


def test_refuse_to_empty_the_ledger_with_what_it_refers_to():
    booked()

    assert broken_by("TRUNCATE partners CASCADE") == "ledger_only_grows"


def test_refuse_to_book_a_commission_twice():
    commission = booked()

    assert broken_by(copy_transfer(commission, kind="commission")) == "commission_is_booked_once"


def test_refuse_to_reverse_a_transfer_twice():
    commission = reversed_one()
    original = commission.transfers.get(kind="commission")

    sql = copy_transfer(commission, kind="reversal", reverses=str(original.pk))

    assert broken_by(sql) in {"ledger_transfers_reverses_id_key", "commission_is_reversed_once"}


def test_refuse_to_reverse_a_commission_twice():
    commission = reversed_one()
    reversal = commission.transfers.get(kind="reversal")

    sql = copy_transfer(commission, kind="reversal", reverses=str(reversal.pk))

    assert broken_by(sql) == "commission_is_reversed_once"


def test_refuse_a_reversal_of_nothing():
    commission = booked()

    assert broken_by(copy_transfer(commission, kind="reversal")) == "reversal_names_its_original"


def test_refuse_a_reversal_of_other_amounts():
    commission = booked()
    original = commission.transfers.get()
    expense, payable = original.entries.order_by("pk").values_list("account_id", flat=True)

    sql = f"""
        UPDATE commissions SET reversed_at = now() + interval '1 year', reversal_reason = 'void';
        WITH transfer AS ({copy_transfer(commission, kind="reversal", reverses=str(original.pk))} RETURNING id)
        INSERT INTO ledger_entries (transfer_id, account_id, amount, currency)
        SELECT id, {expense}, -119, 'EUR' FROM transfer UNION ALL SELECT id, {payable}, 119, 'EUR' FROM transfer
    """

    assert broken_by(sql) == "reversal_mirrors_its_original"


def test_refuse_a_reversed_commission_without_its_reversing_transfer():
    booked()

    sql = "UPDATE commissions SET reversed_at = booked_at, reversal_reason = 'void'"

    assert broken_by(sql) == "commission_agrees_with_its_transfers"


def test_refuse_a_commission_without_its_transfer():
    assert broken_by(copy_commission(reversed_one())) == "commission_agrees_with_its_transfers"


def test_refuse_a_second_live_commission_of_a_player():
    sql = copy_commission(booked(), reversed_at="NULL", reversal_reason="''")

    assert broken_by(sql) == "one_live_commission_per_player"


def test_refuse_a_commission_of_nothing():
    assert broken_by(copy_commission(booked(), amount="0")) == "commission_is_positive"


def test_refuse_a_reversal_without_reason():
    assert broken_by(copy_commission(booked(), reversal_reason="''")) == "commission_reversal_has_its_reason"


def test_refuse_a_reversal_before_its_booking():
    sql = copy_commission(booked(), reversed_at="'2026-11-21'")

    assert broken_by(sql) == "commission_is_reversed_after_booking"


@pytest.mark.parametrize("change", ["amount = 121", "payable_on = '2026-11-01'", "booked_at = '2026-11-01'"])
def test_refuse_to_change_a_commissions_terms(change):
    booked()

    assert broken_by(f"UPDATE commissions SET {change}") == "commission_is_only_reversed"


def test_refuse_to_bring_a_reversed_commission_back():
    reversed_one()

    sql = "UPDATE commissions SET reversed_at = NULL, reversal_reason = ''"

    assert broken_by(sql) == "commission_is_only_reversed"


def test_refuse_to_delete_a_commission():
    booked()

    assert broken_by("DELETE FROM commissions") == "commission_is_only_reversed"


def test_refuse_a_second_account_of_a_kind():
    booked()

    sql = "INSERT INTO ledger_accounts (kind, currency) VALUES ('house_commission_expense', 'EUR')"

    assert broken_by(sql) == "one_ledger_account_of_a_kind"


def test_refuse_a_payable_account_without_partner():
    sql = "INSERT INTO ledger_accounts (kind, currency) VALUES ('partner_payable', 'EUR')"

    assert broken_by(sql) == "payable_account_has_its_partner"


def test_refuse_to_change_a_plan_version_that_has_started():
    make_version(make_plan(), starts_at=timezone.now() - timedelta(seconds=1))

    assert broken_by("UPDATE commission_plan_versions SET cpa_amount = 1") == "started_plan_version_never_changes"


def test_refuse_to_delete_a_plan_version_that_has_started():
    make_version(make_plan(), starts_at=timezone.now() - timedelta(seconds=1))

    assert broken_by("DELETE FROM commission_plan_versions") == "started_plan_version_never_changes"


def test_refuse_to_change_a_plan_version_that_is_used():
    plan = make_plan()
    starts_at = timezone.now() + timedelta(days=300)
    make_version(plan, starts_at=starts_at)
    make_earning_deposit(make_partner_account(plan=plan), occurred_at=starts_at)
    book_due_commissions(at=starts_at, limit=10)

    assert broken_by("UPDATE commission_plan_versions SET hold_days = 1") == "started_plan_version_never_changes"


def test_change_a_plan_version_that_is_still_to_come():
    version = make_version(make_plan(), starts_at=timezone.now() + timedelta(days=1))

    version.cpa_amount = Decimal(130)
    version.save()

    version.refresh_from_db()
    assert version.cpa_amount == Decimal(130)


def test_refuse_two_plan_versions_of_one_instant():
    plan = make_plan()
    make_version(plan)

    sql = (
        "INSERT INTO commission_plan_versions (plan_id, starts_at, cpa_amount, minimum_deposit, hold_days, created_at) "
        f"VALUES ({plan.pk}, '{NOON - timedelta(days=30)}', 1, 0, 0, now())"
    )

    assert broken_by(sql) == "one_plan_version_per_start"


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ("0, 0, 0", "cpa_amount_is_positive"),
        ("1, -1, 0", "minimum_deposit_is_not_negative"),
        ("1, 0, 366", "hold_is_at_most_a_year"),
    ],
)
def test_refuse_a_plan_version_with_senseless_figures(columns, constraint):
    plan = make_plan()

    sql = (
        "INSERT INTO commission_plan_versions (plan_id, starts_at, created_at, cpa_amount, minimum_deposit, hold_days) "
        f"VALUES ({plan.pk}, now(), now(), {columns})"
    )

    assert broken_by(sql) == constraint


def test_refuse_another_currency_for_a_plan_with_versions():
    make_version(make_plan())

    assert broken_by("UPDATE commission_plans SET currency = 'USD'") == "plan_currency_stays"


def test_refuse_a_partner_account_without_legal_name():
    make_partner_account()

    assert broken_by("UPDATE partner_accounts SET legal_name = ''") == "partner_account_has_a_legal_name"
