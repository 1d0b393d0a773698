"""TikTok's requests and answers, beside its rules."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from conversions.domain.outbox import player_key
from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import tiktok
from conversions.postbacks.adapter import NothingToTell, Unsendable
from tests.conversions.postbacks.rows import (
    TTCLID,
    clicked_with,
    make_first_deposit,
    make_player,
    make_registration,
    make_tiktok,
)
from tests.outside.tiktok_rules import TikTokPixels
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db

DEDUP_ID = "0123456789abcdef0123456789abcdef"
TOKEN = "tiktok-token-of-the-pixel"


def postback_of(conversion: Conversion, destination: Destination | None = None, **columns: Any) -> Postback:
    defaults = {"event": "first_deposit", "dedup_id": DEDUP_ID, "fact": "first_deposit:1"}
    return Postback(conversion=conversion, destination=destination or make_tiktok(), **defaults | columns)


def from_tiktok(**columns: Any) -> Conversion:
    columns.setdefault("player", make_player(click_facts=clicked_with(ttclid=TTCLID)))
    return make_first_deposit(**columns)


def sent(postback: Postback) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(tiktok.build_request(postback, at=NOON).request.body or b"", parse_float=Decimal)
    return body


def test_build_request_says_this_much_and_no_more():
    destination, conversion = make_tiktok(), from_tiktok()

    assert sent(postback_of(conversion, destination)) == {
        "event_source": "web",
        "event_source_id": "C4A1B2C3D4",
        "data": [
            {
                "event": "CompletePayment",
                "event_time": 1795345200,
                "event_id": DEDUP_ID,
                "user": {"ttclid": TTCLID, "external_id": player_key(destination, conversion.player)},
                "properties": {"currency": "EUR", "value": Decimal("120.10")},
            }
        ],
    }


def test_build_request_keeps_the_token_in_a_header_and_out_of_the_log():
    prepared = tiktok.build_request(postback_of(from_tiktok()), at=NOON)

    assert prepared.request.url == "https://business-api.tiktok.com/open_api/v1.3/event/track/"
    assert prepared.request.headers["Access-Token"] == TOKEN
    assert TOKEN not in prepared.shown
    assert prepared.secrets == (TOKEN,)


def test_build_request_of_a_registration_has_no_value():
    player = make_player(click_facts=clicked_with(ttclid=TTCLID))

    [event] = sent(postback_of(make_registration(player), event="registration"))["data"]

    assert event["event"] == "CompleteRegistration"
    assert "properties" not in event


def test_build_request_has_nothing_to_tell_of_who_did_not_come_from_tiktok():
    with pytest.raises(NothingToTell):
        sent(postback_of(make_first_deposit()))


@pytest.mark.parametrize(
    ("age", "is_sent"), [(timedelta(days=6, hours=23), True), (timedelta(days=7), False), (timedelta(days=30), False)]
)
def test_build_request_sends_nothing_older_than_seven_days(age, is_sent):
    postback = postback_of(from_tiktok(occurred_at=NOON - age))

    if is_sent:
        assert sent(postback)["data"]
    else:
        with pytest.raises(Unsendable, match="seven days"):
            sent(postback)


def test_build_request_has_no_way_to_take_an_event_back():
    with pytest.raises(Unsendable):
        sent(postback_of(from_tiktok(), is_correction=True))


def test_build_request_marks_events_until_the_test_mode_ends():
    destination = make_tiktok(test_event_code="TEST123", test_ends_at=NOON + timedelta(hours=1))
    postback = postback_of(from_tiktok(), destination)

    assert sent(postback)["test_event_code"] == "TEST123"
    destination.test_ends_at = NOON
    assert "test_event_code" not in sent(postback)


def test_build_test_request_is_no_deposit_and_never_goes_without_a_code():
    with pytest.raises(Unsendable, match="test mode"):
        tiktok.build_test_request(make_tiktok(), at=NOON)
    destination = make_tiktok(test_event_code="TEST123", test_ends_at=NOON + timedelta(hours=1))

    body = json.loads(tiktok.build_test_request(destination, at=NOON).request.body or b"")

    assert (body["test_event_code"], body["data"][0]["event"]) == ("TEST123", "TrackerTest")
    assert "properties" not in body["data"][0]


def test_what_is_sent_passes_tiktoks_rules():
    rules = TikTokPixels(tokens={"C4A1B2C3D4": TOKEN}, now=NOON.timestamp)
    prepared = tiktok.build_request(postback_of(from_tiktok()), at=NOON)
    headers = {name.lower(): value for name, value in prepared.request.headers.items()}

    answer = rules.receive(headers, (prepared.request.body or b"").decode())

    assert (json.loads(answer.text)["code"], rules.refusals, rules.breaches, len(rules.accepted)) == (0, [], [], 1)


def said(code: Any, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps({"code": code, "message": "It is so."}).encode())


@pytest.mark.parametrize(
    ("answer", "events", "outcome", "pauses"),
    [
        (said(0), 1, "ok", False),
        (said(0), 1000, "ok", False),
        (said(20001), 5, "split", False),
        (said(20001), 1, "event_refused", False),
        (said(40001), 1, "destination_refused", True),
        (said(40105), 1, "destination_refused", True),
        (said(40002), 1, "event_refused", False),
        (said(40100), 1, "retry", False),
        (said(50000), 1, "retry", False),
        (said(51010), 1, "retry", False),
        (said(12345), 1, "unknown", False),
        (said("0"), 1, "unknown", False),
        (Answer(status=200, headers={}, body=b"OK"), 1, "unknown", False),
        (Answer(status=200, headers={}, body=b"{}"), 1, "unknown", False),
        (Answer(status=502, headers={}, body=b"Bad Gateway"), 1, "retry", False),
        (Answer(status=429, headers={}, body=b""), 1, "retry", False),
        (said(0, status=500), 1, "retry", False),
    ],
)
def test_classify_answer_goes_by_the_code_inside(answer, events, outcome, pauses):
    verdict = tiktok.classify_answer(answer, events=events)

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)
