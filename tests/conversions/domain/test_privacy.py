"""What is personal leaves a token or nothing at all; the names of what was dropped are counted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from conversions.domain.privacy import UNPRINTABLE_NAME, scrub
from conversions.domain.private_tokens import TokenKind, private_token
from conversions.domain.requests import count_dropped_fields, forget_old_requests
from conversions.models import DroppedField, InboxEvent, IntakeRequest, PrivateToken
from tests.conversions.api.posting import DEPOSIT, REGISTRATION, post
from tests.conversions.builders import make_endpoint
from tests.world import make_platform

KNOWN = frozenset({"player_id", "consent", "consent.ad_user_data", "goal"})
EMAIL, PHONE, CARD, ADDRESS = "canary.person@example.com", "+356 9912 3456", "4111 1111 1111 1111", "198.51.100.77"


def test_scrub_passes_what_the_dialect_reads_and_names_the_rest():
    scrubbed = scrub(
        {
            "player_id": "p-1",
            "consent": {"ad_user_data": True, "note": "x"},
            "nick": "Lucky",
            "profile": {"city": "Msida"},
        },
        known=KNOWN,
    )

    assert scrubbed.fields == {"player_id": "p-1", "consent": {"ad_user_data": True}}
    assert scrubbed.content == scrubbed.fields
    assert scrubbed.dropped == ["consent.note", "nick", "profile.city"]
    assert scrubbed.tokens == []


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("email", EMAIL, "email"),
        ("E-Mail", EMAIL, "email"),
        ("user.email", EMAIL, "email"),
        ("contact", EMAIL, "email"),
        ("phone_number", PHONE, "phone"),
        ("msisdn", 35699123456, "phone"),
        ("cardNumber", CARD, "instrument"),
        ("iban", "MT84MALT011000012345MTLCAST001S", "instrument"),
        ("gps_adid", "38400000-8cf0-11bd-b23e-10b96e40000d", "device"),
        ("ip", ADDRESS, "address"),
    ],
)
def test_scrub_leaves_a_token_of_what_fraud_compares(name, value, kind):
    scrubbed = scrub({name: value}, known=KNOWN)

    assert scrubbed.tokens == [(kind, private_token(kind, str(value)))]
    assert scrubbed.dropped == [f"{name}:{kind}"]
    assert str(value) not in json.dumps([scrubbed.content, scrubbed.fields, scrubbed.dropped, scrubbed.tokens])


def test_scrub_replaces_an_address_that_stands_where_the_dialect_reads():
    first = scrub({"player_id": EMAIL}, known=KNOWN)
    again = scrub({"player_id": "Canary.Person@example.com"}, known=KNOWN)

    assert first.fields == again.fields == {"player_id": f"private-{private_token('email', EMAIL)[:32]}"}
    assert first.dropped == ["player_id:email"]


@pytest.mark.parametrize("name", [EMAIL, "card_4111111111111111", "Ώνομα", "a b", "x" * 70, "\0"])
def test_scrub_never_shows_a_name_that_may_be_somebodys(name):
    assert scrub({name: "1"}, known=KNOWN).dropped == [UNPRINTABLE_NAME]


def test_scrub_keeps_nothing_that_postgres_would_refuse():
    scrubbed = scrub({"goal": "a\0\ud800", "player_id": {"x": 1}, "consent": [1]}, known=KNOWN)

    assert scrubbed.content == {
        "goal": "a\N{REPLACEMENT CHARACTER}?",
        "player_id": "(an object)",
        "consent": "(a list)",
    }
    assert scrubbed.fields["goal"] == "a\0\ud800"


def test_scrub_takes_a_long_text_in_no_time():
    scrubbed = scrub({"goal": "a" * 250_000 + "@", "note": "a" * 250_000 + "@"}, known=KNOWN)

    assert scrubbed.content == {"goal": "(a long text)"}
    assert scrubbed.dropped == ["note"]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (TokenKind.EMAIL, "A@Example.com", " a@example.com "),
        (TokenKind.PHONE, "+356 9912-3456", "0035699123456"),
        (TokenKind.INSTRUMENT, "4111 1111 1111 1111", "4111111111111111"),
        (TokenKind.ADDRESS, "::ffff:198.51.100.7", "198.51.100.7"),
        (TokenKind.ADDRESS, "2001:db8::1", "2001:db8:0:0:ffff::9"),
    ],
)
def test_private_token_is_the_same_for_spellings_that_mean_the_same(kind, one, other):
    assert private_token(kind, one) == private_token(kind, other)


def test_private_tokens_of_two_kinds_or_keys_never_meet(settings):
    of_email = private_token(TokenKind.EMAIL, "7")

    assert of_email != private_token(TokenKind.DEVICE, "7")
    assert len(of_email) == 64


PERSONAL = {
    "email": EMAIL,
    "phone": PHONE,
    "card_number": CARD,
    "ip": ADDRESS,
    "first_name": "Canaryname",
    "street": "Canarystreet 5",
}


def everything_stored() -> str:
    """Return every text in every table, as Postgres prints it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(row::text, chr(10)), '') FROM \"{table}\" AS row")
            texts.append(cursor.fetchone()[0])
    return "\n".join(texts)


