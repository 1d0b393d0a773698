"""The stand-in for TikTok answers 200 whatever happened, and records what must never come."""

import json

import pytest

from tests.outside.tiktok_rules import TikTokPixels

NOW = 1_795_348_800
DAY = 24 * 3600
TOKEN = "token"


def payment(**fields):
    event = {
        "event": "CompletePayment",
        "event_time": NOW - 60,
        "event_id": "e-1",
        "user": {"ttclid": "E.C.P.x"},
        "properties": {"value": 10, "currency": "EUR"},
    }
    return event | fields


def receive(rules, *events, token=TOKEN, source="web"):
    body = json.dumps({"event_source": source, "event_source_id": "PIXEL", "data": list(events)})
    answer = rules.receive({"access-token": token}, body)
    return answer.status, json.loads(answer.text)["code"]


def rules(now=NOW):
    return TikTokPixels(tokens={"PIXEL": TOKEN}, now=lambda: now)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"event": ""}, 40002),
        ({"event_time": str(NOW)}, 40002),
        ({"event_time": NOW - 7 * DAY - 1}, 40002),
        ({"event_time": NOW + 600}, 40002),
        ({"user": {}}, 40002),
        ({"user": {"external_id": "42"}}, 40002),
        ({"properties": {"value": "10", "currency": "EUR"}}, 40002),
        ({"properties": {"value": 10}}, 40002),
    ],
)
def test_receive_says_in_the_code_what_became_of_it(fields, code):
    assert receive(rules(), payment(**fields)) == (200, code)


def test_receive_takes_what_is_right_of_a_request_that_is_wrong_in_part():
    pixels = rules()

    assert receive(pixels, payment(), payment(event_id="e-2", event_time=0)) == (200, 20001)
    assert [event["event_id"] for event in pixels.accepted] == ["e-1"]


@pytest.mark.parametrize(("token", "source", "code"), [("other", "web", 40001), ("token", "desktop", 40002)])
def test_receive_refuses_a_wrong_token_or_source(token, source, code):
    assert receive(rules(), payment(), token=token, source=source) == (200, code)


def test_receive_drops_a_repeat_for_48_hours():
    moment = [NOW]
    pixels = TikTokPixels(now=lambda: moment[0])
    receive(pixels, payment())
    receive(pixels, payment())
    moment[0] += 2 * DAY
    receive(pixels, payment())

    assert (len(pixels.accepted), len(pixels.repeats)) == (2, 1)


def test_receive_notes_personal_data():
    pixels = rules()

    receive(pixels, payment(user={"ttclid": "x", "ip": "198.51.100.1", "email": "ab" * 32}))

    assert pixels.breaches == ["email", "ip"]
