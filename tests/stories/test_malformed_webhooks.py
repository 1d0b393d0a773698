"""Messages that must not be recorded: each is refused with its own status, code and field, and leaves nothing."""

import json
from typing import Any

import pytest
from django.test import Client

from conversions.models import Conversion, InboxEvent, Platform, Player
from tests.stories.webhooks import Answer, Webhooks, deposit, registration
from tests.world import make_platform

pytestmark = pytest.mark.django_db

LONE_SURROGATE = "\ud800"

DEPOSITS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no event id", {"event_id": None}, "missing", "event_id"),
    ("no transaction id", {"transaction_id": None}, "missing", "transaction_id"),
    ("no status", {"status": None}, "missing", "status"),
    ("no time", {"occurred_at": None}, "missing", "occurred_at"),
    ("no player", {"player_id": None}, "missing", "player_id"),
    ("no amount", {"amount": None}, "missing", "amount"),
    ("no currency", {"currency": None}, "missing", "currency"),
    ("event id is a number", {"event_id": 5}, "wrong_type", "event_id"),
    ("event id is a fraction", {"event_id": 5.5}, "wrong_type", "event_id"),
    ("event id is empty", {"event_id": ""}, "wrong_length", "event_id"),
    ("event id of 201 characters", {"event_id": "e" * 201}, "wrong_length", "event_id"),
    ("event id with NUL", {"event_id": "e\0"}, "bad_characters", "event_id"),
    ("event id is blank", {"event_id": " "}, "bad_characters", "event_id"),
    ("player is a list", {"player_id": ["p-1"]}, "wrong_type", "player_id"),
    ("player is an object", {"player_id": {"id": "p-1"}}, "wrong_type", "player_id"),
    ("player is true", {"player_id": True}, "wrong_type", "player_id"),
    ("player with NUL", {"player_id": "p\0-1"}, "bad_characters", "player_id"),
    ("player is half a surrogate pair", {"player_id": LONE_SURROGATE}, "bad_characters", "player_id"),
    ("player with a direction mark", {"player_id": "p\u202e1"}, "bad_characters", "player_id"),
    ("transaction with blanks around", {"transaction_id": " t-1 "}, "bad_characters", "transaction_id"),
    ("transaction is empty", {"transaction_id": ""}, "wrong_length", "transaction_id"),
    ("status is unknown", {"status": "paid"}, "unknown_status", "status"),
    ("status in capitals", {"status": "CONFIRMED"}, "unknown_status", "status"),
    ("status is empty", {"status": ""}, "wrong_length", "status"),
    ("status is a number", {"status": 1}, "wrong_type", "status"),
    ("time is a word", {"occurred_at": "yesterday"}, "bad_time", "occurred_at"),
    ("time without offset", {"occurred_at": "2026-11-22T10:30:00"}, "bad_time", "occurred_at"),
    ("time is a date", {"occurred_at": "2026-11-22"}, "bad_time", "occurred_at"),
    ("time has month 13", {"occurred_at": "2026-13-22T10:30:00Z"}, "bad_time", "occurred_at"),
    ("time before year 1", {"occurred_at": "0001-01-01T00:00:00+14:00"}, "bad_time", "occurred_at"),
    ("time in 1970", {"occurred_at": "1970-01-01T00:00:00Z"}, "too_early", "occurred_at"),
    ("time is tomorrow", {"occurred_at": "2026-11-23T12:00:00Z"}, "in_the_future", "occurred_at"),
    ("time in 9999", {"occurred_at": "9999-12-31T23:59:59Z"}, "in_the_future", "occurred_at"),
    ("time is a number", {"occurred_at": 1795516200}, "wrong_type", "occurred_at"),
    ("amount is a JSON number", {"amount": 50}, "wrong_type", "amount"),
    ("amount is a JSON fraction", {"amount": 50.25}, "wrong_type", "amount"),
    ("amount is true", {"amount": True}, "wrong_type", "amount"),
    ("amount is NaN", {"amount": "NaN"}, "bad_amount", "amount"),
    ("amount is Infinity", {"amount": "Infinity"}, "bad_amount", "amount"),
    ("amount is negative", {"amount": "-50.00"}, "bad_amount", "amount"),
    ("amount has a plus", {"amount": "+50.00"}, "bad_amount", "amount"),
    ("amount is 0", {"amount": "0"}, "bad_amount", "amount"),
    ("amount is 0.00", {"amount": "0.00"}, "bad_amount", "amount"),
    ("amount with an exponent", {"amount": "5e1"}, "bad_amount", "amount"),
    ("amount with a comma", {"amount": "50,00"}, "bad_amount", "amount"),
    ("amount with thousands", {"amount": "1,000.00"}, "bad_amount", "amount"),
    ("amount in Arabic digits", {"amount": "٥٠"}, "bad_amount", "amount"),
    ("amount with a trailing point", {"amount": "50."}, "bad_amount", "amount"),
    ("amount of 40 digits", {"amount": "9" * 40}, "bad_amount", "amount"),
    ("3 digits of a cent", {"amount": "50.001"}, "bad_amount", "amount"),
    ("a fraction of a yen", {"amount": "50.5", "currency": "JPY"}, "bad_amount", "amount"),
    ("currency in small letters", {"currency": "eur"}, "unknown_currency", "currency"),
    ("currency that nobody has", {"currency": "ABC"}, "unknown_currency", "currency"),
    ("currency of 6 letters", {"currency": "EUROES"}, "wrong_length", "currency"),
    ("currency is a number", {"currency": 978}, "wrong_type", "currency"),
    ("product is a number", {"product": 5}, "wrong_type", "product"),
    ("product of 51 characters", {"product": "x" * 51}, "wrong_length", "product"),
    ("is_test is a word", {"is_test": "false"}, "wrong_type", "is_test"),
    ("is_test is a number", {"is_test": 0}, "wrong_type", "is_test"),
]

