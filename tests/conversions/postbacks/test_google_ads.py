"""Google Ads' uploads, adjustments and answers, beside Google's own message types and its rules."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.ads.googleads.v26.errors.types import (
    authentication_error,
    authorization_error,
    conversion_adjustment_upload_error,
    conversion_upload_error,
    header_error,
    internal_error,
    not_allowlisted_error,
    quota_error,
    request_error,
)
from google.ads.googleads.v26.services.types import (
    UploadClickConversionsRequest,
    UploadConversionAdjustmentsRequest,
)
from google.protobuf import json_format

from conversions.models import Conversion, Destination, Postback
from conversions.postbacks import google_ads
from conversions.postbacks.adapter import NothingToTell, Unsendable
from conversions.postbacks.google_tokens import GoogleAuthorization
from tests.conversions.postbacks.google_credentials import REFRESH_TOKEN
from tests.conversions.postbacks.rows import (
    CLICKED_AT,
    GCLID,
    clicked_with,
    make_first_deposit,
    make_google_ads,
    make_player,
    make_registration,
)
from tests.outside.google_ads_rules import AdsAccount
from tests.world import NOON
from tracker_project.common.egress import Answer, OutgoingRequest

pytestmark = pytest.mark.django_db

DEDUP_ID = "0123456789abcdef0123456789abcdef"
ACTION = "customers/1234567890/conversionActions/777"
HEADERS = {"developer-token": "developer-token-on-the-list"}
DAY = timedelta(days=1)


def postback_of(conversion: Conversion, destination: Destination | None = None, **columns: Any) -> Postback:
    defaults = {"event": "first_deposit", "dedup_id": DEDUP_ID, "fact": "first_deposit:1", "created_at": NOON}
    return Postback(conversion=conversion, destination=destination or make_google_ads(), **defaults | columns)


def reversal_of(conversion: Conversion, **columns: Any) -> Postback:
    return postback_of(conversion, is_correction=True, fact="first_deposit:1:reversed", **columns)


def restatement_of(conversion: Conversion, **columns: Any) -> Postback:
    return postback_of(conversion, is_correction=True, fact="first_deposit:1:value:x", **columns)


def from_google(**columns: Any) -> Conversion:
    columns.setdefault("player", make_player(click_facts=clicked_with(gclid=GCLID)))
    return make_first_deposit(**columns)


def request_of(postback: Postback, at=NOON) -> OutgoingRequest:
    return google_ads.build_request(postback, at=at).request


def sent(postback: Postback, at=NOON) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request_of(postback, at).body or b"", parse_float=Decimal)
    return body


def test_build_request_says_this_much_and_no_more():
    request = request_of(postback_of(from_google(), make_google_ads(google_login_account_id="99")))

    assert request.url == "https://googleads.googleapis.com/v26/customers/1234567890:uploadClickConversions"
    assert request.headers == {"Content-Type": "application/json", **HEADERS, "login-customer-id": "99"}
    assert json.loads(request.body or b"", parse_float=Decimal) == {
        "conversions": [
            {
                "gclid": GCLID,
                "conversionAction": ACTION,
                "conversionDateTime": "2026-11-22 11:00:00+00:00",
                "orderId": DEDUP_ID,
                "consent": {"adUserData": "GRANTED"},
                "conversionValue": Decimal("120.10"),
                "currencyCode": "EUR",
            }
        ],
        "partialFailure": True,
    }


def test_build_request_of_a_reversal_takes_the_conversion_back():
    request = request_of(reversal_of(from_google()), at=NOON + 2 * DAY)

    assert request.url == "https://googleads.googleapis.com/v26/customers/1234567890:uploadConversionAdjustments"
    assert json.loads(request.body or b"") == {
        "conversionAdjustments": [
            {
                "adjustmentType": "RETRACTION",
                "orderId": DEDUP_ID,
                "conversionAction": ACTION,
                "adjustmentDateTime": "2026-11-22 12:00:00+00:00",
            }
        ],
        "partialFailure": True,
    }


def test_build_request_of_a_restatement_states_the_new_total_under_one_instant_on_every_try():
    destination = make_google_ads(value_kind="fixed", fixed_value=Decimal("77.77"), fixed_currency="USD")
    postback = restatement_of(from_google(), destination=destination)

    first, second = sent(postback, at=NOON + DAY), sent(postback, at=NOON + 2 * DAY)

    assert first == second
    assert first["conversionAdjustments"] == [
        {
            "adjustmentType": "RESTATEMENT",
            "orderId": DEDUP_ID,
            "conversionAction": ACTION,
            "adjustmentDateTime": "2026-11-22 12:00:00+00:00",
            "restatementValue": {"adjustedValue": Decimal("77.77"), "currencyCode": "USD"},
        }
    ]


def test_build_request_is_one_that_googles_own_client_would_send():
    conversion = from_google()
    upload = json_format.Parse(
        request_of(postback_of(conversion)).body or b"",
        UploadClickConversionsRequest.pb(UploadClickConversionsRequest()),
    )
    restated, retracted = (
        json_format.Parse(
            request_of(each).body or b"",
            UploadConversionAdjustmentsRequest.pb(UploadConversionAdjustmentsRequest()),
        )
        for each in (restatement_of(conversion), reversal_of(conversion))
    )

    assert (upload.conversions[0].gclid, upload.conversions[0].order_id) == (GCLID, DEDUP_ID)
    assert (upload.conversions[0].conversion_value, upload.conversions[0].consent.ad_user_data) == (120.10, 2)
    assert upload.partial_failure
    assert restated.conversion_adjustments[0].restatement_value.adjusted_value == 120.10
    assert (restated.conversion_adjustments[0].adjustment_type, restated.partial_failure) == (3, True)
    assert (retracted.conversion_adjustments[0].adjustment_type, retracted.partial_failure) == (2, True)


def test_build_request_keeps_the_credentials_out_of_what_people_see():
    prepared = google_ads.build_request(postback_of(from_google()), at=NOON)

    assert "refresh-token" not in prepared.shown + repr(prepared)
    assert "developer-token-on-the-list" not in prepared.shown
    assert prepared.secrets == ("developer-token-on-the-list",)
    assert prepared.authorization == GoogleAuthorization(
        REFRESH_TOKEN, NOON, scope="https://www.googleapis.com/auth/adwords"
    )


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"gclid": "A", "gbraid": "B", "wbraid": "C"}, {"gclid": "A"}),
        ({"gbraid": "B", "wbraid": "C"}, {"gbraid": "B"}),
        ({"wbraid": "C"}, {"wbraid": "C"}),
    ],
)
def test_build_request_names_exactly_one_click_id(ids, expected):
    [event] = sent(postback_of(from_google(player=make_player(click_facts=clicked_with(**ids)))))["conversions"]

    assert {name: event[name] for name in ("gclid", "gbraid", "wbraid") if name in event} == expected


def test_build_request_has_nothing_to_tell_of_who_did_not_come_from_google():
    with pytest.raises(NothingToTell):
        sent(postback_of(from_google(player=make_player(click_facts={}))))


def test_build_request_sends_nothing_whose_click_is_too_old_or_too_young():
    old = make_player(click_facts=clicked_with(gclid=GCLID), clicked_at=NOON - 90 * DAY)

    with pytest.raises(Unsendable, match="90 days"):
        sent(postback_of(from_google(player=old)))
    with pytest.raises(Unsendable, match="before the click"):
        sent(postback_of(from_google(occurred_at=CLICKED_AT - timedelta(seconds=1))))


@pytest.mark.parametrize(("days", "is_sent"), [(53, True), (54, False)])
def test_build_request_corrects_nothing_that_is_older_than_54_days(days, is_sent):
    reversal = reversal_of(from_google())

    if is_sent:
        assert sent(reversal, at=NOON + days * DAY)
    else:
        with pytest.raises(NothingToTell, match="54 days"):
            sent(reversal, at=NOON + days * DAY)


def test_a_registration_has_no_value_and_can_be_taken_back_but_not_restated():
    registration = make_registration(make_player(click_facts=clicked_with(gclid=GCLID)))

    [event] = sent(postback_of(registration, event="registration"))["conversions"]

    assert "conversionValue" not in event
    assert sent(reversal_of(registration))["conversionAdjustments"][0]["adjustmentType"] == "RETRACTION"
    with pytest.raises(NothingToTell):
        sent(restatement_of(registration))


def test_build_test_request_is_checked_only_and_gets_in():
    rules = AdsAccount(now=NOON.timestamp)
    request = google_ads.build_test_request(make_google_ads(), at=NOON).request
    json_format.Parse(request.body or b"", UploadClickConversionsRequest.pb(UploadClickConversionsRequest()))

    verdict = google_ads.classify_answer(given(rules, request))

    assert (verdict.outcome, rules.counted()) == ("event_refused", {})
    assert "UNPARSEABLE_GCLID" in verdict.reason


# Answers.


def given(rules: AdsAccount, request: OutgoingRequest) -> Answer:
    """Return what the account answers to a request."""
    version, _, target = request.url.removeprefix("https://googleads.googleapis.com/").split("/", 2)
    headers = {name.lower(): value for name, value in request.headers.items()}
    verdict = rules.receive(version, target, headers, (request.body or b"").decode())
    return Answer(status=verdict.status, headers={}, body=verdict.text.encode())


def failure(code: str, index: int | None = None, *, kind: str = "conversionUploadError", **more: Any) -> dict[str, Any]:
    error: dict[str, Any] = {"errorCode": {kind: code}, "message": code, **more}
    if index is not None:
        error["location"] = {"fieldPathElements": [{"fieldName": "conversions", "index": index}, {"fieldName": "x"}]}
    return error


def partial(*failures: dict[str, Any], rows: int = 1) -> Answer:
    body: dict[str, Any] = {"results": [{} for _ in range(rows)]}
    if failures:
        body["partialFailureError"] = {"code": 3, "message": "m", "details": [{"errors": list(failures)}]}
    return Answer(status=200, headers={}, body=json.dumps(body).encode())


def whole(status: int, *failures: dict[str, Any]) -> Answer:
    body = {"error": {"code": status, "message": "It failed.", "details": [{"errors": list(failures)}]}}
    return Answer(status=status, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "outcome", "pauses"),
    [
        (partial(), "ok", False),
        (partial(failure("TOO_RECENT_EVENT", 0)), "later", False),
        (partial(failure("TOO_RECENT_CONVERSION_ACTION", 0)), "later", False),
        (partial(failure("TOO_RECENT_CONVERSION", 0, kind="conversionAdjustmentUploadError")), "later", False),
        (partial(failure("ORDER_ID_ALREADY_IN_USE", 0)), "ok", False),
        (partial(failure("CLICK_CONVERSION_ALREADY_EXISTS", 0)), "ok", False),
        (partial(failure("RESTATEMENT_ALREADY_EXISTS", 0)), "ok", False),
        (partial(failure("MORE_RECENT_RESTATEMENT_FOUND", 0)), "ok", False),
        (partial(failure("CONVERSION_ALREADY_RETRACTED", 0)), "ok", False),
        (partial(failure("EXPIRED_EVENT", 0)), "event_refused", False),
        (partial(failure("CONVERSION_NOT_FOUND", 0)), "event_refused", False),
        (partial(failure("A_CODE_OF_NEXT_YEAR", 0)), "event_refused", False),
        (partial(failure("NO_CONVERSION_ACTION_FOUND", 0)), "destination_refused", True),
        (partial(failure("UNAUTHORIZED_CUSTOMER", 0)), "destination_refused", True),
        (whole(403, failure("CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE")), "destination_refused", True),
        (whole(403, failure("DEVELOPER_TOKEN_NOT_APPROVED")), "destination_refused", True),
        (whole(401, failure("NOT_ADS_USER")), "destination_refused", True),
        (whole(403), "destination_refused", True),
        (whole(401), "retry", False),
        (whole(429, failure("RESOURCE_EXHAUSTED")), "retry", False),
        (whole(429), "retry", False),
        (whole(500, failure("INTERNAL_ERROR")), "retry", False),
        (whole(503), "retry", False),
        (whole(400, failure("REQUIRED_FIELD_MISSING", 0)), "event_refused", False),
        (whole(400), "event_refused", False),
        (whole(404), "unknown", False),
        (Answer(status=200, headers={}, body=b"<html>"), "unknown", False),
        (Answer(status=200, headers={}, body=b'{"results":[{}],"partialFailureError":{}}'), "unknown", False),
        (Answer(status=502, headers={}, body=b"Bad Gateway"), "retry", False),
    ],
)
def test_classify_answer_goes_by_googles_codes(answer, outcome, pauses):
    verdict = google_ads.classify_answer(answer)

    assert (verdict.outcome, verdict.pauses_destination) == (outcome, pauses)


def test_classify_answer_judges_each_row_by_itself():
    answer = partial(failure("TOO_RECENT_EVENT", 1), failure("EXPIRED_EVENT", 3), failure("EXPIRED_EVENT", 2), rows=5)

    verdict = google_ads.classify_answer(answer, events=5)

    assert [each.outcome for each in verdict.each] == ["ok", "later", "event_refused", "event_refused", "ok"]
    assert verdict.outcome == "ok"
    assert verdict.each[2] == verdict.each[3]


def test_classify_answer_takes_a_failure_without_a_row_for_all_of_them():
    verdict = google_ads.classify_answer(partial(failure("INTERNAL_ERROR"), rows=2), events=2)

    assert [each.outcome for each in verdict.each] == ["retry", "retry"]


def test_classify_answer_names_the_culprits_of_a_request_refused_as_a_whole():
    assert google_ads.classify_answer(whole(400, failure("INVALID_ENUM_VALUE", 2)), events=3).culprits == {2}


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"quotaErrorDetails": {"retryDelay": "900s"}}, timedelta(minutes=15)),
        ({"quotaErrorDetails": {"retryDelay": "2.5s"}}, timedelta(seconds=2)),
        ({"quotaErrorDetails": {"retryDelay": "soon"}}, None),
        ({}, None),
    ],
)
def test_classify_answer_says_when_the_quota_is_there_again(details, expected):
    answer = whole(429, failure("RESOURCE_EXHAUSTED", kind="quotaError", details=details))

    assert google_ads.classify_answer(answer).retry_after == expected


def test_every_code_that_is_told_apart_is_one_of_googles():
    modules = [
        conversion_upload_error, conversion_adjustment_upload_error, authentication_error, authorization_error,
        quota_error, internal_error, header_error, request_error, not_allowlisted_error,
    ]  # fmt: skip
    enums = [getattr(getattr(module, module.__all__[0]), module.__all__[0][:-4]) for module in modules]
    known = {code.name for enum in enums for code in enum}
    ours = google_ads._LATER | google_ads._RETRY | google_ads._DONE | google_ads._CONFIGURATION

    assert ours - known == set()


# The rules.


def test_the_account_takes_what_is_sent_and_its_adjustments_a_day_later():
    clock = [NOON]
    rules = AdsAccount(now=lambda: clock[0].timestamp())
    rules.clicks = {GCLID: CLICKED_AT.timestamp()}
    conversion = from_google()
    outcomes = []
    for postback, at in (
        (postback_of(conversion), NOON),
        (postback_of(conversion), NOON),
        (restatement_of(conversion), NOON + timedelta(hours=23)),
        (restatement_of(conversion), NOON + DAY),
        (restatement_of(conversion), NOON + DAY),
        (reversal_of(conversion, created_at=NOON + DAY), NOON + 2 * DAY),
        (reversal_of(conversion, created_at=NOON + DAY), NOON + 3 * DAY),
    ):
        clock[0] = at
        outcomes.append(google_ads.classify_answer(given(rules, request_of(postback, at))).outcome)

    assert outcomes == ["ok", "ok", "later", "ok", "ok", "ok", "ok"]
    assert rules.refusals == [
        "ORDER_ID_ALREADY_IN_USE",
        "TOO_RECENT_CONVERSION",
        "RESTATEMENT_ALREADY_EXISTS",
        "CONVERSION_ALREADY_RETRACTED",
    ]
    assert (rules.counted(), rules.breaches) == ({}, [])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"gbraid": "B"}, "GBRAID_WBRAID_BOTH_SET"),
        ({"gclid": ""}, "UNPARSEABLE_GCLID"),
        ({"gclid": "other"}, "CLICK_NOT_FOUND"),
        ({"gclid": "old"}, "EXPIRED_EVENT"),
        ({"gclid": "young"}, "CONVERSION_PRECEDES_EVENT"),
        ({"conversionAction": "customers/1234567890/conversionActions/778"}, "NO_CONVERSION_ACTION_FOUND"),
        ({"conversionDateTime": "2026-11-22T11:00:00Z"}, "INVALID_ARGUMENT"),
        ({"conversionValue": -1}, "INVALID_ARGUMENT"),
        ({"currencyCode": "eur"}, "INVALID_ARGUMENT"),
        ({"consent": {"adPersonalization": "GRANTED"}}, "INVALID_ARGUMENT"),
    ],
)
def test_the_account_refuses_what_google_refuses_and_takes_the_row_beside_it(row, code):
    rules = AdsAccount(now=NOON.timestamp)
    rules.clicks = {
        GCLID: CLICKED_AT.timestamp(),
        "old": (NOON - 91 * DAY).timestamp(),
        "young": NOON.timestamp(),
    }
    good = sent(postback_of(from_google()))["conversions"][0] | {"conversionValue": 1}
    rows = [good | {"orderId": "bad"} | row, good | {"orderId": "good"}]

    verdict = rules.receive(
        "v26",
        "1234567890:uploadClickConversions",
        HEADERS,
        json.dumps({"conversions": rows, "partialFailure": True}),
    )

    assert (rules.refusals, list(rules.conversions)) == ([code], ["good"])
    assert json.loads(verdict.text)["results"][0] == {}


@pytest.mark.parametrize(
    ("headers", "request_fields", "code"),
    [
        ({"developer-token": "a newcomer's"}, {}, "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"),
        ({"login-customer-id": "123-456"}, {}, "INVALID_LOGIN_CUSTOMER_ID"),
        ({"login-customer-id": "55"}, {}, "USER_PERMISSION_DENIED"),
        ({}, {"partialFailure": False}, "REQUIRED_FIELD_MISSING"),
        ({}, {"conversions": [{}] * 2001}, "TOO_MANY_CONVERSIONS_IN_REQUEST"),
    ],
)
def test_the_account_refuses_requests_as_google_does(headers, request_fields, code):
    rules = AdsAccount(now=NOON.timestamp)
    body = {"conversions": [{}], "partialFailure": True} | request_fields

    rules.receive("v26", "1234567890:uploadClickConversions", HEADERS | headers, json.dumps(body))

    assert (rules.refusals, rules.conversions) == ([code], {})
