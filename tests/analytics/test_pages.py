"""The campaign-day page, its CSV, the first page, and the command."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from campaigns.models import CampaignAlert, Cost, Goal
from conversions.models import Anomaly
from tests.affiliates.builders import make_deposit
from tests.attribution.databases import EXAMPLE_MOBILE, JERSEY_CITY, write_database
from tests.world import NOON, make_campaign, make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

PAGE = "/admin/analytics/campaign-days/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def staff_with(*permissions: str) -> Client:
    user = User.objects.create_user("bob", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


@time_machine.travel(NOON, tick=False)
def test_page_shows_figures_of_the_last_seven_days(alice: Client) -> None:
    campaign = make_campaign(name="Reels Malta")
    make_click(make_link(campaign=campaign), at=NOON)
    make_deposit(campaign=campaign)
    Cost.objects.create(campaign=campaign, on_date="2026-11-22", amount=1234, currency="EUR")

    response = alice.get(PAGE)

    shown = text_of(response)
    assert response.status_code == 200
    assert "Reels Malta" in shown
    assert "Sun 22 Nov 2026" in shown
    assert "1,234.00" in shown
    assert "What the columns mean" in shown


def test_page_shows_a_column_only_where_something_stands_in_it(alice: Client) -> None:
    link = make_link()
    make_click(link, at=NOON)
    before = text_of(alice.get(PAGE, {"first": "2026-11-22", "last": "2026-11-22"}))
    make_click(link, at=NOON, outcome="elsewhere")

    after = text_of(alice.get(PAGE, {"first": "2026-11-22", "last": "2026-11-22"}))

    assert ">Elsewhere</th>" not in before
    assert ">Elsewhere</th>" in after
    assert ">Capped</th>" not in after


def test_page_escapes_names_of_campaigns(alice: Client) -> None:
    campaign = make_campaign(name="<img src=x onerror=alert(1)>")
    make_click(make_link(campaign=campaign), at=NOON)

    shown = text_of(alice.get(PAGE, {"first": "2026-11-22", "last": "2026-11-22"}))

    assert "<img src=x" not in shown
    assert "&lt;img src=x" in shown


def test_page_says_what_to_do_before_there_is_a_campaign(alice: Client) -> None:
    assert "Add a campaign" in text_of(alice.get(PAGE))


def test_page_says_so_when_nothing_happened(alice: Client) -> None:
    make_campaign()

    assert "Nothing happened from" in text_of(alice.get(PAGE, {"period": "today"}))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"first": "2026-11-22", "last": "2026-11-20"}, "“From” is after “To”."),
        ({"first": "2020-01-01", "last": "2026-11-20"}, "Choose at most 366 days at a time."),
        ({"first": "1999-01-01", "last": "1999-01-02"}, "Choose days from 2000 to 2100."),
        ({"first": "2026-11-20"}, "Give both days, or neither and choose a period."),
        ({"first": "yesterday", "last": "2026-11-20"}, "Enter a valid date."),
        ({"campaign": "999"}, "Select a valid choice."),
        ({"period": "century"}, "Select a valid choice."),
    ],
)
def test_page_says_what_is_wrong_with_the_days(alice: Client, query: dict[str, str], sentence: str) -> None:
    response = alice.get(PAGE, query)

    assert response.status_code == 400
    assert sentence in text_of(response)


@time_machine.travel(datetime(2026, 11, 22, 22, 30, tzinfo=UTC), tick=False)
def test_page_takes_today_from_the_campaigns_zone(alice: Client) -> None:
    campaign = make_campaign(time_zone="Europe/Helsinki")
    make_click(make_link(campaign=campaign), at=datetime(2026, 11, 22, 22, 15, tzinfo=UTC))

    assert "Mon 23 Nov 2026" in text_of(alice.get(PAGE, {"period": "today"}))


def test_page_shows_the_goals_of_one_campaign(alice: Client) -> None:
    campaign = make_campaign()
    make_deposit(campaign=campaign)
    Goal.objects.create(campaign=campaign, event="first_deposit", target=40)

    shown = text_of(alice.get(PAGE, {"campaign": campaign.pk}))

    assert "of 40" in shown


def test_page_leaves_amounts_of_several_currencies_unsummed(alice: Client) -> None:
    for currency in ("EUR", "USD"):
        campaign = make_campaign(currency=currency)
        Cost.objects.create(campaign=campaign, on_date="2026-11-22", amount=10, currency=currency)

    shown = text_of(alice.get(PAGE, {"first": "2026-11-22", "last": "2026-11-22"}))

    assert "20.00" not in shown
    assert "Amounts are not added up over campaigns" in shown


def test_csv_holds_what_the_page_shows(alice: Client) -> None:
    campaign = make_campaign(name="=cmd|calc")
    make_deposit(campaign=campaign)
    Cost.objects.create(campaign=campaign, on_date="2026-11-22", amount="12.50", currency="EUR")

    response = alice.get(PAGE, {"first": "2026-11-22", "last": "2026-11-22", "format": "csv"})

    [row] = csv.DictReader(io.StringIO(text_of(response)))
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert row["campaign"] == "'=cmd|calc"
    assert (row["day"], row["currency"], row["cost"], row["cpa"]) == ("2026-11-22", "EUR", "12.50", "12.50")


def test_page_is_refused_without_the_right_to_see_costs() -> None:
    client = staff_with("campaigns.view_campaign", "conversions.view_conversion")

    assert client.get(PAGE).status_code == 403
    assert "Campaigns by day" not in text_of(client.get("/admin/"))


def test_page_is_open_to_staff_who_may_see_what_it_counts() -> None:
    client = staff_with("campaigns.view_campaign", "campaigns.view_cost", "conversions.view_conversion")

    assert client.get(PAGE).status_code == 200
    assert "Campaigns by day" in text_of(client.get("/admin/"))


def test_page_asks_strangers_to_sign_in(client: Client) -> None:
    response = client.get(PAGE)

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_first_page_names_what_needs_a_person(alice: Client) -> None:
    make_deposit(campaign=make_campaign(), review_state="held")
    Anomaly.objects.create(
        platform=make_platform(),
        code="transaction_conflict",
        event_id="e",
        field="amount",
        held="1",
        reported="2",
        received_at=datetime.now(UTC),
    )

    shown = text_of(alice.get("/admin/"))

    assert "Conversions held for a decision" in shown
    assert "Contradicting messages within 7 days" in shown
    assert "Postbacks given up" not in shown


def test_first_page_says_that_clicks_wait_in_the_spool(alice: Client, tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    spool = tmp_path / "edge" / "spool"
    spool.mkdir(parents=True)
    (spool / "1.spool").write_bytes(b"x" * 2048)

    shown = text_of(alice.get("/admin/")).replace("\N{NO-BREAK SPACE}", " ")

    assert "2.0 KB" in shown
    assert "spool, waiting for Postgres" in shown


@time_machine.travel(NOON, tick=False)
def test_first_page_shows_today(alice: Client) -> None:
    campaign = make_campaign()
    make_click(make_link(campaign=campaign), at=NOON)
    Cost.objects.create(campaign=campaign, on_date="2026-11-22", amount=80, currency="EUR")
    Cost.objects.create(campaign=campaign, on_date="2026-11-21", amount=999, currency="EUR")

    shown = text_of(alice.get("/admin/"))

    assert "80.00 EUR" in shown
    assert "999" not in shown


@time_machine.travel(datetime(2026, 11, 22, 13, tzinfo=UTC), tick=False)
def test_first_page_takes_each_campaigns_own_today(alice: Client) -> None:
    in_auckland, in_honolulu = make_campaign(time_zone="Pacific/Auckland"), make_campaign(time_zone="Pacific/Honolulu")
    for campaign, amounts in ((in_auckland, (1, 20, 300)), (in_honolulu, (4000, 50000, 600000))):
        for day, amount in zip(("2026-11-21", "2026-11-22", "2026-11-23"), amounts, strict=True):
            Cost.objects.create(campaign=campaign, on_date=day, amount=amount, currency="EUR")

    shown = text_of(alice.get("/admin/"))

    assert "50,300.00 EUR" in shown


def test_command_prints_amounts_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    campaign = make_campaign(name="Reels Malta")
    make_click(make_link(campaign=campaign), at=NOON, cost="0.255")
    make_deposit(campaign=campaign)

    call_command("campaign_days", "--json", "--from", "2026-11-22", "--to", "2026-11-22")

    [row] = json.loads(capsys.readouterr().out)
    assert row == {
        "campaign_id": campaign.pk,
        "campaign": "Reels Malta",
        "day": "2026-11-22",
        "time_zone": "UTC",
        "currency": "EUR",
        "impressions": 0,
        "clicks": 1,
        "unique_clicks": 0,
        "landing_views": 0,
        "click_throughs": 0,
        "bots": 0,
        "previews": 0,
        "excess": 0,
        "staff": 0,
        "while_paused": 0,
        "elsewhere": 0,
        "unknown_place": 0,
        "capped": 0,
        "nowhere": 0,
        "registrations": 0,
        "first_deposits_gross": 1,
        "first_deposits_held": 0,
        "first_deposits_net": 1,
        "cost": "0.26",
        "cpa": "0.26",
        "click_cost": "0.26",
        "spend": "0.00",
        "commission": "0.00",
        "revenue": "0.00",
    }


def test_command_refuses_days_in_the_wrong_order() -> None:
    with pytest.raises(CommandError, match="--from 2026-11-22 is after --to 2026-11-21"):
        call_command("campaign_days", "--from", "2026-11-22", "--to", "2026-11-21")


def use_databases(folder: Path, settings: Any) -> None:
    settings.GEOIP_PATH = folder / "geo.mmdb"
    settings.GEOIP_ASN_PATH = folder / "geo-asn.mmdb"
    settings.GEOIP_CONNECTION_PATH = folder / "geo-connection.mmdb"


@time_machine.travel(NOON, tick=False)
def test_first_page_says_how_old_the_geography_is(alice: Client, tmp_path: Path, settings: Any) -> None:
    use_databases(tmp_path, settings)
    write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": JERSEY_CITY}, built_at=datetime(2026, 10, 22, tzinfo=UTC))
    write_database(
        tmp_path / "geo-asn.mmdb",
        {"192.0.2.0/24": EXAMPLE_MOBILE},
        named="DBIP-ASN-Lite",
        built_at=datetime(2026, 10, 22, tzinfo=UTC),
    )

    shown = text_of(alice.get("/admin/"))

    assert "GeoLite2-City (MaxMind), built on 22 Oct 2026" in shown
    assert "DBIP-ASN-Lite (DB-IP), built on 22 Oct 2026" in shown
    assert "31 days old" in shown
    assert shown.count("Older than 30 days: bring one by manage.py update_geoip.") == 1
    assert shown.count("https://db-ip.com") == 1
    assert "Connection type" not in shown


def test_first_page_says_that_there_is_no_geography(alice: Client, tmp_path: Path, settings: Any) -> None:
    use_databases(tmp_path, settings)

    shown = text_of(alice.get("/admin/"))

    assert "There is none: every visitor&#x27;s place is unknown." in shown
    assert "https://db-ip.com" not in shown


def test_first_page_says_that_the_geography_is_damaged(alice: Client, tmp_path: Path, settings: Any) -> None:
    use_databases(tmp_path, settings)
    (tmp_path / "geo.mmdb").write_bytes(b"half of a file")

    assert "It cannot be read as an mmdb database." in text_of(alice.get("/admin/"))


def test_first_page_shows_the_geography_to_who_may_see_clicks(tmp_path: Path, settings: Any) -> None:
    use_databases(tmp_path, settings)

    assert "Geography" not in text_of(staff_with("campaigns.view_campaign").get("/admin/"))


@time_machine.travel(NOON, tick=False)
def test_first_page_names_alerts_that_nobody_has_seen(alice: Client) -> None:
    alert = {"campaign": make_campaign(), "kind": "cap_reached", "day": "2026-11-22", "text": "Full."}
    CampaignAlert.objects.create(**alert, subject="cap 1", created_at=NOON)
    CampaignAlert.objects.create(**alert, subject="cap 2", created_at=NOON, seen_at=NOON)

    shown = text_of(alice.get("/admin/"))

    assert "Alerts of campaigns within 7 days: budgets, caps, licences, permissions<strong>1</strong>" in shown
