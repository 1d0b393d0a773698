"""The commission CSV: what finance opens."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission
from affiliates.resources import commissions_csv
from tests.affiliates.builders import (
    charge_back,
    make_earning_deposit,
    make_partner_account,
    make_plan,
    make_player,
    make_version,
)
from tests.world import NOON, make_campaign, make_partner

pytestmark = pytest.mark.django_db

HEADER = (
    "booked at (UTC),partner,tag,campaign,player id,transaction id,deposit amount,deposit currency,"
    "commission,currency,status,reversed at (UTC),reason,payable on,plan,plan version from (UTC)\r\n"
)


def exported(*arguments: str) -> str:
    out = StringIO()
    call_command("export_commissions", *arguments, stdout=out)
    return out.getvalue()


def test_export_commissions_writes_one_row_a_commission():
    plan = make_plan(name="Standard CPA")
    make_version(plan)
    partner = make_partner(name="Lotus Media", tag="lotus")
    account = make_partner_account(partner=partner, plan=plan)
    campaign = make_campaign(name="Partner deals")
    for number in (1, 2):
        deposit = make_earning_deposit(
            account,
            player=make_player(player_id=f"player-{number}"),
            campaign=campaign,
            transaction_id=f"tx-{number}",
            amount=Decimal("1234.5"),
        )
    book_due_commissions(at=NOON + timedelta(minutes=5), limit=10)
    charge_back(deposit)
    book_due_commissions(at=NOON + timedelta(hours=2), limit=10)

    assert exported() == HEADER + (
        "2026-11-22T12:05:00Z,Lotus Media,lotus,Partner deals,player-1,tx-1,1234.50,EUR,"
        "120.00,EUR,booked,,,2026-12-06,Standard CPA,2026-10-23T12:00:00Z\r\n"
        "2026-11-22T12:05:00Z,Lotus Media,lotus,Partner deals,player-2,tx-2,1234.50,EUR,"
        "120.00,EUR,reversed,2026-11-22T14:00:00Z,Deposit tx-2 is charged back.,2026-12-06,"
        "Standard CPA,2026-10-23T12:00:00Z\r\n"
    )


def test_export_commissions_without_commissions_has_its_header():
    assert exported() == HEADER


def test_export_commissions_disarms_what_others_named():
    account = make_partner_account(partner=make_partner(name='=HYPERLINK("http://evil.example")'))
    make_earning_deposit(account, player=make_player(player_id="@SUM(A1)"), transaction_id="-2+3", campaign=None)
    book_due_commissions(at=NOON, limit=10)

    row = exported().splitlines()[1]

    assert '''"'=HYPERLINK(""http://evil.example"")"''' in row
    assert ",'@SUM(A1),'-2+3,100.00," in row


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ((), 3),
        (("--from", "2026-11-22"), 2),
        (("--to", "2026-11-22"), 2),
        (("--from", "2026-11-22", "--to", "2026-11-22"), 1),
        (("--from", "2026-11-24"), 0),
    ],
)
def test_export_commissions_takes_days_with_both_ends(arguments, rows):
    account = make_partner_account()
    make_earning_deposit(account)
    book_due_commissions(at=NOON.replace(day=21, hour=23, minute=59, second=59), limit=10)
    make_earning_deposit(account)
    book_due_commissions(at=NOON.replace(day=22, hour=23, minute=59, second=59), limit=10)
    make_earning_deposit(account)
    book_due_commissions(at=NOON.replace(day=23, hour=0), limit=10)

    assert len(exported(*arguments).splitlines()) == rows + 1


def test_export_commissions_writes_the_bytes_that_the_admin_writes(admin_client):
    make_earning_deposit(make_partner_account(partner=make_partner(name="Łódź Média")))
    make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)

    answer = admin_client.get("/admin/affiliates/commission/export/")

    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.content == exported().encode()


def test_export_commissions_reads_as_much_for_one_as_for_three(django_assert_num_queries):
    account = make_partner_account()
    make_earning_deposit(account)
    book_due_commissions(at=NOON, limit=10)
    with django_assert_num_queries(1):
        commissions_csv(Commission.objects.all())
    make_earning_deposit(account)
    make_earning_deposit(account)
    book_due_commissions(at=NOON, limit=10)

    with django_assert_num_queries(1):
        commissions_csv(Commission.objects.all())
