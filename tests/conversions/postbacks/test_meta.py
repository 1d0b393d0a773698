"""Meta's requests and answers, beside Meta's own client and its rules."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest
from capi_param_builder import ParamBuilder
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData

from conversions.domain.outbox import player_key
from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import meta
from conversions.postbacks.adapter import Unsendable
from tests.conversions.postbacks.rows import (
    CLICKED_AT,
    FBCLID,
    make_first_deposit,
    make_meta,
    make_player,
    make_registration,
)
from tests.outside.meta_rules import MetaDatasets
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db

DEDUP_ID = "0123456789abcdef0123456789abcdef"


def postback_of(conversion: Conversion, destination: Destination, event: str = "first_deposit", **columns) -> Postback:
    return Postback(conversion=conversion, destination=destination, event=event, dedup_id=DEDUP_ID, **columns)


def sent(postback: Postback) -> dict[str, Any]:
    prepared = meta.build_request(postback, at=NOON)
    fields = parse_qs((prepared.request.body or b"").decode(), strict_parsing=True)
    assert fields.keys() == {"access_token", "data"}
    event: dict[str, Any]
    [event] = json.loads(fields["data"][0], parse_float=Decimal)
    return event


def test_build_request_says_this_much_and_no_more():
    destination, conversion = make_meta(), make_first_deposit()

    event = sent(postback_of(conversion, destination))

    assert event == {
        "event_name": "Purchase",
        "event_time": 1795345200,
        "event_id": DEDUP_ID,
        "action_source": "system_generated",
        "user_data": {
            "fbc": f"fb.1.1795262400000.{FBCLID}",
            "external_id": [player_key(destination, conversion.player)],
        },
        "custom_data": {"currency": "eur", "value": Decimal("120.10")},
    }


def test_build_request_names_the_dataset_and_keeps_the_token_out_of_the_address_and_the_log(settings):
    settings.META_BASE_URL = "https://graph.example"
    prepared = meta.build_request(postback_of(make_first_deposit(), make_meta()), at=NOON)

    assert prepared.request.method == "POST"
    assert prepared.request.url == "https://graph.example/v26.0/1234567890/events"
    assert "EAAB" not in prepared.shown + prepared.request.url
    assert prepared.secrets == ("EAAB-token-of-the-dataset",)


def test_build_request_equals_what_metas_own_client_sends():
    destination, conversion = make_meta(), make_first_deposit()
    key = player_key(destination, conversion.player)
    official = EventRequest(
        pixel_id="1234567890",
        events=[
            Event(
                event_name="Purchase",
                event_time=int(conversion.occurred_at.timestamp()),
                event_id=DEDUP_ID,
                action_source=ActionSource.SYSTEM_GENERATED,
                user_data=UserData(fbc=f"fb.1.1795262400000.{FBCLID}", external_id=key),
                custom_data=CustomData(value=120.10, currency="EUR"),
            )
        ],
    ).get_params()

    ours = json.loads(json.dumps(sent(postback_of(conversion, destination)), default=float))

    [theirs] = [json.loads(event) if isinstance(event, str) else event for event in official["data"]]
    assert ours == theirs


def test_build_request_of_a_registration_has_no_value():
    event = sent(postback_of(make_registration(), make_meta(), "registration"))

    assert event["event_name"] == "CompleteRegistration"
    assert "custom_data" not in event


def test_fbc_equals_what_metas_param_builder_makes(monkeypatch):
    monkeypatch.setattr("time.time", CLICKED_AT.timestamp)
    builder = ParamBuilder(["casino.example"])
    builder.process_request("casino.example", {"fbclid": [FBCLID]}, {}, None)

    event = sent(postback_of(make_first_deposit(), make_meta()))

    assert event["user_data"]["fbc"].split(".") == builder.get_fbc().split(".")[:4]


@pytest.mark.parametrize("fbclid", ["with.dot", "with blank", "", None])
def test_build_request_leaves_out_a_click_id_that_is_none_of_metas(fbclid):
    player = make_player(click_facts={"platform_click_ids": {"fbclid": fbclid}})

    event = sent(postback_of(make_first_deposit(player), make_meta()))

    assert event["user_data"].keys() == {"external_id"}


@pytest.mark.parametrize("facts", [{}, {"platform_click_ids": None}, {"platform_click_ids": {"gclid": "x"}}])
def test_build_request_does_without_a_click_id(facts):
    event = sent(postback_of(make_first_deposit(make_player(click_facts=facts)), make_meta()))

    assert event["user_data"].keys() == {"external_id"}


@pytest.mark.parametrize(
    ("age", "is_sent"),
    [(timedelta(days=6, hours=23), True), (timedelta(days=7), False), (timedelta(days=30), False)],
)
def test_build_request_sends_nothing_older_than_seven_days(age, is_sent):
    postback = postback_of(make_first_deposit(occurred_at=NOON - age), make_meta())

    if is_sent:
        assert sent(postback)["event_name"] == "Purchase"
    else:
        with pytest.raises(Unsendable, match="seven days"):
            meta.build_request(postback, at=NOON)


def test_build_request_has_no_way_to_take_an_event_back():
    with pytest.raises(Unsendable):
        meta.build_request(postback_of(make_first_deposit(), make_meta(), is_correction=True), at=NOON)


def test_build_request_does_not_place_an_event_in_the_future():
    conversion = make_first_deposit(occurred_at=NOON + timedelta(minutes=5), received_at=NOON)

    assert sent(postback_of(conversion, make_meta()))["event_time"] == int(NOON.timestamp())


@pytest.mark.parametrize(("amount", "currency", "value"), [("1000", "JPY", "1000"), ("0.001", "KWD", "0.001")])
def test_build_request_writes_the_value_in_its_own_digits(amount, currency, value):
    conversion = make_first_deposit(amount=Decimal(amount), currency=currency)

    text = meta.build_request(postback_of(conversion, make_meta()), at=NOON).shown

    assert f'"value":{value}}}' in text


def test_build_request_values_crypto_in_the_reporting_currency():
    conversion = make_first_deposit(
        currency="USDT",
        reporting_amount=Decimal("103.45"),
        reporting_currency="EUR",
        exchange_rate=Decimal("0.86"),
        exchange_rate_on=NOON.date(),
    )

    assert sent(postback_of(conversion, make_meta()))["custom_data"] == {"currency": "eur", "value": Decimal("103.45")}


def test_build_request_does_not_send_crypto_without_a_rate():
    with pytest.raises(Unsendable, match="USDT"):
        meta.build_request(postback_of(make_first_deposit(currency="USDT"), make_meta()), at=NOON)


def test_what_is_sent_passes_metas_rules():
    rules = MetaDatasets(tokens={"1234567890": "EAAB-token-of-the-dataset"}, now=NOON.timestamp)
    event = json.loads(json.dumps(sent(postback_of(make_first_deposit(), make_meta())), default=float))

    verdict = rules.receive("1234567890", {"access_token": "EAAB-token-of-the-dataset", "data": [event]})

    assert (verdict.status, rules.breaches, rules.accepted) == (200, [], [event])


def error(code, subcode=None, *, status=400, **fields):
    body = {"error": {"message": "It failed", "code": code, "error_subcode": subcode, **fields}}
    return Answer(status=status, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "outcome", "pauses"),
    [
        (Answer(status=200, headers={}, body=b'{"events_received":1,"messages":[],"fbtrace_id":"A"}'), "ok", False),
        (Answer(status=200, headers={}, body=b'{"events_received":0}'), "retry", False),
        (Answer(status=200, headers={}, body=b"<html>welcome to the hotel</html>"), "retry", False),
        (Answer(status=502, headers={}, body=b"Bad Gateway"), "retry", False),
        (Answer(status=302, headers={"location": "https://a.example"}, body=b""), "retry", False),
        (error(1, status=500), "retry", False),
        (error(2, status=500), "retry", False),
        (error(4), "retry", False),
        (error(613), "retry", False),
        (error(80004), "retry", False),
        (error(100, 2804003, is_transient=True), "retry", False),
        (error(99999), "retry", False),
        (error(100, 2804003), "event_refused", False),
        (error(100, 2804009), "event_refused", False),
        (error(100, 2804050), "event_refused", False),
        (error(100), "event_refused", False),
        (error(190, 463, status=401), "destination_refused", True),
        (error(190, 460), "destination_refused", True),
        (error(200), "destination_refused", True),
        (error(294), "destination_refused", True),
        (error(3), "destination_refused", True),
        (error(10), "destination_refused", True),
        (error(100, 33), "destination_refused", True),
    ],
)
def test_classify_answer_goes_by_the_error_code(answer, outcome, pauses):
    verdict = meta.classify_answer(answer)

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)


def test_classify_answer_says_what_meta_said():
    verdict = meta.classify_answer(error(190, 463, error_user_msg="The session has expired"))

    assert verdict.reason == "Meta: The session has expired (code 190/463)"
