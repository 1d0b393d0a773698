"""Clicks in the admin: looked up by id, read by day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.admin.clicks import ClickAdmin
from attribution.domain.partitions import ensure_click_partitions
from attribution.models import BotRule, Click, StaffNetwork
from tests.attribution.builders import make_impression, make_landing_event, make_pre_click
from tests.attribution.databases import JERSEY_CITY, write_database
from tests.world import NOON, click_id_of, make_campaign, make_click, make_link

pytestmark = pytest.mark.django_db

LIST = "/admin/attribution/click/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def bob() -> Client:
    """Bob may look at clicks and change none."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_click"))
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def clicks_of(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


@time_machine.travel(NOON, tick=False)
def test_list_shows_today_unless_another_day_is_asked_for(alice: Client) -> None:
    link = make_link()
    today = make_click(link, at=NOON)
    yesterday = make_click(link, at=NOON - timedelta(days=1))

    assert clicks_of(alice.get(LIST)) == [today]
    assert clicks_of(alice.get(LIST, {"day": "2026-11-21"})) == [yesterday]


def test_list_says_that_a_day_is_none(alice: Client) -> None:
    assert "“soon” is no day; write it as in 2026-11-22." in text_of(alice.get(LIST, {"day": "soon"}))


@time_machine.travel(NOON, tick=False)
def test_list_keeps_the_clicks_of_one_campaign(alice: Client) -> None:
    campaign = make_campaign()
    mine = make_click(make_link(campaign=campaign), at=NOON)
    make_click(make_link(), at=NOON)

    assert clicks_of(alice.get(LIST, {"campaign__id__exact": campaign.pk})) == [mine]


def test_list_reads_the_partition_of_its_day_alone(alice: Client) -> None:
    ensure_click_partitions(at=datetime(2026, 11, 22, tzinfo=UTC), days_back=2, days_ahead=2)

    with CaptureQueriesContext(connection) as queries:
        alice.get(LIST, {"day": "2026-11-22"})
    asked = next(query["sql"] for query in queries if 'FROM "clicks"' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "clicks_20261122" in plan
    assert "clicks_20261121" not in plan
    assert "clicks_20261123" not in plan


def test_search_finds_a_click_of_any_day_by_its_click_id(alice: Client) -> None:
    click = make_click(make_link(), at=NOON - timedelta(days=40))

    assert clicks_of(alice.get(LIST, {"q": click.click_id})) == [click]
    assert clicks_of(alice.get(LIST, {"q": click.click_id.upper()})) == [click]


def test_search_finds_a_click_by_its_uuid(alice: Client) -> None:
    click = make_click(make_link(), at=NOON)

    assert clicks_of(alice.get(LIST, {"q": str(click.id)})) == [click]


def test_search_says_that_a_click_id_is_forged(alice: Client) -> None:
    response = alice.get(LIST, {"q": "a" * 48})

    assert "This click id is forged" in text_of(response)
    assert clicks_of(response) == []


def test_search_says_what_a_genuine_id_without_its_row_names(alice: Client) -> None:
    link = make_link()

    response = alice.get(LIST, {"q": click_id_of(link, at=NOON)})

    assert f"link number {link.pk}, clicked 22 Nov 2026, 12:00:00 UTC" in text_of(response)


def test_search_says_what_a_click_id_looks_like(alice: Client) -> None:
    assert "That is no click id: one has 48 characters" in text_of(alice.get(LIST, {"q": "fbclid"}))


def test_click_page_shows_hostile_text_as_text(alice: Client) -> None:
    click = make_click(make_link(), at=NOON, sub_id_1='<b x-data="alert(1)">', platform_click_ids={"gclid": "<i>"})

    shown = text_of(alice.get(f"{LIST}{click.pk}/change/"))

    assert "<b x-data" not in shown
    assert "<dd><i></dd>" not in shown
    assert click.click_id in shown


@time_machine.travel(NOON, tick=False)
def test_list_keeps_the_clicks_of_one_outcome(alice: Client) -> None:
    link = make_link()
    capped = make_click(link, outcome="capped")
    make_click(link, outcome="offer")

    response = alice.get(LIST, {"outcome__exact": "capped"})

    assert clicks_of(response) == [capped]
    assert "Cap or budget reached" in text_of(response)


def test_list_says_of_a_click_what_became_of_it_and_of_others_what_they_were() -> None:
    page = ClickAdmin(Click, admin.site)

    assert page.result_label(Click(kind="click", outcome="elsewhere")) == "Outside all licences"
    assert page.result_label(Click(kind="bot", outcome="stopped")) == "Bot"


def test_click_page_shows_what_is_known_of_the_visit(alice: Client) -> None:
    click = make_click(
        make_link(),
        kind="excess",
        outcome="unknown_place",
        is_unique=False,
        country="US",
        region="NJ",
        city="Newark",
        os="iOS",
        os_version="18.1",
        isp="Example Mobile",
        asn=64500,
        connection_type="Cellular",
        hints={"ect": "4g", "rtt": 50},
        has_ad_consent=False,
        cost="0.46",
        original_cost="0.5",
        original_currency="USD",
        exchange_rate="0.9200000000",
        exchange_rate_on="2026-11-20",
        exchange_rate_source="ECB",
    )

    shown = text_of(alice.get(f"{LIST}{click.pk}/change/")).replace("\N{NO-BREAK SPACE}", " ")

    assert "Too many from one visitor" in shown
    assert "Place unknown" in shown
    assert "Newark, US-NJ" in shown
    assert "iOS 18.1" in shown
    assert "Example Mobile" in shown
    assert "AS64500" in shown
    assert "<dt>ect</dt><dd>4g</dd>" in shown
    assert "0.50 USD at 0.92 (ECB, 2026-11-20)" in shown


def test_click_page_opens_when_its_flow_is_gone(alice: Client) -> None:
    click = make_click(make_link(), flow_id=999, landing_page_id=998, licence_id=997)

    assert alice.get(f"{LIST}{click.pk}/change/").status_code == 200
    assert clicks_of(alice.get(LIST, {"day": "2026-11-22"})) == [click]


@time_machine.travel(NOON, tick=False)
def test_clear_asks_first_and_says_how_many(alice: Client) -> None:
    campaign = make_campaign()
    make_click(make_link(campaign=campaign))
    make_click(make_link(campaign=campaign))
    listed = text_of(alice.get(LIST, {"campaign__id__exact": campaign.pk}))

    shown = text_of(alice.get(f"{LIST}clear/{campaign.pk}/"))

    assert f"{LIST}clear/{campaign.pk}/" in listed
    assert "2 clicks of this campaign before 22 Nov 2026, 12:01:00 UTC will be marked as tests" in shown
    assert "Players who registered on them keep their credit" in shown
    assert set(Click.objects.values_list("kind", flat=True)) == {"click"}


@time_machine.travel(NOON, tick=False)
def test_clear_marks_what_it_said_and_notes_who_did(alice: Client) -> None:
    campaign = make_campaign()
    make_click(make_link(campaign=campaign))

    response = alice.post(f"{LIST}clear/{campaign.pk}/", {"until": "2026-11-22 12:01", "counted": "1"}, follow=True)

    assert "1 click of" in text_of(response)
    assert Click.objects.get().kind == "test"
    assert LogEntry.objects.get().change_message == "Cleared 1 clicks before 22 Nov 2026, 12:01:00 UTC as tests."


@time_machine.travel(NOON, tick=False)
def test_clear_asks_again_when_the_number_has_changed(alice: Client) -> None:
    campaign = make_campaign()
    link = make_link(campaign=campaign)
    make_click(link)
    make_click(link)

    response = alice.post(f"{LIST}clear/{campaign.pk}/", {"until": "2026-11-22 12:01", "counted": "1"})

    assert "2 clicks of this campaign" in text_of(response)
    assert set(Click.objects.values_list("kind", flat=True)) == {"click"}


@time_machine.travel(NOON, tick=False)
def test_clear_says_what_an_instant_looks_like(alice: Client) -> None:
    campaign = make_campaign()

    response = alice.post(f"{LIST}clear/{campaign.pk}/", {"until": "noon", "counted": "0"})

    assert "Enter a valid date/time." in text_of(response)


def test_clear_is_refused_to_who_may_only_look(bob: Client) -> None:
    campaign = make_campaign()

    assert bob.get(f"{LIST}clear/{campaign.pk}/").status_code == 403
    assert "Clear test clicks" not in text_of(bob.get(LIST, {"campaign__id__exact": campaign.pk}))
    assert "Clear as tests" not in text_of(bob.get(LIST))


@time_machine.travel(NOON, tick=False)
def test_clear_selected_asks_and_marks_the_ticked_clicks_alone(alice: Client) -> None:
    link = make_link()
    ticked, other, bot = make_click(link), make_click(link), make_click(link, kind="bot")
    chosen = {"action": "clear_selected", "_selected_action": [str(ticked.pk), str(bot.pk)]}

    asked = text_of(alice.post(LIST, chosen))
    before = set(Click.objects.values_list("kind", flat=True))
    done = alice.post(LIST, chosen | {"confirmed": "1"}, follow=True)

    assert f'value="{ticked.pk}"' in asked
    assert before == {"click", "bot"}
    assert "1 click cleared as tests." in text_of(done)
    kinds = {click.pk: click.kind for click in Click.objects.all()}
    assert kinds == {ticked.pk: "test", other.pk: "click", bot.pk: "bot"}


@time_machine.travel(NOON, tick=False)
def test_lists_of_landings_and_impressions_show_one_day(alice: Client) -> None:
    link = make_link()
    seen, shown = make_landing_event(link), make_impression(link)
    make_landing_event(link, at=NOON - timedelta(days=1))
    make_impression(link, at=NOON - timedelta(days=1))

    assert clicks_of(alice.get("/admin/attribution/landingevent/")) == [seen]
    assert clicks_of(alice.get("/admin/attribution/impression/")) == [shown]


def test_pre_click_page_shows_what_the_landing_brought(alice: Client) -> None:
    landing = make_pre_click(
        make_link(), platform_click_id="gclid:abc", facts={"sub_id_1": "<b>"}, page="lp.example/", promoted_at=NOON
    )

    shown = text_of(alice.get(f"/admin/attribution/preclick/{landing.pk}/change/"))

    assert "gclid:abc" in shown
    assert "<dt>sub_id_1</dt><dd>&lt;b&gt;</dd>" in shown
    assert f"{LIST}{landing.pk}/change/" in shown


def test_bot_rule_is_saved_in_the_form_that_edges_compare_with(alice: Client) -> None:
    rule = {"kind": "network", "pattern": "192.0.2.77/24", "verdict": "bot", "is_active": "on"}

    alice.post("/admin/attribution/botrule/add/", rule)

    assert BotRule.objects.get().pattern == "192.0.2.0/24"


def test_bot_rule_says_what_is_wrong_with_a_pattern(alice: Client) -> None:
    rule = {"kind": "asn", "pattern": "Example Telecom", "verdict": "bot"}

    response = alice.post("/admin/attribution/botrule/add/", rule)

    assert "Write the number of an autonomous system, such as 64500." in text_of(response)
    assert not BotRule.objects.exists()


def test_bot_rule_that_is_there_in_another_form_is_refused(alice: Client) -> None:
    BotRule.objects.create(kind="network", pattern="192.0.2.0/24")

    response = alice.post(
        "/admin/attribution/botrule/add/", {"kind": "network", "pattern": "192.0.2.9/24", "verdict": "person"}
    )

    assert response.status_code == 200
    assert BotRule.objects.count() == 1


def test_staff_network_is_saved_in_its_one_form(alice: Client) -> None:
    alice.post("/admin/attribution/staffnetwork/add/", {"network": "2001:DB8:0::1/48"})

    assert StaffNetwork.objects.get().network == "2001:db8::/48"


def test_list_links_to_db_ip_where_its_database_is_in_use(alice: Client, tmp_path: Path, settings: Any) -> None:
    settings.GEOIP_PATH = tmp_path / "geo.mmdb"
    before = text_of(alice.get(LIST))
    write_database(settings.GEOIP_PATH, {"192.0.2.0/24": JERSEY_CITY}, named="DBIP-City-Lite")

    after = text_of(alice.get(LIST))

    assert "https://db-ip.com" not in before
    assert "https://db-ip.com" in after


def test_keys_of_visitors_have_no_page(alice: Client) -> None:
    assert alice.get("/admin/attribution/dailyvisitorkey/").status_code == 404
