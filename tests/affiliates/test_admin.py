"""Plans, accounts, commissions and the ledger in the admin."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission, CommissionPlan, CommissionPlanVersion
from affiliates.resources import commissions_csv
from tests.affiliates.builders import (
    make_earning_deposit,
    make_partner_account,
    make_plan,
    make_version,
)
from tests.world import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode()).replace("\N{NO-BREAK SPACE}", " ")


def plan_form(plan: CommissionPlan, starts_at: datetime) -> dict[str, Any]:
    return {
        "name": plan.name,
        "versions-TOTAL_FORMS": "1",
        "versions-INITIAL_FORMS": "0",
        "versions-0-plan": plan.pk,
        "versions-0-starts_at_0": f"{starts_at:%Y-%m-%d}",
        "versions-0-starts_at_1": f"{starts_at:%H:%M:%S}",
        "versions-0-cpa_amount": "150",
        "versions-0-minimum_deposit": "20",
        "versions-0-hold_days": "7",
        "versions-2-TOTAL_FORMS": "0",
        "versions-2-INITIAL_FORMS": "0",
    }


def test_add_version_to_come(alice: Client) -> None:
    plan = make_plan()
    make_version(plan)
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    response = alice.post(f"/admin/affiliates/commissionplan/{plan.pk}/change/", plan_form(plan, tomorrow))

    assert response.status_code == 302
    assert list(plan.versions.order_by("starts_at").values_list("cpa_amount", flat=True)) == [
        Decimal(120),
        Decimal(150),
    ]


def test_add_version_in_the_past_is_refused(alice: Client) -> None:
    plan = make_plan()
    make_version(plan)
    yesterday = datetime.now(UTC) - timedelta(days=1)

    response = alice.post(f"/admin/affiliates/commissionplan/{plan.pk}/change/", plan_form(plan, yesterday))

    assert "A new version starts now or later: what was earned stays earned." in text_of(response)
    assert CommissionPlanVersion.objects.count() == 1


def test_plan_page_only_shows_a_version_that_has_started(alice: Client) -> None:
    plan = make_plan()
    make_version(plan)

    shown = text_of(alice.get(f"/admin/affiliates/commissionplan/{plan.pk}/change/"))

    assert "120.00 EUR" in shown
    assert 'value="120.00"' not in shown


def test_account_list_shows_what_the_ledger_owes(alice: Client) -> None:
    account = make_partner_account()
    make_earning_deposit(account)
    make_earning_deposit(account)
    book_due_commissions(at=NOON, limit=10)

    assert "240.00 EUR" in text_of(alice.get("/admin/affiliates/partneraccount/"))


def test_export_writes_the_commissions_that_the_list_shows(alice: Client) -> None:
    mine, theirs = make_partner_account(), make_partner_account(legal_name="Fern Traffic Ltd")
    make_earning_deposit(mine)
    make_earning_deposit(theirs)
    book_due_commissions(at=NOON, limit=10)
    only_mine = {"partner_account__id__exact": mine.pk}

    shown = text_of(alice.get("/admin/affiliates/commission/", only_mine))
    response = alice.get("/admin/affiliates/commission/export/", only_mine)

    assert f"/admin/affiliates/commission/export/?partner_account__id__exact={mine.pk}" in shown
    assert response.headers["Content-Type"] == "text/csv"
    assert response.content.decode() == commissions_csv(Commission.objects.filter(partner_account=mine))


def test_export_is_refused_to_staff_without_rights() -> None:
    client = Client()
    client.force_login(User.objects.create_user("charlie", is_staff=True))

    assert client.get("/admin/affiliates/commission/export/").status_code == 403


def test_transfer_page_shows_both_sides(alice: Client) -> None:
    make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)
    transfer = Commission.objects.get().transfers.get()

    shown = text_of(alice.get(f"/admin/affiliates/ledgertransfer/{transfer.pk}/change/"))

    assert "Commission expense EUR" in shown
    assert "Payable to partner EUR: Lotus Media Ltd" in shown