REGISTRATIONS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no player", {"player_id": None}, "missing", "player_id"),
    ("click id is a number", {"click_id": 5}, "wrong_type", "click_id"),
    ("click id of 10,000 characters", {"click_id": "a" * 10_000}, "wrong_length", "click_id"),
    ("click id with NUL", {"click_id": "\0" * 48}, "bad_characters", "click_id"),
    ("promo code is a list", {"promo_code": []}, "wrong_type", "promo_code"),
    ("partner tag is an object", {"partner_tag": {}}, "wrong_type", "partner_tag"),
    ("country by name", {"country": "Malta"}, "bad_country", "country"),
    ("country in Greek letters", {"country": "ΜΤ"}, "bad_country", "country"),
    ("region of 101 characters", {"region": "x" * 101}, "wrong_length", "region"),
    ("consent is a word", {"consent": "yes"}, "wrong_type", "consent"),
    ("consent is a list", {"consent": [True]}, "wrong_type", "consent"),
    ("consent holds words", {"consent": {"ad_user_data": "true"}}, "wrong_type", "consent.ad_user_data"),
    ("consent holds numbers", {"consent": {"ad_personalization": 1}}, "wrong_type", "consent.ad_personalization"),
]

BODIES: list[tuple[str, bytes]] = [
    ("blanks", b"  "),
    ("null", b"null"),
    ("a list", b"[]"),
    ("a string", b'"deposit"'),
    ("half an object", b'{"event_id": "e-1"'),
    ("two objects", b"{}{}"),
    ("bad UTF-8", b'{"event_id": "\xff\xfe"}'),
    ("UTF-16", '{"event_id": "e-1"}'.encode("utf-16")),
    ("a byte order mark", b'\xef\xbb\xbf{"event_id": "e-1"}'),
    ("a NUL byte", b'{"event_id": "e\x00"}'),
    ("bare NaN", b'{"amount": NaN}'),
    ("bare Infinity", b'{"amount": -Infinity}'),
    ("a key twice", b'{"amount": "5.00", "amount": "500.00"}'),
    ("an inner key twice", b'{"consent": {"ad_user_data": false, "ad_user_data": true}}'),
    ("33 levels", b'{"x": ' + b"[" * 32 + b"]" * 32 + b"}"),
    ("100,000 open brackets", b"[" * 100_000),
    ("an integer of 5,000 digits", b'{"x": ' + b"9" * 5_000 + b"}"),
]


