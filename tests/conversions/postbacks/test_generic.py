"""URL templates: every macro, its encoding, and what a status means."""

from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.conf import settings
from standardwebhooks.webhooks import Webhook

from attribution.click_ids import read_click_id
from conversions.domain.outbox import player_key
from conversions.domain.postback_macros import POSTBACK_MACROS
from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import generic
from conversions.postbacks.templates import READY_TEMPLATES
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


# POSTs.


def prepared(template_columns, **columns):
    destination = make_generic("https://t.example/in?tid={transaction_id}", **template_columns)
    return generic.build_request(postback_of(make_first_deposit(), destination, **columns), at=NOON)


def test_build_request_posts_a_form():
    request = prepared({"method": "form", "body_template": "id={transaction_id}&sum={value}"}).request

    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qsl((request.body or b"").decode()) == [("id", "d" * 32), ("sum", "120.10")]


def test_build_request_posts_json():
    request = prepared({"method": "json", "body_template": '{"id": "{transaction_id}", "sum": "{value}"}'}).request

    assert request.headers["Content-Type"] == "application/json"
    assert request.body == b'{"id":"' + b"d" * 32 + b'","sum":120.10}'


def test_build_request_sends_headers_and_shows_none_of_their_values():
    made = prepared({"headers": "X-Api-Key: hunter22\nX-Tid: {transaction_id}"})

    assert made.request.headers == {"X-Api-Key": "hunter22", "X-Tid": "d" * 32}
    assert "X-Api-Key: ***" in made.shown
    assert "hunter22" not in made.shown
    assert "hunter22" in made.secrets


@pytest.mark.parametrize(
    ("method", "body"),
    [("form", "api_token=hunter22&id={transaction_id}"), ("json", '{"auth": {"api_token": "hunter22"}, "id": "1"}')],
)
def test_build_request_masks_passwords_in_a_body(method, body):
    made = prepared({"method": method, "body_template": body})

    assert b"hunter22" in (made.request.body or b"")
    assert "hunter22" not in made.shown
    assert "hunter22" in made.secrets


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_build_request_signs_as_standard_webhooks_own_library_verifies():
    made = prepared({"method": "json", "body_template": '{"id": "{transaction_id}"}', "signing_secret": SECRET})

    body, headers = made.request.body or b"", dict(made.request.headers)

    with time_machine.travel(NOON):
        assert Webhook(SECRET).verify(body, headers) == {"id": "d" * 32}
    assert headers["webhook-id"] == "d" * 32
    assert SECRET not in made.shown
    assert headers["webhook-signature"] not in made.shown


def test_build_request_gives_a_correction_a_message_id_of_its_own():
    columns = {"method": "json", "body_template": '{"id": "{transaction_id}"}', "signing_secret": SECRET}

    headers = prepared(columns, is_correction=True).request.headers

    assert headers["webhook-id"] == "d" * 32 + "-rejected"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "120.10 EUR"),
        ({"value_kind": "none"}, " "),
        ({"value_kind": "fixed", "fixed_value": Decimal(30), "fixed_currency": "JPY"}, "30 JPY"),
        ({"value_kind": "so_far"}, "0.00 EUR"),
    ],
)
def test_build_request_fills_in_the_value_that_the_destination_asks_for(columns, expected):
    destination = make_generic("https://t.example/?v={value}%20{value_currency}", **columns)

    url = generic.build_request(postback_of(make_first_deposit(), destination), at=NOON).request.url

    assert dict(parse_qsl(urlsplit(url).query))["v"] == expected


def test_build_request_names_the_event_as_the_destination_does():
    destination = make_generic("https://t.example/?e={event}&n={event_name}", first_deposit_name="Sale")

    url = generic.build_request(postback_of(make_first_deposit(), destination), at=NOON).request.url

    assert url == "https://t.example/?e=first_deposit&n=Sale"


def test_build_test_request_is_about_nobody():
    template = "https://t.example/in?" + "&".join(f"{name}={{{name}}}" for name in POSTBACK_MACROS)

    values = dict(parse_qsl(urlsplit(generic.build_test_request(make_generic(template), at=NOON).request.url).query))

    assert (values["status"], values["transaction_id"][:5], values["click_id"][:5]) == ("test", "test-", "test-")
    assert values.keys() == {
        "event", "event_name", "status", "transaction_id", "click_id", "external_id", "player_key", "occurred_at",
    }  # fmt: skip


@pytest.mark.parametrize("template", READY_TEMPLATES, ids=lambda template: template.slug)
def test_ready_templates_may_be_saved_as_they_are(template):
    destination = Destination(
        name=template.name,
        kind="generic",
        method=template.method,
        url_template=template.url,
        body_template=template.body,
        tells_corrections=template.tells_corrections,
    )

    destination.full_clean()

    assert template.tells_corrections == ("{status}" in template.url + template.body)
