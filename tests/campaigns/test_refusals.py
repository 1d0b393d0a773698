"""A campaign that would send nobody on is refused wherever it is changed, with the reason, and nothing is saved."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from campaigns.models import Campaign, Flow, FlowOffer, LandingPage, Offer, TrafficSource
from tests.campaigns.builders import make_flow, make_landing_page
from tests.campaigns.pages import admin_client, campaign_form, flow_form, offer_form, rows, text_of
from tests.world import make_campaign, make_offer, make_source
from tracker_project.common.pages import change_address, list_address

pytestmark = pytest.mark.django_db

NOWHERE = "It is active but has neither an offer nor an active flow that leads anywhere"


@pytest.fixture
def alice() -> Client:
    return admin_client()


@pytest.fixture
def flow() -> Flow:
    """The only way through an active campaign without an offer of its own."""
    campaign = make_campaign(name="Malta", offer=None, status="paused")
    flow = make_flow(campaign, name="Only")
    Campaign.objects.update(status="active")
    flow.refresh_from_db()
    return flow


def test_add_campaign_without_offer_is_refused_unless_paused(alice: Client) -> None:
    unsaved = Campaign(name="New", source=make_source(), time_zone="UTC")
    form = campaign_form(unsaved, currency="EUR", status="active")

    refused = alice.post("/admin/campaigns/campaign/add/", form)
    saved = alice.post("/admin/campaigns/campaign/add/", form | {"status": "paused"})

    assert refused.status_code == 200
    assert NOWHERE in text_of(refused)
    assert saved.status_code == 302
    assert Campaign.objects.get().status == "paused"


def test_change_campaign_may_not_take_its_last_offer_away(alice: Client) -> None:
    campaign = make_campaign()

    response = alice.post(change_address(campaign), campaign_form(campaign, offer=""))

    assert NOWHERE in text_of(response)
    assert "was changed successfully" not in text_of(response)
    campaign.refresh_from_db()
    assert campaign.offer is not None


def test_refused_campaign_keeps_what_was_written(alice: Client) -> None:
    campaign = make_campaign()

    response = alice.post(change_address(campaign), campaign_form(campaign, offer="", name="Another name"))

    assert 'value="Another name"' in text_of(response)


def test_flow_may_not_be_switched_off_when_it_is_the_last(alice: Client, flow: Flow) -> None:
    form = flow_form(flow)
    del form["is_active"]

    response = alice.post(change_address(flow), form)

    assert f"Malta: {NOWHERE}" in text_of(response)
    flow.refresh_from_db()
    assert flow.is_active


def test_flow_may_not_lose_its_last_offer(alice: Client, flow: Flow) -> None:
    form = flow_form(flow) | {"flow_offers-0-DELETE": "on"}

    response = alice.post(change_address(flow), form)

    assert "The flow “Only” has no offer, and neither has the campaign" in text_of(response)
    assert FlowOffer.objects.filter(flow=flow).exists()


def test_flow_may_be_switched_off_once_the_campaign_has_an_offer(alice: Client, flow: Flow) -> None:
    Campaign.objects.update(offer=make_offer())
    form = flow_form(flow)
    del form["is_active"]

    assert alice.post(change_address(flow), form).status_code == 302


def test_flow_list_refuses_to_switch_the_last_one_off(alice: Client, flow: Flow) -> None:
    line = {"id": flow.pk, "position": "5", "weight": "10"}

    response = alice.post(list_address(Flow), rows("form", line, initial=1) | {"_save": "Save"})

    assert response.status_code == 200
    assert f"Malta: {NOWHERE}" in text_of(response)
    assert "changed successfully" not in text_of(response)
    flow.refresh_from_db()
    assert (flow.is_active, flow.position) == (True, 1)


def test_flow_list_saves_changes_that_are_sound_together(alice: Client, flow: Flow) -> None:
    second = make_flow(flow.campaign, name="Second", is_active=False, position=2)
    lines = [
        {"id": flow.pk, "position": "1", "weight": "10"},
        {"id": second.pk, "position": "2", "weight": "20", "is_active": "on"},
    ]

    response = alice.post(list_address(Flow), rows("form", *lines, initial=2) | {"_save": "Save"}, follow=True)

    assert "2 flows were changed successfully." in text_of(response)
    assert list(Flow.objects.order_by("pk").values_list("is_active", "weight")) == [(False, 10), (True, 20)]


def test_flow_list_refuses_a_second_default_flow(alice: Client) -> None:
    campaign = make_campaign()
    make_flow(campaign, name="First", kind="default", position=1)
    second = make_flow(campaign, name="Second", kind="default", is_active=False, position=2)
    first = campaign.flows.get(name="First")
    lines = [{"id": row.pk, "position": row.position, "weight": "1", "is_active": "on"} for row in (first, second)]

    response = alice.post(list_address(Flow), rows("form", *lines, initial=2) | {"_save": "Save"})

    assert "“First” is the campaign's active default flow: there can be one." in text_of(response)
    second.refresh_from_db()
    assert not second.is_active


def test_delete_page_of_the_last_flow_says_why_it_stays(alice: Client, flow: Flow) -> None:
    address = change_address(flow).replace("/change/", "/delete/")

    shown = text_of(alice.get(address))
    alice.post(address, {"post": "yes"})

    assert "“Only” cannot be deleted:" in shown
    assert f"Malta: {NOWHERE}" in shown
    assert Flow.objects.filter(pk=flow.pk).exists()


def test_deleting_many_flows_says_why_they_stay(alice: Client, flow: Flow) -> None:
    other = make_flow(name="Other")
    form = {"action": "delete_selected", "_selected_action": [flow.pk, other.pk]}

    shown = text_of(alice.post(list_address(Flow), form))
    alice.post(list_address(Flow), form | {"post": "yes"})

    assert f"Malta: {NOWHERE}" in shown
    assert Flow.objects.count() == 2


def test_flow_that_is_not_the_last_is_deleted(alice: Client, flow: Flow) -> None:
    other = make_flow(flow.campaign)

    alice.post(change_address(other).replace("/change/", "/delete/"), {"post": "yes"})

    assert list(Flow.objects.all()) == [flow]


@pytest.mark.parametrize("status", ["active", "paused"])
def test_archived_offer_in_a_flow_of_an_active_campaign_is_refused(alice: Client, status: str) -> None:
    campaign = make_campaign(status=status)
    old = make_offer(name="Old", is_archived=True)
    form = flow_form(campaign=campaign.pk, **rows("flow_offers", {"offer": old.pk, "weight": "1", "position": "1"}))

    response = alice.post("/admin/campaigns/flow/add/", form)

    assert Flow.objects.exists() == (status == "paused")
    assert ("The flow “Germany” has the archived offer “Old”" in text_of(response)) == (status == "active")


def test_offer_page_refuses_to_archive_what_is_in_use(alice: Client) -> None:
    offer = make_offer(name="Slots")
    make_campaign(name="Malta", offer=offer)

    response = alice.post(change_address(offer), offer_form(offer, is_archived="on"))

    assert "Malta: Its offer “Slots” is archived" in text_of(response)
    offer.refresh_from_db()
    assert not offer.is_archived


def test_archive_action_says_why_an_offer_stays(alice: Client) -> None:
    offer = make_offer(name="Slots")
    make_campaign(name="Malta", offer=offer)

    response = alice.post(list_address(Offer), {"action": "archive", "_selected_action": [offer.pk]}, follow=True)

    assert "Nothing was archived. Malta: Its offer “Slots” is archived" in text_of(response)
    assert not Offer.objects.filter(is_archived=True).exists()


def test_landing_page_in_use_is_not_archived(alice: Client) -> None:
    page = make_landing_page(name="Quiz")
    make_flow(make_campaign(name="Malta"), name="DE", pages=[page])

    alice.post(change_address(page), {"name": "Quiz", "url": page.url, "is_archived": "on"})

    assert not LandingPage.objects.get().is_archived


def test_landing_page_flow_without_any_offer_is_refused(alice: Client, flow: Flow) -> None:
    page = make_landing_page()
    form = flow_form(
        campaign=flow.campaign_id, **rows("flow_landing_pages", {"landing_page": page.pk, "weight": "100"})
    )

    response = alice.post("/admin/campaigns/flow/add/", form)

    assert "The flow “Germany” has landing pages but no offer that their links could lead to" in text_of(response)
    assert Flow.objects.count() == 1


def source_form(source: TrafficSource, **fields: Any) -> dict[str, Any]:
    return {"name": source.name, "platform": "google", "click_id_parameter": "gclid", **rows("parameters"), **fields}


def test_source_that_tracks_in_parallel_wants_addresses_with_tls(alice: Client) -> None:
    source = make_source()
    make_campaign(name="Malta", source=source, offer=make_offer(name="Plain", url="http://casino.example/"))

    response = alice.post(change_address(source), source_form(source, tracks_in_parallel="on"))

    assert "Malta: Its source tracks in parallel and follows https alone, but the offer “Plain”" in text_of(response)
    source.refresh_from_db()
    assert not source.tracks_in_parallel


def test_offer_of_a_source_that_tracks_in_parallel_keeps_tls(alice: Client) -> None:
    offer = make_offer(name="Slots")
    make_campaign(source=make_source(tracks_in_parallel=True), offer=offer)

    response = alice.post(change_address(offer), offer_form(offer, url="http://casino.example/?cid={click_id}"))

    assert "but the offer “Slots” begins with http://." in text_of(response)


def test_second_default_flow_is_refused_by_name(alice: Client) -> None:
    campaign = make_campaign()
    make_flow(campaign, name="Rest", kind="default")

    response = alice.post("/admin/campaigns/flow/add/", flow_form(campaign=campaign.pk, kind="default"))

    assert "“Rest” is the campaign's active default flow: there can be one." in text_of(response)


def test_flow_name_is_refused_twice_in_a_campaign(alice: Client) -> None:
    campaign = make_campaign()
    make_flow(campaign, name="Germany")
    other = make_flow(campaign, name="Other")

    added = alice.post("/admin/campaigns/flow/add/", flow_form(campaign=campaign.pk))
    renamed = alice.post(change_address(other), flow_form(other, name="Germany"))

    assert "The campaign has a flow called “Germany” already." in text_of(added)
    assert "The campaign has a flow called “Germany” already." in text_of(renamed)


def test_activate_action_refuses_a_campaign_that_leads_nowhere(alice: Client) -> None:
    whole, empty = make_campaign(status="paused"), make_campaign(name="Empty", offer=None, status="paused")

    response = alice.post(
        list_address(Campaign),
        {"action": "activate", "_selected_action": [whole.pk, empty.pk]},
        follow=True,
    )

    assert f"Nothing was changed. Empty: {NOWHERE}" in text_of(response)
    assert set(Campaign.objects.values_list("status", flat=True)) == {"paused"}


def test_offer_url_with_an_unknown_macro_is_refused(alice: Client) -> None:
    offer = make_offer()

    response = alice.post(change_address(offer), offer_form(offer, url="https://casino.example/?cid={clickid}"))

    assert "No macro is called {clickid}." in text_of(response)


@pytest.mark.django_db(transaction=True)
def test_default_flow_that_another_person_adds_meanwhile_is_said_and_not_an_error_page() -> None:
    alice, campaign = admin_client(), make_campaign()
    answers: list[Any] = []

    def add_default() -> None:
        form = flow_form(campaign=campaign.pk, name="Second", kind="default")
        answers.append(alice.post("/admin/campaigns/flow/add/", form))
        connection.close()

    adding = threading.Thread(target=add_default)
    with transaction.atomic():
        make_flow(campaign, name="First", kind="default")
        adding.start()
        adding.join(1)
    adding.join(20)

    (response,) = answers
    assert response.status_code == 200
    assert "is the campaign's active default flow: there can be one." in text_of(response) or (
        "The campaign has an active default flow already." in text_of(response)
    )
    assert list(Flow.objects.values_list("name", flat=True)) == ["First"]
