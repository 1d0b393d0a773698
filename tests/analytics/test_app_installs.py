"""The page of Apple's anonymous installs, and its CSV."""

import csv
import io
import re
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from conversions.models import SourceIdentifier
from tests.conversions.apple.signing import make_app_postback
from tests.world import NOON, make_campaign

pytestmark = pytest.mark.django_db

PAGE = "/admin/analytics/app-installs/"
DAY = {"first": "2026-11-22", "last": "2026-11-22"}


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def staff_with(codename: str) -> Client:
    """Return a client of a person on the staff who has one right."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(content_type__app_label="conversions", codename=codename))
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


@time_machine.travel(NOON, tick=False)
def test_page_shows_thirty_days_by_network_source_and_window(alice: Client) -> None:
    campaign = make_campaign(name="Reels Malta")
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier="39", campaign=campaign)
    make_app_postback("t-1", conversion_value=12)
    make_app_postback("t-2", conversion_value=12)
    make_app_postback("t-3", window=2, coarse_value="high")

    response = alice.get(PAGE)

    shown = text_of(response)
    assert response.status_code == 200
    assert "com.example" in shown
    assert "Reels Malta" in shown
    assert "Days 0–2" in shown
    assert "Days 8–35" in shown
    assert "12 × 2" in shown
    assert "never pay on them" in shown


def test_cells_are_named_as_their_columns_for_phones(alice: Client) -> None:
    make_app_postback()

    shown = text_of(alice.get(PAGE, DAY))

    columns = re.findall(r'<th scope="col"[^>]* title=[^>]*>([^<]*)<', shown)
    line, total = shown[shown.index('<th scope="row">') :].split("tracker-sum")
    assert len(columns) == 14
    assert re.findall(r'<td data-label="([^"]*)', line) == columns
    assert re.findall(r'<td data-label="([^"]*)', total) == columns[1:]


def test_page_shows_the_most_frequent_fine_values_first(alice: Client) -> None:
    for number, value in enumerate([5, 5, 5, 9, 9, 1, 2, 3, 4]):
        make_app_postback(f"t-{number}", conversion_value=value)

    assert "5 × 3 · 9 × 2 · 1 × 1 · 2 × 1 · 2 more" in text_of(alice.get(PAGE, DAY))


def test_page_says_which_addresses_apple_needs_before_there_is_a_postback(alice: Client) -> None:
    shown = text_of(alice.get(PAGE))

    assert "NSAdvertisingAttributionReportEndpoint" in shown
    assert "http://127.0.0.1:8000/.well-known/skadnetwork/report-attribution/" in shown
    assert "http://127.0.0.1:8000/.well-known/appattribution/report-attribution/" in shown


def test_page_says_so_when_nothing_came_in(alice: Client) -> None:
    make_app_postback()

    assert "Nothing came in from" in text_of(alice.get(PAGE, {"first": "2026-11-01", "last": "2026-11-02"}))
    assert "for com.other" in text_of(alice.get(PAGE, DAY | {"network": "com.other"}))


def test_page_escapes_what_networks_are_called(alice: Client) -> None:
    make_app_postback(ad_network_id="<img src=x>&network=a")

    shown = text_of(alice.get(PAGE, DAY))

    assert "<img src=x>" not in shown
    assert "network=%3Cimg%20src%3Dx%3E%26network%3Da" in shown


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"first": "2026-11-22", "last": "2026-11-20"}, "“From” is after “To”."),
        ({"period": "century"}, "Select a valid choice."),
        ({"network": "n" * 101}, "at most 100 characters"),
        ({"network": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_page_says_what_is_wrong_with_the_question(alice: Client, query: dict[str, str], sentence: str) -> None:
    response = alice.get(PAGE, query)

    assert response.status_code == 400
    assert sentence in text_of(response)


def test_csv_has_a_line_for_each_combination(alice: Client) -> None:
    make_app_postback("t-1", conversion_value=12, ad_network_id="=cmd()")
    make_app_postback("t-2", conversion_value=12, ad_network_id="=cmd()")

    response = alice.get(PAGE, DAY | {"format": "csv"})

    (row,) = csv.DictReader(io.StringIO(text_of(response)))
    assert row == {
        "day": "2026-11-22",
        "framework": "skadnetwork",
        "version": "4.0",
        "ad_network_id": "'=cmd()",
        "app_id": "525463029",
        "source_identifier": "5239",
        "campaign_number": "",
        "window": "0",
        "conversion_type": "download",
        "fidelity": "1",
        "interaction": "",
        "did_win": "true",
        "conversion_value": "12",
        "coarse_value": "",
        "postbacks": "2",
    }
    assert 'filename="app-postbacks-2026-11-22-2026-11-22.csv"' in response.headers["Content-Disposition"]


def test_page_is_for_those_who_may_see_postbacks() -> None:
    bob = staff_with("view_apppostback")

    assert bob.get(PAGE).status_code == 200
    assert "anonymous installs" in text_of(bob.get("/admin/"))


def test_page_is_refused_to_others_and_not_offered(client: Client) -> None:
    charlie = staff_with("view_platform")

    assert charlie.get(PAGE).status_code == 403
    assert "anonymous installs" not in text_of(charlie.get("/admin/"))
    assert client.get(PAGE).status_code == 302