def assert_nothing_is_kept() -> None:
    assert InboxEvent.objects.count() == 0
    assert Player.objects.count() == 0
    assert Conversion.objects.count() == 0


def assert_is_error(answer: Answer, status: int, code: str, field: str | None = None) -> None:
    assert (answer.status, answer.error["code"], answer.error["field"]) == (status, code, field)
    assert answer.error.keys() == {"code", "message", "field"}
    assert answer.error["message"]


@pytest.mark.parametrize(("changes", "code", "field"), [case[1:] for case in DEPOSITS], ids=[c[0] for c in DEPOSITS])
def test_deposit_is_refused_by_its_field(casino: Webhooks, changes: dict[str, Any], code: str, field: str) -> None:
    answer = (
        casino.deposit("t-1", **changes)
        if "transaction_id" not in changes
        else casino.post(
            "deposit", {name: value for name, value in (deposit("t-1") | changes).items() if value is not None}
        )
    )

    assert_is_error(answer, 400, code, field)
    assert_nothing_is_kept()


@pytest.mark.parametrize(
    ("changes", "code", "field"), [case[1:] for case in REGISTRATIONS], ids=[c[0] for c in REGISTRATIONS]
)
def test_registration_is_refused_by_its_field(casino: Webhooks, changes: dict[str, Any], code: str, field: str) -> None:
    body = {name: value for name, value in (registration() | changes).items() if value is not None}

    answer = casino.post("registration", body)

    assert_is_error(answer, 400, code, field)
    assert_nothing_is_kept()


@pytest.mark.parametrize("body", [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_body_that_is_no_json_object_is_refused(casino: Webhooks, body: bytes) -> None:
    answer = casino.post_raw("deposit", body)

    assert_is_error(answer, 400, "malformed_json")
    assert_nothing_is_kept()


def test_body_of_10_megabytes_is_refused(casino: Webhooks) -> None:
    body = json.dumps(deposit("t-1") | {"note": "x" * 10_000_000}).encode()

    answer = casino.post_raw("deposit", body)

    assert_is_error(answer, 413, "too_large")
    assert_nothing_is_kept()


def test_body_of_256_kilobytes_is_accepted(casino: Webhooks) -> None:
    body = json.dumps(deposit("t-1") | {"note": ""}).encode()
    body = json.dumps(deposit("t-1") | {"note": "x" * (256 * 1024 - len(body) - 20)}).encode()

    answer = casino.post_raw("deposit", body)

    assert answer.status == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_body_of_another_type_is_refused(casino: Webhooks, content_type: str) -> None:
    answer = casino.post_raw("deposit", json.dumps(deposit("t-1")).encode(), content_type=content_type)

    assert_is_error(answer, 415, "unsupported_media_type")
    assert_nothing_is_kept()


def test_body_with_a_charset_is_accepted(casino: Webhooks) -> None:
    body = json.dumps(deposit("t-1")).encode()

    answer = casino.post_raw("deposit", body, content_type="Application/JSON; charset=utf-8")

    assert answer.status == 201


def test_signature_of_another_secret_is_refused(casino: Webhooks) -> None:
    other = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="

    answer = casino.post_raw("deposit", json.dumps(deposit("t-1")).encode(), secret=other)

    assert_is_error(answer, 401, "bad_signature")
    assert_nothing_is_kept()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"webhook-signature": ""}, "missing_signature"),
        ({"webhook-signature": "v1,"}, "bad_signature"),
        ({"webhook-signature": "v1,AAAA"}, "bad_signature"),
        ({"webhook-signature": "v1a,AAAA v2,BBBB"}, "bad_signature"),
        ({"webhook-signature": "v1,ä"}, "bad_signature"),
        ({"webhook-id": "msg-of-another-message"}, "bad_signature"),
        ({"webhook-id": ""}, "missing_signature"),
        ({"webhook-timestamp": ""}, "missing_signature"),
        ({"webhook-timestamp": "1e9"}, "bad_timestamp"),
        ({"webhook-timestamp": "-5"}, "bad_timestamp"),
        ({"webhook-timestamp": "9" * 400}, "bad_timestamp"),
        ({"webhook-timestamp": "1000000000"}, "timestamp_outside_tolerance"),
    ],
)
def test_changed_header_is_refused(casino: Webhooks, headers: dict[str, str], code: str) -> None:
    answer = casino.post_raw("deposit", json.dumps(deposit("t-1")).encode(), changed_headers=headers)

    assert_is_error(answer, 401, code)
    assert_nothing_is_kept()


