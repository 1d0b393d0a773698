"""The stand-in for Google refuses what Google refuses, judges later, and restates by transaction id."""

import json

import pytest

from tests.outside.google_rules import DataManager

NOW = 1_795_348_800
DAY = 24 * 3600
GOOD = {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}, "productDestinationId": "777"}


def google():
    rules = DataManager(now=lambda: NOW)
    rules.clicks = {"A": NOW - DAY, "old": NOW - 91 * DAY}
    return rules


def event(**fields):
    usual = {
        "transactionId": "t-1",
        "eventTimestamp": "2026-11-22T11:00:00Z",
        "adIdentifiers": {"gclid": "A"},
        "currency": "EUR",
        "conversionValue": 10,
    }
    return {name: value for name, value in (usual | fields).items() if value is not None}


def token_of(rules):
    form = {"grant_type": "refresh_token", "client_id": "i", "client_secret": "s", "refresh_token": "refresh-token"}
    return json.loads(rules.issue_token(form).text)["access_token"]


def ingest(rules, *events, destination=None, **fields):
    body = json.dumps({"destinations": [GOOD | (destination or {})], "events": list(events), **fields})
    return rules.ingest({"authorization": f"Bearer {token_of(rules)}"}, body)


def status(rules, request_id):
    answer = rules.retrieve_status({"authorization": f"Bearer {token_of(rules)}"}, {"requestId": request_id})
    return json.loads(answer.text)["requestStatusPerDestination"][0]


def test_ingest_takes_a_good_event_and_says_later_what_became_of_it():
    rules = google()

    answer = ingest(rules, event())

    request_id = json.loads(answer.text)["requestId"]
    assert (answer.status, status(rules, request_id)["requestStatus"]) == (200, "PROCESSING")
    rules.judge()
    assert status(rules, request_id)["requestStatus"] == "SUCCESS"
    assert rules.conversions["777", "t-1"].value == 10


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"adIdentifiers": {}}, "NO_IDENTIFIERS_PROVIDED"),
        ({"adIdentifiers": {"gclid": "A", "wbraid": "B"}}, "INVALID_ARGUMENT"),
        ({"transactionId": None}, "REQUIRED_FIELD_MISSING"),
        ({"eventTimestamp": "2026-11-22 11:00:00"}, "INVALID_FORMAT"),
        ({"eventTimestamp": "2027-11-22T11:00:00Z"}, "EVENT_TIME_INVALID"),
        ({"conversionValue": "10"}, "INVALID_NUMBER_FORMAT"),
        ({"conversionValue": -1}, "INVALID_NUMBER_FORMAT"),
        ({"currency": "USDT"}, "INVALID_CURRENCY_CODE"),
        ({"consent": {"adUserData": "GRANTED"}}, "INVALID_ENUM_VALUE"),
        ({"userData": {}}, "INVALID_ARGUMENT"),
    ],
)
def test_ingest_refuses_a_whole_request_for_one_bad_event(fields, reason):
    rules = google()

    answer = ingest(rules, event(transactionId="good"), event(**fields))

    assert (answer.status, rules.received) == (400, [])
    violation = json.loads(answer.text)["error"]["details"][1]["fieldViolations"][0]
    assert violation["reason"] == reason
    assert "events[1]" in violation["field"]


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ({"productDestinationId": "778"}, 400),
        ({"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "2"}}, 403),
    ],
)
def test_ingest_refuses_a_wrong_destination(destination, status):
    assert ingest(google(), event(), destination=destination).status == status


def test_ingest_takes_2000_events_and_no_more():
    events = [event(transactionId=str(number)) for number in range(2001)]

    assert (ingest(google(), *events[:2000]).status, ingest(google(), *events).status) == (200, 400)


def test_ingest_refuses_without_a_token():
    assert google().ingest({"authorization": "Bearer none"}, "{}").status == 401


def test_ingest_only_checks_what_it_is_told_to_check():
    rules = google()

    ingest(rules, event(), validateOnly=True)
    rules.judge()

    assert (len(rules.validated), rules.received, rules.conversions) == (1, [], {})


def test_judge_counts_reasons_and_names_no_event():
    rules = google()
    rules.too_recent.add("recent")
    request_id = json.loads(
        ingest(
            rules,
            event(),
            event(transactionId="t-2", adIdentifiers={"gclid": "old"}),
            event(transactionId="t-3", adIdentifiers={"gclid": "unknown"}),
            event(transactionId="t-4", adIdentifiers={"gclid": "recent"}),
        ).text
    )["requestId"]

    rules.judge()

    found = status(rules, request_id)
    assert found["requestStatus"] == "PARTIAL_SUCCESS"
    assert [
        count["reason"].removeprefix("PROCESSING_ERROR_REASON_") for count in found["errorInfo"]["errorCounts"]
    ] == [
        "CLICK_NOT_FOUND",
        "EVENT_TOO_OLD",
        "TOO_RECENT_CLICK",
    ]


def test_judge_states_a_value_anew_under_the_same_transaction_id_and_counts_another_under_a_new_one():
    rules = google()
    ingest(rules, event())
    ingest(rules, event(conversionValue=0))
    ingest(rules, event(transactionId="t-2", conversionValue=0))

    rules.judge()

    counted = {key[1]: (conversion.value, conversion.times_stated) for key, conversion in rules.conversions.items()}
    assert counted == {"t-1": (0, 2), "t-2": (0, 1)}
