"""AppsFlyer's requests and answers, beside its rules."""

import json
from typing import Any

import pytest

from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import appsflyer
from conversions.postbacks.adapter import NothingToTell, Unsendable
from tests.conversions.postbacks.rows import (
    APPSFLYER_ID,
    make_appsflyer,
    make_first_deposit,
    make_player,
    make_registration,
)
from tests.outside.appsflyer_rules import AppsFlyerApps
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db

DEDUP_ID = "0123456789abcdef0123456789abcdef"
IOS_ID = "1795262400123-1234567"


def postback_of(conversion: Conversion, destination: Destination | None = None, **columns: Any) -> Postback:
    defaults = {"event": "first_deposit", "dedup_id": DEDUP_ID, "fact": "first_deposit:1"}
    return Postback(conversion=conversion, destination=destination or make_appsflyer(), **defaults | columns)


def from_app(**facts: Any) -> Conversion:
    return make_first_deposit(make_player(click_facts={"appsflyer_id": APPSFLYER_ID} | facts))


def sent(postback: Postback) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(appsflyer.build_request(postback, at=NOON).request.body or b"")
    return body


def test_build_request_says_this_much_and_no_more():
    event = sent(postback_of(from_app()))

    assert json.loads(event.pop("eventValue")) == {
        "af_order_id": DEDUP_ID,
        "af_revenue": "120.10",
        "af_currency": "EUR",
    }
    assert event == {
        "appsflyer_id": APPSFLYER_ID,
        "eventName": "af_purchase",
        "eventTime": "2026-11-22 11:00:00.000",
        "eventCurrency": "EUR",
    }


def test_build_request_keeps_the_key_in_a_header_and_out_of_the_log():
    prepared = appsflyer.build_request(postback_of(from_app()), at=NOON)

    assert prepared.request.url == "https://api3.appsflyer.com/inappevent/com.example.casino"
    assert prepared.request.headers["authentication"] == "appsflyer-key-of-the-app"
    assert "appsflyer-key" not in prepared.shown


def test_build_request_of_a_registration_has_no_value():
    conversion = make_registration(make_player(click_facts={"appsflyer_id": APPSFLYER_ID}))

    event = sent(postback_of(conversion, event="registration"))

    assert event["eventName"] == "af_complete_registration"
    assert json.loads(event["eventValue"]) == {"af_order_id": DEDUP_ID}
    assert "eventCurrency" not in event


def test_build_request_finds_the_id_in_the_sub_id_that_the_destination_names():
    destination = make_appsflyer(app_user_sub_id=7)
    player = make_player(click_facts={"sub_ids": {"7": APPSFLYER_ID}})

    assert sent(postback_of(make_first_deposit(player), destination))["appsflyer_id"] == APPSFLYER_ID


def test_build_request_has_nothing_to_tell_without_appsflyers_id():
    with pytest.raises(NothingToTell):
        sent(postback_of(make_first_deposit()))


@pytest.mark.parametrize("found", ["42", IOS_ID, APPSFLYER_ID + "0", "1795262400123 1234567890123456789"])
def test_build_request_refuses_what_is_no_id_of_an_android_install(found):
    with pytest.raises(Unsendable, match="no id of AppsFlyer"):
        sent(postback_of(from_app(appsflyer_id=found)))


@pytest.mark.parametrize(
    ("att_status", "is_sent"), [("authorized", True), ("denied", False), ("restricted", False), ("", False)]
)
def test_build_request_tells_of_an_iphone_only_where_tracking_was_allowed(att_status, is_sent):
    destination = make_appsflyer(app_id="id123456789")
    conversion = from_app(appsflyer_id=IOS_ID)
    conversion.player.att_status = att_status
    postback = postback_of(conversion, destination)

    if is_sent:
        assert sent(postback)["appsflyer_id"] == IOS_ID
    else:
        with pytest.raises(NothingToTell):
            sent(postback)


def test_build_request_has_no_way_to_take_an_event_back():
    with pytest.raises(Unsendable):
        sent(postback_of(from_app(), is_correction=True))


def test_build_test_request_says_why_there_is_none():
    with pytest.raises(Unsendable, match="no test events"):
        appsflyer.build_test_request(make_appsflyer(), at=NOON)


def test_what_is_sent_is_recorded_by_appsflyers_rules():
    rules = AppsFlyerApps(keys={"com.example.casino": "appsflyer-key-of-the-app"})
    prepared = appsflyer.build_request(postback_of(from_app()), at=NOON)

    answer = rules.receive("com.example.casino", prepared.request.headers, (prepared.request.body or b"").decode())

    assert (answer.status, len(rules.recorded), rules.dropped, rules.breaches) == (200, 1, [], [])


@pytest.mark.parametrize(
    ("status", "outcome", "pauses"),
    [
        (200, "ok", False),
        (202, "ok", False),
        (302, "unknown", False),
        (400, "event_refused", False),
        (401, "destination_refused", True),
        (403, "destination_refused", True),
        (404, "destination_refused", True),
        (408, "retry", False),
        (418, "unknown", False),
        (429, "retry", False),
        (500, "retry", False),
    ],
)
def test_classify_answer_goes_by_the_status(status, outcome, pauses):
    verdict = appsflyer.classify_answer(Answer(status=status, headers={}, body=b"no"))

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)
