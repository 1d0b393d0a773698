"""URL templates: every macro, its encoding, and what a status means."""

from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import settings

from attribution.click_ids import read_click_id
from conversions.domain.outbox import player_key
from conversions.domain.postback_macros import POSTBACK_MACROS
from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import generic
from tests.conversions.postbacks.rows import make_first_deposit, make_generic, make_player, make_registration
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db


def postback_of(conversion: Conversion, destination: Destination, **columns) -> Postback:
    defaults = {"event": "first_deposit", "dedup_id": "d" * 32}
    return Postback(conversion=conversion, destination=destination, **defaults | columns)


def url_of(conversion: Conversion, template: str, **columns) -> str:
    return generic.build_request(postback_of(conversion, make_generic(template), **columns), at=NOON).request.url


def test_build_request_fills_every_macro():
    template = "https://t.example/in?" + "&".join(f"{name}={{{name}}}" for name in POSTBACK_MACROS)
    conversion = make_first_deposit()
    destination = make_generic(template)
    postback = postback_of(conversion, destination, payout=Decimal("120.00000000"), payout_currency="EUR")

    request = generic.build_request(postback, at=NOON).request

    values = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    click_id = read_click_id(values.pop("click_id"), settings.CLICK_ID_KEYS)
    assert request.method == "GET"
    assert (click_id.uuid, click_id.link_id) == (conversion.click_uuid, conversion.link_id)
    assert values == {
        "event": "first_deposit",
        "status": "approved",
        "transaction_id": "d" * 32,
        "external_id": conversion.player.click_facts["external_id"],
        "sub_id_1": "sub one",
        **{f"sub_id_{number}": "" for number in range(2, 11)},
        "payout": "120.00",
        "payout_currency": "EUR",
        "event_name": "first_deposit",
        "value": "120.10",
        "value_currency": "EUR",
        "amount": "120.10",
        "currency": "EUR",
        "campaign_id": str(conversion.campaign_id),
        "creative_id": "",
        "player_key": player_key(destination, conversion.player),
        "country": "MT",
        "occurred_at": "1795345200",
    }


@pytest.mark.parametrize("text", ["a&b=c#d?e/f", "ä ö\r\nX: y", "%2e%2e", "{click_id}", "a+b"])
def test_build_request_encodes_values_byte_for_byte(text):
    player = make_player(click_facts={"external_id": text, "platform_click_ids": None})

    url = url_of(make_first_deposit(player), "https://t.example/in?cid={external_id}&end=1")

    assert parse_qsl(urlsplit(url).query) == [("cid", text), ("end", "1")]
    assert urlsplit(url).hostname == "t.example"


def test_build_request_keeps_what_the_platforms_player_id_is_to_itself():
    player = make_player(player_id="john.doe@example.com")
    template = "https://t.example/in?" + "&".join(f"{name}={{{name}}}" for name in POSTBACK_MACROS)

    assert "john" not in url_of(make_first_deposit(player), template)


def test_build_request_of_a_registration_has_no_amount():
    url = url_of(make_registration(), "https://t.example/?a={amount}&c={currency}&p={payout}")

    assert url == "https://t.example/?a=&c=&p="


def test_build_request_of_a_correction_is_rejected_under_the_same_id():
    url = url_of(make_first_deposit(), "https://t.example/?s={status}&t={transaction_id}", is_correction=True)

    assert url == f"https://t.example/?s=rejected&t={'d' * 32}"


def test_build_request_masks_passwords_in_what_people_see():
    destination = make_generic("https://t.example/in?secure_key=hunter22&tid={transaction_id}&key={player_key}")

    prepared = generic.build_request(postback_of(make_first_deposit(), destination), at=NOON)

    assert "secure_key=hunter22" in prepared.request.url
    assert "secure_key=***" in prepared.shown
    assert "hunter22" not in prepared.shown
    assert f"tid={'d' * 32}" in prepared.shown
    assert prepared.secrets == ("hunter22",)


@pytest.mark.parametrize(
    ("status", "outcome", "pauses"),
    [
        (200, "ok", False),
        (204, "ok", False),
        (301, "destination_refused", False),
        (302, "destination_refused", False),
        (400, "event_refused", False),
        (401, "destination_refused", False),
        (403, "destination_refused", False),
        (404, "event_refused", False),
        (408, "retry", False),
        (409, "event_refused", False),
        (410, "destination_refused", True),
        (425, "retry", False),
        (429, "retry", False),
        (500, "retry", False),
        (503, "retry", False),
    ],
)
def test_classify_answer_goes_by_the_status(status, outcome, pauses):
    verdict = generic.classify_answer(Answer(status=status, headers={}, body=b""))

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)
