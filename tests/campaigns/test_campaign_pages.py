"""The campaign's page and list: flows, warnings, templates to paste, copies and changes to many at once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from campaigns.models import Campaign, CampaignSpend, Cap, Creative, Offer, TrackingLink
from tests.campaigns.builders import (
    make_account,
    make_filter,
    make_flow,
    make_licence,
    make_permission,
    make_whole_campaign,
)
from tests.campaigns.pages import admin_client, campaign_form, rows, text_of
from tests.world import make_campaign, make_creative, make_link, make_offer, make_source
from tracker_project.common.pages import change_address, list_address

pytestmark = pytest.mark.django_db

LIST = "/admin/campaigns/campaign/"


@pytest.fixture
def alice() -> Client:
    return admin_client()


def test_campaign_page_shows_its_flows_in_the_order_in_which_they_are_tried(alice: Client) -> None:
    campaign = make_campaign(offer=make_offer(name="Own"))
    regular = make_flow(campaign, name="Second in line", offers=[make_offer(name="Slots")])
    make_filter(regular, "country", ["MT", "FI"])
    make_flow(campaign, name="First in line", kind="forced", position=7, action="nothing", offers=[])

    shown = text_of(alice.get(change_address(campaign)))

    assert shown.index("First in line") < shown.index("Second in line") < shown.index("Whoever is left")
    assert "Country is MT or FI" in shown
    assert "Own, the campaign's own offer" in shown
    assert f"/admin/campaigns/flow/add/?campaign={campaign.pk}&position=8" in shown
    assert change_address(regular) in shown
    assert f"/routing-tester/?campaign={campaign.pk}" in shown


def test_campaign_page_asks_the_same_for_three_flows_as_for_one(
    alice: Client, django_assert_max_num_queries: Any
) -> None:
    campaign = make_whole_campaign()
    alice.get(change_address(campaign))
    with django_assert_max_num_queries(100) as for_one:
        alice.get(change_address(campaign))
    flows = [make_flow(campaign), make_flow(campaign)]
    [make_filter(flow, "country", ["MT"]) for flow in flows]

    with django_assert_max_num_queries(len(for_one)):
        alice.get(change_address(campaign))


def test_campaign_page_says_that_routing_does_not_apply_and_what_to_paste(alice: Client) -> None:
    source = make_source(name="Google", tracks_in_parallel=True, click_url_parameters="gclid={gclid}")
    campaign = make_campaign(source=source)
    make_link(campaign=campaign, code="brand")

    shown = text_of(alice.get(change_address(campaign)))

    assert "Routing does not apply." in shown
    assert 'data-copy="http://127.0.0.1:8001/c/brand?url={lpurl}&gclid={gclid}"' in shown
    assert "List the landing page's host under Routing, own hosts" in shown


def test_campaign_page_of_another_source_says_nothing_of_it(alice: Client) -> None:
    assert "Routing does not apply" not in text_of(alice.get(change_address(make_campaign())))


def test_campaign_without_permission_is_marked_on_its_page_and_in_the_list(alice: Client) -> None:
    offer = make_offer(name="Slots", is_licensed_only=True)
    make_licence(offer, country="DE")
    account = make_account(name="EU")
    make_permission(account, country="MT")
    campaign = make_campaign(source=make_source(platform="meta"), offer=offer, advertising_account=account)

    page, listed = text_of(alice.get(change_address(campaign))), text_of(alice.get(LIST))

    sentence = "Meta has not allowed “Slots” in DE: it has allowed MT only."
    assert sentence in page
    assert "No permission: DE" in listed
    assert f'title="{sentence}"' in listed


def test_warnings_of_one_kind_share_a_label_in_the_list(alice: Client) -> None:
    offer = make_offer(name="Slots", is_licensed_only=True)
    for country in ("BR", "DE", "FI", "MT", "SE"):
        make_licence(offer, country=country)
    make_campaign(source=make_source(platform="meta"), offer=offer, advertising_account=make_account())

    assert "No permission: BR, DE, FI, MT, 1 more" in text_of(alice.get(LIST))


def test_licence_that_ends_soon_is_marked_on_campaign_and_offer(alice: Client) -> None:
    offer = make_offer(is_licensed_only=True)
    until = datetime.now(UTC).date() + timedelta(days=30)
    make_licence(offer, valid_until=until)
    campaign = make_campaign(offer=offer)

    assert f"ends in 30 days ({until})" in text_of(alice.get(change_address(campaign)))
    assert f"ends in 30 days ({until})" in text_of(alice.get(change_address(offer)))
    assert f"Licence ends {until}: MT" in text_of(alice.get(LIST))
    assert f"Licence ends {until}: MT" in text_of(alice.get("/admin/campaigns/offer/"))


def test_paused_campaign_says_what_it_lacks(alice: Client) -> None:
    campaign = make_campaign(offer=None, status="paused")

    shown = text_of(alice.get(change_address(campaign)))

    assert "Before it can be activated:" in shown


def test_campaign_page_shows_what_is_spent_today(alice: Client) -> None:
    campaign = make_campaign(daily_budget=Decimal(50))
    CampaignSpend.objects.create(campaign=campaign, day=datetime.now(UTC).date(), counter="a", amount=Decimal("12.40"))

    assert "12.40 of 50.00\xa0EUR today, 24 %" in text_of(alice.get(change_address(campaign)))
    assert "12.40 of 50.00\xa0EUR" in text_of(alice.get(LIST))


def test_archived_campaigns_are_listed_on_demand_alone(alice: Client) -> None:
    make_campaign(name="In use")
    make_campaign(name="Put away", status="archived")

    assert "Put away" not in text_of(alice.get(LIST))
    assert "Put away" in text_of(alice.get(f"{LIST}?state=archived"))
    assert "In use" not in text_of(alice.get(f"{LIST}?state=archived"))
    assert "In use" in text_of(alice.get(f"{LIST}?state=all"))


def test_archived_campaigns_are_in_pickers_by_name_alone(alice: Client) -> None:
    make_campaign(name="In use")
    make_campaign(name="Put away", status="archived")
    query = {"app_label": "campaigns", "model_name": "flow", "field_name": "campaign"}

    unasked = alice.get("/admin/autocomplete/", query | {"term": ""}).json()
    asked = alice.get("/admin/autocomplete/", query | {"term": "put"}).json()

    assert [row["text"] for row in unasked["results"]] == ["In use"]
    assert [row["text"] for row in asked["results"]] == ["Put away"]


def test_archive_and_take_out_again(alice: Client) -> None:
    campaign = make_campaign()

    alice.post(LIST, {"action": "archive", "_selected_action": [campaign.pk]})
    campaign.refresh_from_db()
    assert campaign.status == "archived"

    alice.post(f"{LIST}?state=all", {"action": "unarchive", "_selected_action": [campaign.pk]})
    campaign.refresh_from_db()
    assert campaign.status == "paused"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"pacing": "even"}, "Pacing spreads a daily budget over the day"),
        ({"stops_at_budget": "on"}, "There is no daily budget to stop at"),
        ({"daily_budget": "5.005"}, "EUR has 2 digits after the point."),
        ({"daily_budget": "0"}, "daily_budget_is_positive"),
        ({"uniqueness_hours": "72"}, "A visitor key lasts 48 hours"),
        ({"own_hosts": "lp example"}, "is not a host: write names such as lp.example"),
        ({"fallback_url": "ftp://x.example/"}, "Write a full address"),
        ({"fallback_url": "https://x.example/?a={nothing}"}, "No macro is called {nothing}."),
        ({"alert_percent": "0"}, "alert_percent_is_1_to_100"),
    ],
)
def test_change_campaign_refuses_what_does_not_go_together(
    alice: Client, fields: dict[str, str], sentence: str
) -> None:
    campaign = make_campaign()

    response = alice.post(change_address(campaign), campaign_form(campaign, **fields))

    assert response.status_code == 200
    assert sentence in text_of(response)


def test_change_campaign_takes_hosts_as_people_write_them(alice: Client) -> None:
    campaign = make_campaign()
    form = campaign_form(campaign, own_hosts="https://LP.example/quiz, casino.example, lp.example")

    assert alice.post(change_address(campaign), form).status_code == 302
    campaign.refresh_from_db()
    assert campaign.own_hosts == ["lp.example", "casino.example"]


def test_change_campaign_saves_links_creatives_caps_and_goals(alice: Client) -> None:
    campaign = make_campaign()
    form = campaign_form(
        campaign,
        **rows("links", {"code": "abc"}),
        **rows("creatives", {"name": "Reels"}),
        **rows("caps", {"event": "click", "period": "total", "limit": "9"}),
        **rows("goals", {"event": "click", "target": "10"}),
    )

    assert alice.post(change_address(campaign), form).status_code == 302
    assert TrackingLink.objects.get().code == "abc"
    assert Creative.objects.get().name == "Reels"
    assert Cap.objects.get().limit == 9


def test_copy_campaign_leads_to_a_paused_copy(alice: Client) -> None:
    campaign = make_whole_campaign(name="Malta")
    make_link(campaign=campaign, creative=make_creative(campaign))

    response = alice.post(change_address(campaign).replace("/change/", "/copy/"), {"name": "Malta again"}, follow=True)

    copy = Campaign.objects.get(name="Malta again")
    assert "This is the copy of Malta." in text_of(response)
    assert (copy.status, copy.flows.count(), copy.links.count()) == ("paused", 1, 1)


def test_edit_together_asks_first(alice: Client) -> None:
    campaigns = [make_campaign(name="One"), make_campaign(name="Two")]
    make_offer(name="Old offer", is_archived=True)

    shown = text_of(alice.post(LIST, selected("edit_in_bulk", *campaigns)))

    assert "Edit 2 campaigns" in shown
    assert "One" in shown
    assert "Old offer" not in shown


def test_edit_together_changes_all(alice: Client) -> None:
    campaigns = [make_campaign(), make_campaign(daily_budget=Decimal(5), pacing="even", stops_at_budget=True)]

    response = alice.post(
        LIST,
        selected("edit_in_bulk", *campaigns)
        | {"apply": "1", "status": "paused", "no_daily_budget": "on", "added_notes": "Holiday.", "time_zone": "UTC"},
        follow=True,
    )

    assert "2 campaigns changed; links follow within seconds." in text_of(response)
    found = Campaign.objects.values_list("status", "daily_budget", "pacing", "stops_at_budget", "notes")
    assert set(found) == {("paused", None, "none", False, "Holiday.")}


def test_edit_together_changes_none_and_lists_why(alice: Client) -> None:
    whole, empty = (
        make_campaign(name="Whole", status="paused"),
        make_campaign(name="Empty", offer=None, status="paused"),
    )

    response = alice.post(LIST, selected("edit_in_bulk", whole, empty) | {"apply": "1", "status": "active"})

    assert "Nothing was changed." in text_of(response)
    assert "Empty:" in text_of(response)
    assert set(Campaign.objects.values_list("status", flat=True)) == {"paused"}


def test_edit_together_wants_something_to_change(alice: Client) -> None:
    response = alice.post(LIST, selected("edit_in_bulk", make_campaign()) | {"apply": "1"})

    assert "Nothing to change" in text_of(response)


def test_bob_who_may_only_look_sees_flows_offers_and_campaigns() -> None:
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="campaigns", codename__startswith="view_")
    )
    client = Client()
    client.force_login(bob)
    campaign = make_whole_campaign()
    flow, offer = campaign.flows.get(), Offer.objects.get(campaigns=campaign)

    flow_page = text_of(client.get(change_address(flow)))
    offer_page = text_of(client.get(change_address(offer)))
    campaign_page = text_of(client.get(change_address(campaign)))

    assert "All filters (AND)" in flow_page
    assert "Link to an app" not in offer_page
    assert "Add flow" not in campaign_page
    assert client.post(change_address(flow), {}).status_code == 403


def test_charlie_may_look_but_neither_copy_nor_change_together() -> None:
    charlie = User.objects.create_user("charlie", is_staff=True)
    charlie.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = Client()
    client.force_login(charlie)
    campaign = make_campaign()

    assert client.get(change_address(campaign)).status_code == 200
    assert client.post(change_address(campaign).replace("/change/", "/copy/"), {"name": "x"}).status_code == 403
    client.post(LIST, selected("edit_in_bulk", campaign) | {"apply": "1", "status": "paused"})
    client.post(LIST, selected("pause", campaign))

    assert list(Campaign.objects.values_list("name", "status")) == [(campaign.name, "active")]


def test_campaign_notes_are_shown_beside_the_name(alice: Client) -> None:
    make_campaign(notes="Weekends only")

    assert 'title="Weekends only"' in text_of(alice.get(list_address(Campaign)))


def selected(action: str, *campaigns: Campaign) -> dict[str, Any]:
    return {"action": action, "_selected_action": [campaign.pk for campaign in campaigns]}
