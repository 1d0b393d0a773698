"""Our own JSON."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from attribution.domain.credit import Claim
from conversions.dialects.own import MalformedEvent, parse_deposit, parse_registration
from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from tests.conversions.api.posting import DEPOSIT, REGISTRATION
from tests.world import NOON
from tracker_project.common.money import Money
from tracker_project.common.strict_json import parse_object


def test_parse_registration_reads_every_field():
    parsed = parse_registration(
        REGISTRATION
        | {
            "click_id": "AB12",
            "promo_code": "LUCKY",
            "partner_tag": "lotus",
            "country": "mt",
            "region": "Gozo",
            "consent": {"ad_user_data": True, "ad_personalization": False},
            "is_test": True,
            "email": "dropped@example.com",
        },
        at=NOON,
    )

    assert parsed == ReportedRegistration(
        event_id="reg-1",
        occurred_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        player_id="p-1",
        claim=Claim(click_id="ab12", promo_code="LUCKY", partner_tag="lotus"),
        country="MT",
        region="Gozo",
        consent_ad_user_data=True,
        consent_ad_personalization=False,
        is_test=True,
    )


def test_parse_registration_takes_null_for_nothing():
    parsed = parse_registration(REGISTRATION | {"click_id": None, "consent": None, "country": ""}, at=NOON)

    assert (parsed.claim, parsed.consent_ad_user_data, parsed.country, parsed.is_test) == (Claim(), None, "", False)


def test_parse_deposit_reads_every_field():
    assert parse_deposit(DEPOSIT | {"product": "casino"}, default_status="", at=NOON) == ReportedDeposit(
        event_id="dep-1",
        transaction_id="t-1",
        status="confirmed",
        occurred_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        player_id="p-1",
        money=Money(amount=Decimal("100.00"), currency="EUR"),
        product="casino",
    )


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"event_id": None}, "missing", "event_id"),
        ({"event_id": 7}, "wrong_type", "event_id"),
        ({"event_id": ""}, "wrong_length", "event_id"),
        ({"event_id": "x" * 201}, "wrong_length", "event_id"),
        ({"event_id": " x"}, "bad_characters", "event_id"),
        ({"player_id": "a\x00b"}, "bad_characters", "player_id"),
        ({"player_id": "\ud800"}, "bad_characters", "player_id"),
        ({"player_id": ["p"]}, "wrong_type", "player_id"),
        ({"transaction_id": {}}, "wrong_type", "transaction_id"),
        ({"status": "paid"}, "unknown_status", "status"),
        ({"status": True}, "wrong_type", "status"),
        ({"amount": 100}, "wrong_type", "amount"),
        ({"amount": "NaN"}, "bad_amount", "amount"),
        ({"amount": "Infinity"}, "bad_amount", "amount"),
        ({"amount": "1e3"}, "bad_amount", "amount"),
        ({"amount": "-5"}, "bad_amount", "amount"),
        ({"amount": "+5"}, "bad_amount", "amount"),
        ({"amount": "0.00"}, "bad_amount", "amount"),
        ({"amount": "10.001"}, "bad_amount", "amount"),
        ({"amount": "1,000.00"}, "bad_amount", "amount"),
        ({"amount": "٣"}, "bad_amount", "amount"),
        ({"amount": "9" * 21}, "bad_amount", "amount"),
        ({"currency": "eur"}, "unknown_currency", "currency"),
        ({"currency": "XXX"}, "unknown_currency", "currency"),
        ({"currency": "EURO-EURO"}, "wrong_length", "currency"),
        ({"currency": "JPY", "amount": "10.5"}, "bad_amount", "amount"),
        ({"occurred_at": 1763719200}, "wrong_type", "occurred_at"),
        ({"occurred_at": "yesterday"}, "bad_time", "occurred_at"),
        ({"occurred_at": "2026-11-20T10:00:00"}, "bad_time", "occurred_at"),
        ({"occurred_at": "2026-11-22T12:05:01Z"}, "in_the_future", "occurred_at"),
        ({"occurred_at": "1999-12-31T23:59:59Z"}, "too_early", "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "bad_time", "occurred_at"),
        ({"is_test": "yes"}, "wrong_type", "is_test"),
        ({"product": 5}, "wrong_type", "product"),
    ],
)
def test_parse_deposit_says_what_is_wrong(change, code, field):
    with pytest.raises(MalformedEvent) as refused:
        parse_deposit(DEPOSIT | change, default_status="", at=NOON)

    assert (refused.value.code, refused.value.field) == (code, field)


def test_parse_deposit_refuses_an_amount_that_is_a_json_number():
    body = parse_object(b'{"event_id": "e", "transaction_id": "t", "status": "confirmed", "currency": "EUR", '
                        b'"player_id": "p", "occurred_at": "2026-11-20T10:00:00Z", "amount": 0.1}')  # fmt: skip

    with pytest.raises(MalformedEvent) as refused:
        parse_deposit(body, default_status="", at=NOON)

    assert (refused.value.code, refused.value.field) == ("wrong_type", "amount")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"consent": True}, "wrong_type", "consent"),
        ({"consent": {"ad_user_data": "yes"}}, "wrong_type", "consent.ad_user_data"),
        ({"country": "MLT"}, "bad_country", "country"),
        ({"country": "12"}, "bad_country", "country"),
        ({"click_id": 12}, "wrong_type", "click_id"),
        ({"region": "x" * 101}, "wrong_length", "region"),
    ],
)
def test_parse_registration_says_what_is_wrong(change, code, field):
    with pytest.raises(MalformedEvent) as refused:
        parse_registration(REGISTRATION | change, at=NOON)

    assert (refused.value.code, refused.value.field) == (code, field)
