"""Pages of offers, sources, domains, licences and permissions: what they fill in and what they refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Licence, Offer, PlatformPermission, SourceParameter, TrackingDomain, TrafficSource
from tests.campaigns.builders import make_account, make_domain, make_landing_page, make_licence, make_permission
from tests.campaigns.pages import admin_client, campaign_form, offer_form, rows, text_of
from tests.world import make_brand, make_campaign, make_link, make_offer, make_source
from tracker_project.common.pages import change_address, list_address

pytestmark = pytest.mark.django_db

TODAY = datetime.now(UTC).date()


@pytest.fixture
def alice() -> Client:
    return admin_client()


def test_change_offer_refuses_alternatives_in_a_circle_and_names_it(alice: Client) -> None:
    first = make_offer(name="A")
    second = make_offer(name="B", alternative=first)

    response = alice.post(change_address(first), offer_form(first, alternative=second.pk))

    assert "These alternatives lead in a circle: “A” → “B” → “A”." in text_of(response)


def test_change_offer_refuses_itself_as_alternative(alice: Client) -> None:
    offer = make_offer(name="A")

    response = alice.post(change_address(offer), offer_form(offer, alternative=offer.pk))

    assert "These alternatives lead in a circle: “A” → “A”." in text_of(response)


def test_change_offer_refuses_an_archived_alternative(alice: Client) -> None:
    offer, old = make_offer(), make_offer(name="Old", is_archived=True)

    assert "“Old” is archived." in text_of(alice.post(change_address(offer), offer_form(offer, alternative=old.pk)))


def test_change_offer_is_not_archived_while_it_takes_over_from_another(alice: Client) -> None:
    alternative = make_offer(name="B")
    make_offer(name="A", alternative=alternative)

    response = alice.post(change_address(alternative), offer_form(alternative, is_archived="on"))

    assert "“B” takes over from “A” when a cap is reached." in text_of(response)


@pytest.mark.parametrize("url", ["https://go.example/c/x?cid={click_id}", "http://127.0.0.1:8001/c/x"])
def test_addresses_may_not_lead_back_to_a_click_host(alice: Client, url: str) -> None:
    make_domain(host="go.example")
    offer, page, campaign = make_offer(), make_landing_page(), make_campaign()

    answers = [
        alice.post(change_address(offer), offer_form(offer, url=url)),
        alice.post(change_address(page), {"name": page.name, "url": url}),
        alice.post(change_address(campaign), campaign_form(campaign, fallback_url=url)),
    ]

    assert ["visitors would go round in a circle" in text_of(answer) for answer in answers] == [True, True, True]


def test_add_offer_builds_a_link_to_an_app(alice: Client) -> None:
    form = offer_form(brand=make_brand().pk, url="", app_service="onelink", app_id="AbCd", app_pid="tracker_int")

    refused = alice.post("/admin/campaigns/offer/add/", form)
    saved = alice.post("/admin/campaigns/offer/add/", form | {"app_host": "brand.onelink.me"})

    assert "Write the host, as brand.onelink.me." in text_of(refused)
    assert saved.status_code == 302
    assert Offer.objects.get().url == "https://brand.onelink.me/AbCd?pid=tracker_int&c={campaign}&clickid={click_id}"


def test_add_offer_wants_an_address_or_an_app(alice: Client) -> None:
    response = alice.post("/admin/campaigns/offer/add/", offer_form(brand=make_brand().pk, url=""))

    assert "Write the casino's address, or build a link to an app." in text_of(response)


def test_add_offer_refuses_an_app_link_that_would_lose_the_click_id(alice: Client) -> None:
    form = offer_form(brand=make_brand().pk, url="https://app.adjust.com/abc123?creative={click_id}")

    response = alice.post("/admin/campaigns/offer/add/", form)

    assert "write label={click_id} (it stands in creative now)." in text_of(response)
    assert not Offer.objects.exists()


def test_add_offer_says_that_apples_store_carries_no_click_id(alice: Client) -> None:
    form = offer_form(brand=make_brand().pk, url="https://apps.apple.com/app/id123456789")

    response = alice.post("/admin/campaigns/offer/add/", form, follow=True)

    assert "No store link of Apple carries the click id" in text_of(response)
    assert Offer.objects.exists()


def test_change_offer_saves_licences_and_caps(alice: Client) -> None:
    offer = make_offer()
    form = offer_form(
        offer,
        **rows(
            "licences",
            {"jurisdiction": "MGA", "number": "1", "country": "MT", "valid_from": "2026-01-01", "valid_until": ""},
        ),
        **rows("caps", {"event": "click", "period": "day", "limit": "5", "time_zone": "Europe/Malta"}),
    )

    assert alice.post(change_address(offer), form).status_code == 302
    assert offer.licences.get().country == "MT"
    assert offer.caps.get().time_zone == "Europe/Malta"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"valid_until": "2025-12-31"}, "The last day is not before the first."),
        ({"country": "Malta"}, "Ensure this value has at most 2 characters"),
        ({"region": "US-NJ"}, "Ensure this value has at most 3 characters"),
        ({"country": "mt"}, "Write a country as two capitals"),
    ],
)
def test_change_offer_refuses_a_licence_that_cannot_be(alice: Client, fields: dict[str, Any], sentence: str) -> None:
    offer = make_offer()
    line = {"jurisdiction": "MGA", "number": "1", "country": "MT", "valid_from": "2026-01-01"} | fields

    assert sentence in text_of(alice.post(change_address(offer), offer_form(offer, **rows("licences", line))))


def test_licence_list_finds_what_ends_and_what_ended(alice: Client) -> None:
    make_licence(number="SOON", valid_until=TODAY + timedelta(days=30))
    make_licence(number="OVER", valid_until=TODAY - timedelta(days=1))
    make_licence(number="LATER", valid_until=TODAY + timedelta(days=31))
    address = list_address(Licence)

    soon, ended, running = (text_of(alice.get(f"{address}?end={chosen}")) for chosen in ("soon", "ended", "running"))

    assert [number in soon for number in ("SOON", "OVER", "LATER")] == [True, False, False]
    assert [number in ended for number in ("SOON", "OVER", "LATER")] == [False, True, False]
    assert [number in running for number in ("SOON", "OVER", "LATER")] == [True, False, True]


def test_copy_offer_leads_to_the_copy(alice: Client) -> None:
    offer = make_offer(name="Slots")
    make_licence(offer)

    alice.post(change_address(offer).replace("/change/", "/copy/"), {"name": "Slots 2"})

    assert Offer.objects.get(name="Slots 2").licences.count() == 1


def test_archived_offers_are_neither_listed_nor_offered(alice: Client) -> None:
    make_offer(name="Current slots")
    make_offer(name="Old slots", is_archived=True)
    query = {"term": "slots", "app_label": "campaigns", "model_name": "campaign", "field_name": "offer"}

    found = alice.get("/admin/autocomplete/", query).json()

    assert [row["text"] for row in found["results"]] == ["Current slots"]
    assert "Old slots" not in text_of(alice.get(list_address(Offer)))


def test_add_source_from_a_template_fills_it_in(alice: Client) -> None:
    address = "/admin/campaigns/trafficsource/add-from-template/"

    shown = text_of(alice.get(address))
    response = alice.post(address, {"template": "google", "name": ""}, follow=True)

    assert "PropellerAds" in shown
    source = TrafficSource.objects.get()
    assert "Google Ads is ready: look its parameters through." in text_of(response)
    assert (source.name, source.platform, source.tracks_in_parallel) == ("Google Ads", "google", True)
    assert SourceParameter.objects.filter(source=source, parameter="gbraid", name="external_id").exists()


def test_add_source_from_a_template_refuses_a_name_that_is_taken(alice: Client) -> None:
    make_source(name="Google Ads")

    response = alice.post("/admin/campaigns/trafficsource/add-from-template/", {"template": "google", "name": ""})

    assert "There is a source called “Google Ads” already: write another name." in text_of(response)
    assert TrafficSource.objects.count() == 1


def test_add_source_from_a_template_refuses_an_unknown_network(alice: Client) -> None:
    response = alice.post("/admin/campaigns/trafficsource/add-from-template/", {"template": "x-rays", "name": "x"})

    assert response.status_code == 200
    assert not TrafficSource.objects.exists()


@pytest.mark.parametrize(
    ("written", "kept"),
    [(" ?sub_id_1={{ad.id}}&cost={cost}\n", "sub_id_1={{ad.id}}&cost={cost}"), ("a=1 &b=2", None), ("a=1\nb=2", None)],
)
def test_change_source_keeps_what_can_be_pasted(alice: Client, written: str, kept: str | None) -> None:
    source = make_source()
    form = {"name": source.name, "platform": "other", "click_url_parameters": written, **rows("parameters")}

    response = alice.post(change_address(source), form)

    source.refresh_from_db()
    assert (response.status_code, source.click_url_parameters) == ((302, kept) if kept else (200, ""))


def domain_form(**fields: Any) -> dict[str, Any]:
    return {"host": "go.example", "unknown_path": "not_found", "is_active": "on"} | fields


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"host": "127.0.0.1"}, "127.0.0.1 is a host of the admin and the webhooks"),
        ({"host": "localhost"}, "a click host serves clicks only"),
        ({"host": "https://go.example/"}, "Write the host alone, in small letters."),
        ({"unknown_path": "root"}, "Choose the link that answers at the root"),
        ({"unknown_path": "redirect"}, "Write where unknown paths lead"),
        ({"unknown_path": "redirect", "unknown_url": "ftp://x.example/"}, "begins with https:// or http://"),
        ({"unknown_path": "redirect", "unknown_url": "https://go.example/x"}, "would go round in a circle"),
        ({"unknown_path": "redirect", "unknown_url": "https://other.example/x"}, "would go round in a circle"),
    ],
)
def test_add_domain_refuses_what_cannot_serve_clicks(alice: Client, fields: dict[str, Any], sentence: str) -> None:
    make_domain(host="other.example")

    assert sentence in text_of(alice.post("/admin/campaigns/trackingdomain/add/", domain_form(**fields)))
    assert TrackingDomain.objects.count() == 1


def test_add_domain_refuses_the_host_of_the_public_web_address(alice: Client, settings: Any) -> None:
    settings.PUBLIC_WEB_URL = "https://Tracker.example:8443"

    response = alice.post("/admin/campaigns/trackingdomain/add/", domain_form(host="tracker.example"))

    assert "tracker.example is a host of the admin" in text_of(response)


def test_add_domain_saves_it_and_links_are_offered_on_it(alice: Client) -> None:
    link = make_link(code="abc")
    form = domain_form(root_link=link.pk, unknown_path="root")

    assert alice.post("/admin/campaigns/trackingdomain/add/", form).status_code == 302
    assert "https://go.example/c/abc?" in text_of(alice.get(change_address(link)))


def test_account_page_saves_permissions(alice: Client) -> None:
    account = make_account()
    line = {"country": "MT", "domain": "WWW.Casino.example", "valid_from": "2026-01-01"}
    form = {"platform": "meta", "account_id": "1", "name": "EU", **rows("permissions", line)}

    assert alice.post(change_address(account), form).status_code == 302
    assert account.permissions.get().domain == "casino.example"


def test_permission_refuses_an_address_as_domain(alice: Client) -> None:
    form = {
        "account": make_account().pk,
        "country": "MT",
        "domain": "https://casino.example/",
        "valid_from": "2026-01-01",
    }

    response = alice.post("/admin/campaigns/platformpermission/add/", form)

    assert "Write the domain alone, such as casino.example." in text_of(response)


def test_permission_list_marks_what_ends(alice: Client) -> None:
    make_permission(valid_until=TODAY)
    make_permission(valid_until=TODAY - timedelta(days=1))

    shown = text_of(alice.get(list_address(PlatformPermission)))

    assert "Ends soon" in shown
    assert "Ended" in shown