@pytest.mark.django_db
def test_nothing_personal_is_stored_anywhere():
    platform = make_platform()
    endpoint = make_endpoint("keitaro", platform=platform)

    post(platform, "registration", REGISTRATION | PERSONAL)
    post(platform, "deposit", DEPOSIT | PERSONAL | {"amount": "wrong"})
    post(platform, "events", json.dumps([DEPOSIT | {"type": "deposit", "player": PERSONAL}]).encode())
    Client().get(f"/postback/{endpoint.slug}/key-of-the-tests", {"subid": "?", "tid": EMAIL} | PERSONAL)

    stored = everything_stored()
    assert IntakeRequest.objects.count() == 4
    assert [
        word
        for word in (EMAIL, "canary.person", "9912 3456", "99123456", "4111 1111", "41111111", ADDRESS, "Canary")
        if word in stored
    ] == []


@pytest.mark.django_db
def test_tokens_are_kept_apart_once_a_player():
    platform = make_platform()

    post(platform, "registration", REGISTRATION | PERSONAL)
    post(platform, "deposit", DEPOSIT | PERSONAL)

    tokens = PrivateToken.objects.order_by("kind").values_list("player_id", "kind", "token")
    assert list(tokens) == [
        ("p-1", "address", private_token("address", ADDRESS)),
        ("p-1", "email", private_token("email", EMAIL)),
        ("p-1", "instrument", private_token("instrument", CARD)),
        ("p-1", "phone", private_token("phone", PHONE)),
    ]
    assert PrivateToken.objects.filter(event=InboxEvent.objects.get(kind="registration")).count() == 4


@pytest.mark.django_db
def test_dropped_fields_are_counted_once_a_request():
    platform = make_platform()
    post(platform, "registration", REGISTRATION | PERSONAL)
    post(platform, "deposit", DEPOSIT | {"email": EMAIL, "vip": True})

    counted = [count_dropped_fields(limit=10), count_dropped_fields(limit=10)]

    rows = DroppedField.objects.order_by("name").values_list("name", "kept_as", "times")
    assert counted == [2, 0]
    assert list(rows) == [
        ("card_number", "instrument", 1),
        ("email", "email", 2),
        ("first_name", "", 1),
        ("ip", "address", 1),
        ("phone", "phone", 1),
        ("street", "", 1),
        ("vip", "", 1),
    ]


@pytest.mark.django_db
def test_forget_old_requests_keeps_what_they_made(settings: Any):
    settings.RAW_REQUEST_DAYS = 30
    post(make_platform(), "registration", REGISTRATION)
    received_at = IntakeRequest.objects.get().received_at

    early = forget_old_requests(at=received_at + timedelta(days=30))
    late = forget_old_requests(at=received_at + timedelta(days=30, seconds=1))

    assert (early, late, IntakeRequest.objects.count(), InboxEvent.objects.count()) == (0, 1, 0, 1)


@pytest.mark.django_db
def test_request_is_kept_with_our_answer():
    platform = make_platform()

    response = post(platform, "deposit", DEPOSIT | {"amount": "-5"})

    request = IntakeRequest.objects.get()
    assert (request.status, request.answer, request.address) == (
        400,
        response.json(),
        f"/webhooks/{platform.slug}/deposit",
    )
    assert request.content == [DEPOSIT | {"amount": "-5"}]