def test_bad_signature_is_told_before_bad_json(casino: Webhooks) -> None:
    answer = casino.post_raw("deposit", b"no json", changed_headers={"webhook-signature": "v1,AAAA"})

    assert_is_error(answer, 401, "bad_signature")


def test_message_id_that_cannot_be_stored_is_refused(casino: Webhooks) -> None:
    answer = casino.post_raw("deposit", json.dumps(deposit("t-1")).encode(), webhook_id="m" * 201)

    assert_is_error(answer, 400, "bad_webhook_id")
    assert_nothing_is_kept()


def test_unknown_platform_is_answered_404(casino: Webhooks) -> None:
    answer = casino.post_raw("deposit", json.dumps(deposit("t-1")).encode(), path="/webhooks/nobody/deposit")

    assert_is_error(answer, 404, "unknown_platform")


def test_inactive_platform_is_answered_404(platform: Platform, casino: Webhooks) -> None:
    platform.is_active = False
    platform.save()

    answer = casino.deposit("t-1")

    assert_is_error(answer, 404, "unknown_platform")


def test_unknown_event_is_answered_404(casino: Webhooks) -> None:
    answer = casino.post_raw("withdrawal", b"{}")

    assert_is_error(answer, 404, "unknown_event")


def test_get_is_answered_405(platform: Platform) -> None:
    answer = Client().get(f"/webhooks/{platform.slug}/deposit")

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_address_outside_the_allowed_ones_is_refused(platform: Platform, casino: Webhooks) -> None:
    platform.allowed_addresses = ["203.0.113.0/24"]
    platform.save()

    answer = casino.deposit("t-1")

    assert_is_error(answer, 403, "address_not_allowed")
    assert_nothing_is_kept()


def test_status_may_be_missing_where_the_platform_has_a_default() -> None:
    casino = Webhooks(make_platform(slug="gaming", default_status="confirmed"))

    answer = casino.deposit("t-1", status=None)

    assert (answer.status, Conversion.objects.get().status) == (201, "confirmed")


def test_greatest_amounts_are_recorded(casino: Webhooks) -> None:
    first = casino.deposit("t-1", amount="999999999999999.999", currency="KWD")
    second = casino.deposit("t-2", amount="999999999999999.999", currency="KWD")

    assert (first.status, second.status) == (201, 201)


@pytest.mark.parametrize("amount", ["9999999999999999", "99999999999999999999.00"])
def test_amount_that_no_sum_could_hold_is_refused(casino: Webhooks, amount: str) -> None:
    answer = casino.deposit("t-1", amount=amount)

    assert_is_error(answer, 400, "bad_amount", "amount")
