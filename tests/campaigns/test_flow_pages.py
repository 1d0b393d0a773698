"""Pages of flows, landing pages, scenarios and caps: what they show and what they refuse."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from campaigns.models import CampaignAlert, Cap, CapUse, Flow, LandingPage, Scenario
from tests.campaigns.builders import make_alert, make_filter, make_flow, make_landing_page, make_scenario
from tests.campaigns.pages import admin_client, flow_form, rows, text_of
from tests.world import make_campaign, make_offer
from tracker_project.common.pages import change_address, list_address

pytestmark = pytest.mark.django_db

ADD = "/admin/campaigns/flow/add/"


@pytest.fixture
def alice() -> Client:
    return admin_client()


def test_add_flow_saves_filters_offers_and_caps(alice: Client) -> None:
    campaign, offer = make_campaign(), make_offer()
    form = flow_form(
        campaign=campaign.pk,
        joined_by="any",
        **rows("filters", {"field": "country", "operator": "is", "values": "DE, AT"}),
        **rows("flow_offers", {"offer": offer.pk, "weight": "70", "position": "1"}),
        **rows("caps", {"event": "click", "period": "day", "limit": "100"}),
    )

    response = alice.post(ADD, form)

    assert response.status_code == 302
    flow = Flow.objects.get()
    assert (flow.matches, flow.filters.get().values, flow.flow_offers.get().weight) == ("any", ["DE", "AT"], 70)
    assert flow.caps.get().limit == 100


def test_add_flow_numbers_offers_that_were_left_at_the_same_number(alice: Client) -> None:
    lines = [{"offer": make_offer().pk, "weight": "1", "position": "1"} for _ in range(3)]

    alice.post(ADD, flow_form(campaign=make_campaign().pk, **rows("flow_offers", *lines)))

    flow = Flow.objects.get()
    assert list(flow.flow_offers.order_by("position").values_list("position", flat=True)) == [1, 2, 3]


def test_change_flow_numbers_a_new_offer_after_the_stored_ones(alice: Client) -> None:
    flow = make_flow()
    stored, new = flow.flow_offers.get(), make_offer()
    lines = [
        {"id": stored.pk, "offer": stored.offer_id, "weight": "100", "position": "1"},
        {"offer": new.pk, "weight": "100", "position": "1"},
    ]

    alice.post(change_address(flow), flow_form(flow, **rows("flow_offers", *lines, initial=1)))

    assert list(flow.flow_offers.order_by("position").values_list("offer", "position")) == [
        (stored.offer_id, 1),
        (new.pk, 2),
    ]


def test_change_flow_may_join_its_filters_otherwise(alice: Client) -> None:
    flow = make_flow()

    alice.post(change_address(flow), flow_form(flow, joined_by="any"))

    flow.refresh_from_db()
    assert flow.matches == "any"


@pytest.mark.parametrize(
    ("field", "values", "sentence"),
    [
        ("country", "Malta", "write countries as two letters, such as MT."),
        ("hour", "9-25", "Write hours from 0 to 23"),
        ("os_version", "sixteen", "Write versions such as 17"),
        ("unique", "maybe", "Write yes or no."),
        ("city", "Sao*Paulo", "has a * in its middle"),
        ("country", " , ", "This field is required."),
        ("scenario", "summer", "No scenario has the slug summer."),
    ],
)
def test_add_flow_refuses_values_that_no_visitor_could_have(
    alice: Client, field: str, values: str, sentence: str
) -> None:
    form = flow_form(
        campaign=make_campaign().pk, **rows("filters", {"field": field, "operator": "is", "values": values})
    )

    assert sentence in text_of(alice.post(ADD, form))
    assert not Flow.objects.exists()


def test_add_flow_takes_a_scenario_that_exists(alice: Client) -> None:
    make_scenario(slug="summer")
    values = {"field": "scenario", "operator": "is", "values": "summer"}

    assert alice.post(ADD, flow_form(campaign=make_campaign().pk, **rows("filters", values))).status_code == 302


def test_flow_page_explains_what_may_stand_in_values(alice: Client) -> None:
    shown = text_of(alice.get(ADD))

    assert "data-tracker-hints" in shown
    assert "Hours in the campaign's time zone, such as 9, 9-17 (until 17:59) or 22-4." in shown
    assert "tracker/filters.js" in shown


def test_flow_page_has_no_field_that_hides_a_method_of_the_form(alice: Client) -> None:
    assert 'name="matches"' not in text_of(alice.get(ADD))


def test_add_flow_comes_with_campaign_and_position(alice: Client) -> None:
    campaign = make_campaign(name="Malta")

    shown = text_of(alice.get(f"{ADD}?campaign={campaign.pk}&position=4"))

    assert f'<option value="{campaign.pk}" selected>Malta</option>' in shown
    assert 'name="position" value="4"' in shown


def test_flow_stays_with_its_campaign(alice: Client) -> None:
    flow, other = make_flow(), make_campaign()

    alice.post(change_address(flow), flow_form(flow, campaign=other.pk))

    flow.refresh_from_db()
    assert flow.campaign != other


def test_copy_flow_asks_for_a_name_and_leads_to_the_copy(alice: Client) -> None:
    flow = make_flow(name="Germany")
    make_filter(flow, "country", ["DE"])
    address = change_address(flow).replace("/change/", "/copy/")

    asked = text_of(alice.get(address))
    response = alice.post(address, {"name": "Germany (copy)"}, follow=True)

    assert 'value="Germany (copy)"' in asked
    assert "This is the copy of Germany." in text_of(response)
    copy = Flow.objects.get(name="Germany (copy)")
    assert (copy.is_active, copy.filters.get().values) == (False, ["DE"])


def test_copy_flow_refuses_a_name_that_is_taken(alice: Client) -> None:
    flow = make_flow(name="Germany")

    response = alice.post(change_address(flow).replace("/change/", "/copy/"), {"name": "Germany"})

    assert "This name is taken." in text_of(response)
    assert Flow.objects.count() == 1


def test_caps_show_their_use_and_what_is_over(alice: Client) -> None:
    campaign = make_campaign()
    flow = make_flow(campaign)
    today = datetime.now(UTC).date()
    reached = Cap.objects.create(flow=flow, event="click", limit=1000)
    CapUse.objects.create(cap=reached, day=today, counter="a", uses=1000)
    CapUse.objects.create(cap=reached, day=today, counter="b", uses=34)
    total = Cap.objects.create(flow=flow, event="registration", period="total", limit=50)
    CapUse.objects.create(cap=total, day=None, counter="conversions", uses=12)

    shown = text_of(alice.get(change_address(flow)))

    assert "1,034 of 1,000, 34 over" in shown
    assert "12 of 50" in shown


def test_caps_of_one_kind_are_refused_twice(alice: Client) -> None:
    line = {"event": "click", "period": "day", "limit": "5"}

    response = alice.post(ADD, flow_form(campaign=make_campaign().pk, **rows("caps", line, line)))

    assert "There are 2 caps of clicks a day: leave one." in text_of(response)


def test_flow_list_says_whom_flows_take(alice: Client) -> None:
    flow = make_flow(make_campaign(), offers=[make_offer(name="Slots")], notes="Until Friday")
    make_filter(flow, "country", ["MT"])

    shown = text_of(alice.get(list_address(Flow)))

    assert "Country is MT" in shown
    assert 'title="Until Friday"' in shown


def test_flow_notes_are_never_markup(alice: Client) -> None:
    make_flow(notes='"><script>alert(1)</script>')

    assert "<script>alert(1)" not in alice.get(list_address(Flow)).content.decode()


def test_archived_landing_pages_are_shown_on_demand(alice: Client) -> None:
    make_landing_page(name="Current quiz")
    make_landing_page(name="Old quiz", is_archived=True)
    address = list_address(LandingPage)

    in_use, archived, everything = (
        text_of(alice.get(address + query)) for query in ("", "?archive=archived", "?archive=all")
    )

    assert ("Current quiz" in in_use, "Old quiz" in in_use) == (True, False)
    assert ("Current quiz" in archived, "Old quiz" in archived) == (False, True)
    assert ("Current quiz" in everything, "Old quiz" in everything) == (True, True)


def test_archived_landing_pages_are_not_in_pickers(alice: Client) -> None:
    make_landing_page(name="Current quiz")
    make_landing_page(name="Old quiz", is_archived=True)

    found = alice.get(
        "/admin/autocomplete/",
        {"term": "quiz", "app_label": "campaigns", "model_name": "flowlandingpage", "field_name": "landing_page"},
    ).json()

    assert [row["text"] for row in found["results"]] == ["Current quiz"]


def test_unarchive_takes_a_landing_page_into_use(alice: Client) -> None:
    page = make_landing_page(is_archived=True)

    response = alice.post(
        f"{list_address(LandingPage)}?archive=all",
        {"action": "unarchive", "_selected_action": [page.pk]},
        follow=True,
    )

    assert "1 in use again." in text_of(response)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ends_on": "2026-11-01"}, "The day after the last one comes after the first day."),
        ({"ends_on": "2026-12-01", "separator_on": "2026-12-01"}, "The separator is a day of the scenario."),
        ({"slug": "Winter"}, "A slug has small letters"),
    ],
)
def test_add_scenario_refuses_days_that_cannot_be(alice: Client, fields: dict[str, Any], sentence: str) -> None:
    form = {"name": "Winter", "slug": "winter", "starts_on": "2026-11-01", "time_zone": "Europe/Malta"}

    assert sentence in text_of(alice.post("/admin/campaigns/scenario/add/", form | fields))
    assert not Scenario.objects.exists()


def test_add_scenario_saves_it(alice: Client) -> None:
    form = {"name": "Winter", "slug": "winter", "starts_on": "2026-11-01", "time_zone": "Europe/Malta"}

    assert alice.post("/admin/campaigns/scenario/add/", form).status_code == 302


def test_alerts_are_marked_as_seen_once(alice: Client) -> None:
    alert, seen = make_alert(), make_alert(seen_at=datetime(2026, 11, 22, tzinfo=UTC))

    response = alice.post(
        list_address(CampaignAlert),
        {"action": "mark_as_seen", "_selected_action": [alert.pk, seen.pk]},
        follow=True,
    )

    assert "1 marked as seen." in text_of(response)
    seen.refresh_from_db()
    assert seen.seen_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert not CampaignAlert.objects.filter(seen_at=None).exists()
