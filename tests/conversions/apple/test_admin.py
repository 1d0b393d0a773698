"""Apple's postbacks in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conversions.models import AppPostbackConflict, SourceIdentifier
from tests.conversions.apple.signing import make_app_postback
from tests.world import NOON, make_campaign

pytestmark = pytest.mark.django_db

POSTBACKS = "/admin/conversions/apppostback/"
IDENTIFIERS = "/admin/conversions/sourceidentifier/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_list_shows_what_a_postback_says(alice: Client) -> None:
    make_app_postback(did_win=False, window=1, coarse_value="high", app_id=525463029)

    shown = text_of(alice.get(POSTBACKS))

    assert "SKAdNetwork 4.0" in shown
    assert "525463029" in shown
    assert "Days 3–7" in shown
    assert "Lost" in shown
    assert "High" in shown


def test_list_finds_a_postback_by_its_whole_identity(alice: Client) -> None:
    make_app_postback("t-1", ad_network_id="found.example")
    make_app_postback("t-11", ad_network_id="other.example")

    shown = text_of(alice.get(POSTBACKS, {"q": " t-1 "}))

    assert "found.example" in shown
    assert "other.example" not in shown


def test_postback_shows_signed_and_unsigned_apart_and_what_contradicted_it(alice: Client) -> None:
    postback = make_app_postback(conversion_value=63, signature="MEUCIGRm", is_test=True)
    AppPostbackConflict.objects.create(
        postback=postback, field="conversion_value", held=63, reported=17, received_at=NOON
    )

    shown = text_of(alice.get(f"{POSTBACKS}{postback.pk}/change/"))

    assert shown.index("Signed by Apple") < shown.index("MEUCIGRm") < shown.index("Not signed: never pay on it")
    assert "developer&#x27;s device or build" in shown
    assert "17" in shown.split("What came later and said otherwise")[1]


def test_first_page_counts_contradictions(alice: Client) -> None:
    AppPostbackConflict.objects.create(
        postback=make_app_postback(), field="window", held=0, reported=1, received_at="2100-01-01T00:00:00Z"
    )

    assert "Contradicting Apple postbacks within 7 days" in text_of(alice.get("/admin/"))


def test_add_source_identifier_names_a_campaign(alice: Client) -> None:
    campaign = make_campaign()

    alice.post(f"{IDENTIFIERS}add/", {"ad_network_id": "com.example", "identifier": "39", "campaign": campaign.pk})

    assert SourceIdentifier.objects.get().campaign == campaign


@pytest.mark.parametrize("identifier", ["", "3x", "12345", "３９"])
def test_add_source_identifier_takes_digits_alone(alice: Client, identifier: str) -> None:
    response = alice.post(
        f"{IDENTIFIERS}add/", {"ad_network_id": "com.example", "identifier": identifier, "campaign": make_campaign().pk}
    )

    assert response.status_code == 200
    assert SourceIdentifier.objects.count() == 0
