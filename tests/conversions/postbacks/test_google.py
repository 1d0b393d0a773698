"""Google's requests and answers, beside Google's own message types and its rules."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.ads.datamanager_v1.types import IngestEventsRequest, RetrieveRequestStatusResponse
from google.protobuf import json_format

from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import google
from conversions.postbacks.adapter import NothingToTell, Unsendable
from tests.conversions.postbacks.rows import (
    CLICKED_AT,
    GCLID,
    clicked_with,
    make_first_deposit,
    make_google,
    make_player,
    make_registration,
)
from tests.outside.google_rules import DataManager
from tests.world import NOON
from tracker_project.common.egress import Answer

pytestmark = pytest.mark.django_db

DEDUP_ID = "0123456789abcdef0123456789abcdef"


def postback_of(conversion: Conversion, destination: Destination | None = None, **columns: Any) -> Postback:
    defaults = {"event": "first_deposit", "dedup_id": DEDUP_ID, "fact": "first_deposit:1"}
    return Postback(conversion=conversion, destination=destination or make_google(), **defaults | columns)


def from_google(**columns: Any) -> Conversion:
    columns.setdefault("player", make_player(click_facts=clicked_with(gclid=GCLID)))
    return make_first_deposit(**columns)


def sent(postback: Postback) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(google.build_request(postback, at=NOON).request.body or b"", parse_float=Decimal)
    return body


def test_build_request_says_this_much_and_no_more():
    assert sent(postback_of(from_google())) == {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "productDestinationId": "777",
            }
        ],
        "events": [
            {
                "transactionId": DEDUP_ID,
                "eventTimestamp": "2026-11-22T11:00:00Z",
                "adIdentifiers": {"gclid": GCLID},
                "consent": {"adUserData": "CONSENT_GRANTED"},
                "currency": "EUR",
                "conversionValue": Decimal("120.10"),
            }
        ],
    }


def test_build_request_is_one_that_googles_own_client_would_send():
    destination = make_google(google_login_account_id="99")
    postback = postback_of(from_google(), destination, is_correction=True, fact="first_deposit:1:reversed")

    text = google.build_request(postback, at=NOON).request.body or b""

    message = json_format.Parse(text, IngestEventsRequest.pb(IngestEventsRequest()))
    assert message.destinations[0].login_account.account_id == "99"
    assert message.destinations[0].operating_account.account_type == 1
    assert message.events[0].ad_identifiers.gclid == GCLID
    assert message.events[0].HasField("conversion_value")
    assert message.events[0].conversion_value == 0
    assert message.events[0].consent.ad_user_data == 1


def test_build_request_keeps_the_credentials_out_of_what_people_see():
    prepared = google.build_request(postback_of(from_google()), at=NOON)

    assert prepared.request.headers == {"Content-Type": "application/json"}
    assert "refresh-token" not in prepared.shown + repr(prepared)
    assert "Authorization: Bearer ***" in prepared.shown


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"gclid": "A", "gbraid": "B", "wbraid": "C"}, {"gclid": "A"}),
        ({"gbraid": "B", "wbraid": "C"}, {"gbraid": "B"}),
        ({"wbraid": "C"}, {"wbraid": "C"}),
        ({"gclid": "", "wbraid": "C", "fbclid": "F"}, {"wbraid": "C"}),
        ({"gclid": "cAsE “~%2F+="}, {"gclid": "cAsE “~%2F+="}),
    ],
)
def test_build_request_names_exactly_one_click_id_byte_for_byte(ids, expected):
    player = make_player(click_facts=clicked_with(**ids))

    [event] = sent(postback_of(from_google(player=player)))["events"]

    assert event["adIdentifiers"] == expected


@pytest.mark.parametrize("facts", [{}, {"platform_click_ids": None}, clicked_with(fbclid="F")])
def test_build_request_has_nothing_to_tell_of_who_did_not_come_from_google(facts):
    with pytest.raises(NothingToTell):
        sent(postback_of(from_google(player=make_player(click_facts=facts))))


@pytest.mark.parametrize(("age", "is_sent"), [(timedelta(days=89, hours=23), True), (timedelta(days=90), False)])
def test_build_request_sends_nothing_whose_click_is_older_than_90_days(age, is_sent):
    player = make_player(click_facts=clicked_with(gclid=GCLID), clicked_at=NOON - age)

    if is_sent:
        assert sent(postback_of(from_google(player=player)))["events"]
    else:
        with pytest.raises(Unsendable, match="90 days"):
            sent(postback_of(from_google(player=player)))


def test_build_request_sends_nothing_that_happened_before_its_click():
    with pytest.raises(Unsendable, match="before the click"):
        sent(postback_of(from_google(occurred_at=CLICKED_AT - timedelta(seconds=1))))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((True, True), {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}),
        ((True, False), {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"}),
        ((None, None), None),
    ],
)
def test_build_request_claims_no_consent_that_was_not_given(said, expected):
    player = make_player(
        click_facts=clicked_with(gclid=GCLID), consent_ad_user_data=said[0], consent_ad_personalization=said[1]
    )

    [event] = sent(postback_of(from_google(player=player)))["events"]

    assert event.get("consent") == expected


def test_build_request_of_a_registration_has_no_value():
    player = make_player(click_facts=clicked_with(gclid=GCLID))

    [event] = sent(postback_of(make_registration(player), event="registration"))["events"]

    assert event.keys() == {"transactionId", "eventTimestamp", "adIdentifiers", "consent"}


def test_build_request_of_a_reversal_states_zero_under_the_same_id():
    postback = postback_of(from_google(), is_correction=True, fact="first_deposit:1:reversed")

    [event] = sent(postback)["events"]

    assert (event["transactionId"], event["conversionValue"], event["currency"]) == (DEDUP_ID, 0, "EUR")
    assert event["lastUpdatedTimestamp"] == "2026-11-22T12:00:00Z"


def test_build_request_values_crypto_in_the_reporting_currency():
    conversion = from_google(
        currency="USDT",
        reporting_amount=Decimal("103.45"),
        reporting_currency="EUR",
        exchange_rate=Decimal("0.86"),
        exchange_rate_on=NOON.date(),
    )

    [event] = sent(postback_of(conversion))["events"]

    assert (event["conversionValue"], event["currency"]) == (Decimal("103.45"), "EUR")


def test_combine_puts_events_into_one_request():
    events = ['{"transactionId":"a"}', '{"transactionId":"b"}']

    body = json.loads(google.combine(make_google(), events, at=NOON).request.body or b"")

    assert body["events"] == [{"transactionId": "a"}, {"transactionId": "b"}]


def test_build_test_request_is_checked_only():
    body = google.build_test_request(make_google(), at=NOON).request.body or b""

    message = json_format.Parse(body, IngestEventsRequest.pb(IngestEventsRequest()))
    assert message.validate_only
    assert json.loads(body)["validateOnly"] is True


def error(status: int, code: str, *details: dict[str, Any]) -> Answer:
    body = {"error": {"code": status, "status": code, "message": "It failed.", "details": list(details)}}
    return Answer(status=status, headers={}, body=json.dumps(body).encode())


def violations(*found: tuple[str, str]) -> dict[str, Any]:
    return {"fieldViolations": [{"field": field, "description": field, "reason": reason} for field, reason in found]}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word}


@pytest.mark.parametrize(
    ("answer", "outcome", "pauses"),
    [
        (Answer(status=200, headers={}, body=b'{"requestId":"r1"}'), "accepted", False),
        (Answer(status=200, headers={}, body=b"<html>"), "unknown", False),
        (Answer(status=302, headers={}, body=b""), "unknown", False),
        (Answer(status=502, headers={}, body=b"Bad Gateway"), "retry", False),
        (error(401, "UNAUTHENTICATED"), "retry", False),
        (error(403, "PERMISSION_DENIED"), "destination_refused", True),
        (error(403, "PERMISSION_DENIED", reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT")), "destination_refused", True),
        (error(400, "INVALID_ARGUMENT", reason("INVALID_CONVERSION_ACTION_ID")), "destination_refused", True),
        (error(400, "INVALID_ARGUMENT", reason("NOT_ALLOWLISTED")), "destination_refused", True),
        (error(400, "INVALID_ARGUMENT", reason("CONVERSION_ACTION_TOO_RECENTLY_CREATED")), "later", False),
        (error(400, "INVALID_ARGUMENT", violations(("events", "INVALID_CURRENCY_CODE"))), "event_refused", False),
        (error(400, "INVALID_ARGUMENT"), "event_refused", False),
        (error(429, "RESOURCE_EXHAUSTED"), "retry", False),
        (error(500, "INTERNAL"), "retry", False),
        (error(503, "UNAVAILABLE", reason("UNAVAILABLE")), "retry", False),
        (error(404, "NOT_FOUND"), "unknown", False),
    ],
)
def test_classify_answer_goes_by_googles_reasons(answer, outcome, pauses):
    verdict = google.classify_answer(answer)

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)


@pytest.mark.parametrize(
    ("fields", "culprits"),
    [
        (["events[3].currency"], {3}),
        (["events.events[0].ad_identifiers", "events.events[4].currency"], {0, 4}),
        (["events_list.events[12].x"], set()),
        (["destinations[1].product_destination_id"], set()),
        ([], set()),
    ],
)
def test_classify_answer_finds_the_events_that_are_meant(fields, culprits):
    answer = error(400, "INVALID_ARGUMENT", violations(*((field, "INVALID_FORMAT") for field in fields)))

    assert google.classify_answer(answer, events=5).culprits == culprits


def status_of(status: str, **counts: int) -> Answer:
    found: dict[str, Any] = {"requestStatus": status}
    if counts:
        found["errorInfo"] = {
            "errorCounts": [
                {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(count)}
                for reason, count in counts.items()
            ]
        }
    body = json.dumps({"requestStatusPerDestination": [found]}).encode()
    json_format.Parse(body, RetrieveRequestStatusResponse.pb(RetrieveRequestStatusResponse()))
    return Answer(status=200, headers={}, body=body)


@pytest.mark.parametrize(
    ("answer", "events", "outcome"),
    [
        (status_of("SUCCESS"), 3, "ok"),
        (status_of("PROCESSING"), 1, "accepted"),
        (status_of("REQUEST_STATUS_UNKNOWN"), 1, "accepted"),
        (Answer(status=404, headers={}, body=b"{}"), 1, "accepted"),
        (Answer(status=200, headers={}, body=b'{"requestStatusPerDestination":[]}'), 1, "accepted"),
        (status_of("FAILED", EVENT_TOO_OLD=1), 1, "event_refused"),
        (status_of("FAILED", EVENT_TOO_OLD=3), 3, "event_refused"),
        (status_of("FAILED", TOO_RECENT_CLICK=1), 1, "later"),
        (status_of("FAILED", INTERNAL_ERROR=1), 1, "retry"),
        (status_of("FAILED", DUPLICATE_TRANSACTION_ID=1), 1, "ok"),
        (status_of("FAILED", EVENT_TOO_OLD=1, TOO_RECENT_CLICK=1), 2, "split"),
        (status_of("PARTIAL_SUCCESS", CLICK_NOT_FOUND=1), 3, "split"),
        (status_of("FAILED"), 1, "event_refused"),
    ],
)
def test_classify_inquiry_says_what_became_of_it(answer, events, outcome):
    assert google.classify_inquiry(answer, events=events).outcome == outcome


def test_what_is_sent_passes_googles_rules():
    rules = DataManager(now=NOON.timestamp)
    token = json.loads(
        rules.issue_token(
            {"grant_type": "refresh_token", "client_id": "i", "client_secret": "s", "refresh_token": "refresh-token"}
        ).text
    )["access_token"]
    body = (google.build_request(postback_of(from_google()), at=NOON).request.body or b"").decode()

    verdict = rules.ingest({"authorization": f"Bearer {token}"}, body)

    assert (verdict.status, rules.breaches, len(rules.received)) == (200, [], 1)
