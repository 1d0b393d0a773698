"""The routing tester: where an invented visitor goes, and why not elsewhere."""

import pytest
from django.urls import reverse

from attribution.models import BotRule, Click
from campaigns.models import Flow, FlowFilter, FlowOffer, Licence
from tests.world import make_campaign, make_link, make_offer

PAGE = "/admin/routing-tester/"


@pytest.fixture
def campaign(transactional_db):
    """A campaign with a flow for Maltese phones to a licensed offer, and an offer of its own."""
    campaign = make_campaign(name="Spring", offer=make_offer(name="Own"), fallback_url="https://fallback.example/")
    licensed = make_offer(
        name="Licensed", url="https://licensed.example/?cid={click_id}&s={sub_id_1}", is_licensed_only=True
    )
    Licence.objects.create(offer=licensed, jurisdiction="MGA", number="B2C/1", country="MT", valid_from="2020-01-01")
    flow = Flow.objects.create(campaign=campaign, name="Maltese phones")
    FlowFilter.objects.create(flow=flow, field="country", values=["MT", "GB"])
    FlowFilter.objects.create(flow=flow, field="device", values=["phone"])
    FlowOffer.objects.create(flow=flow, offer=licensed)
    make_link(campaign=campaign, code="spring")
    return campaign


def ask(client, campaign, **visitor):
    return client.get(PAGE, {"campaign": campaign.pk, "device": "iPhone, Safari"} | visitor)


def test_tester_names_the_flow_that_wins_and_the_address(admin_client, campaign):
    page = ask(admin_client, campaign, country="mt", query="sub_id_1=a%20b")

    explained = page.context["explained"]
    assert (explained.outcome, explained.flow, explained.offer) == ("offer", "Maltese phones", "Licensed")
    assert explained.location == f"https://licensed.example/?cid={'0' * 48}&s=a%20b"
    assert not Click.objects.exists()


def test_tester_says_why_a_flow_did_not_win(admin_client, campaign):
    page = ask(admin_client, campaign, country="MT", device="Windows, Chrome")

    explained = page.context["explained"]
    assert (explained.offer, explained.flow) == ("Own", "")
    assert [(note.subject, note.is_taken) for note in explained.notes] == [
        ("Flow “Maltese phones”", False),
        ("Offer “Own”", True),
    ]
    assert "device is phone, but the visitor has desktop" in page.content.decode()


def test_tester_says_that_no_licence_covers_the_place(admin_client, campaign):
    page = ask(admin_client, campaign, country="GB")

    explained = page.context["explained"]
    assert explained.outcome == "elsewhere"
    assert explained.location == "https://fallback.example/"
    assert "None of its licences covers" in page.content.decode()


def test_tester_goes_by_the_rules_on_networks(admin_client, campaign):
    BotRule.objects.create(kind="network", pattern="198.51.100.0/24")

    page = ask(admin_client, campaign, address="198.51.100.7")

    assert ("Counts as", "a bot") in page.context["explained"].understood


def test_tester_asks_for_a_link_where_there_is_none(admin_client, transactional_db):
    page = ask(admin_client, make_campaign())

    assert page.status_code == 200
    assert page.context["has_no_link"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("address", "nonsense"), ("country", "Malta"), ("asn", "x"), ("at", "yesterday")],
)
def test_tester_says_what_cannot_be_read(admin_client, campaign, field, value):
    page = ask(admin_client, campaign, **{field: value})

    assert page.status_code == 400
    assert page.context["form"].errors[field]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\x00\ud7ff", "%FF%FE&&=", "a" * 3000])
def test_tester_takes_any_text(admin_client, campaign, text):
    page = ask(admin_client, campaign, query=text, user_agent=text[:900], referrer=text[:200], city=text[:90])

    assert page.status_code in (200, 400)
    assert "<script>alert" not in page.content.decode()


def test_tester_is_for_those_who_may_see_campaigns(client, django_user_model, campaign):
    client.force_login(django_user_model.objects.create_user("bob", is_staff=True))

    assert ask(client, campaign).status_code == 403


def test_tester_is_linked_from_the_campaign(admin_client, campaign):
    page = admin_client.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))

    assert f"{PAGE}?campaign={campaign.pk}" in page.content.decode()
