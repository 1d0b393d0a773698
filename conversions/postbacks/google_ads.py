"""Google Ads API: conversions by Google's own click id and their adjustments, for developer tokens on Google's list.

Since June 2026 Google takes these uploads from the developer tokens alone that sent some before; others use the Data
Manager API. Rules as of google-ads 34.0.0 (v26): exactly one click id a conversion; each row of a request is judged by
itself; an order id counts once; adjustments go by the order id, a day after the conversion at the earliest and 54 days
at the latest, and state the new total or take the conversion back with its count.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from conversions.models import Destination, Player, Postback
from conversions.postbacks.adapter import (
    RETRY_STATUSES,
    NothingToTell,
    Outcome,
    PreparedRequest,
    Verdict,
    json_object,
    told_at,
    told_value,
    with_numbers,
)
from conversions.postbacks.google import click_identifier, refuse_bad_click
from conversions.postbacks.google_tokens import GoogleAuthorization
from tracker_project.common.egress import Answer, OutgoingRequest

SCOPE = "https://www.googleapis.com/auth/adwords"
MAX_EVENTS = 2000
# Google counts requests; what comes within a second shares one.
PAUSE_SECONDS = 1.0
# Conversions and adjustments have an address each.
CORRECTS_APART = True
# A minute less than Google's own limit: the request takes its time, and clocks differ.
LAST_CORRECTION = timedelta(days=54) - timedelta(minutes=1)

_LATER = frozenset({"TOO_RECENT_EVENT", "TOO_RECENT_CONVERSION_ACTION", "TOO_RECENT_CONVERSION"})
_RETRY = frozenset(
    """RESOURCE_EXHAUSTED RESOURCE_TEMPORARILY_EXHAUSTED EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION INTERNAL_ERROR
    TRANSIENT_ERROR DEADLINE_EXCEEDED""".split()
)
# A try whose answer was lost got through, or a later word of ours stands already.
_DONE = frozenset(
    """ORDER_ID_ALREADY_IN_USE DUPLICATE_ORDER_ID CLICK_CONVERSION_ALREADY_EXISTS RESTATEMENT_ALREADY_EXISTS
    CONVERSION_ALREADY_RETRACTED MORE_RECENT_RESTATEMENT_FOUND""".split()
)
_CONFIGURATION = frozenset(
    """UNAUTHORIZED_CUSTOMER NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION_TYPE
    CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS CUSTOMER_NOT_FOUND NOT_ADS_USER
    CLIENT_CUSTOMER_ID_INVALID DEVELOPER_TOKEN_INVALID DEVELOPER_TOKEN_NOT_ON_ALLOWLIST DEVELOPER_TOKEN_PROHIBITED
    DEVELOPER_TOKEN_NOT_APPROVED DEVELOPER_TOKEN_PARAMETER_MISSING CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION
    USER_PERMISSION_DENIED CUSTOMER_NOT_ENABLED INCOMPLETE_SIGNUP MISSING_TOS PROJECT_DISABLED INVALID_LOGIN_CUSTOMER_ID
    INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT
    CANNOT_RESTATE_CONVERSION_ACTION_THAT_ALWAYS_USES_DEFAULT_CONVERSION_VALUE""".split()
)
_ROWS = frozenset({"conversions", "conversion_adjustments", "conversionAdjustments"})


def build_event(postback: Postback, *, at: datetime) -> str:
    """Return the conversion or adjustment; raises `Unsendable` for what Google would refuse."""
    return _adjustment(postback, at=at) if postback.is_correction else _conversion(postback, at=at)


def combine(destination: Destination, events: Sequence[str], *, at: datetime) -> PreparedRequest:
    """Return the request that carries `events`, all conversions or all adjustments."""
    return _upload(destination, events, at=at)


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request of a postback's one event; raises `Unsendable`."""
    return combine(postback.destination, [build_event(postback, at=at)], at=at)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Return a request that Google checks as any other, and does nothing with; that its click is none is refused."""
    event = {
        "gclid": "test",
        "conversionAction": _action(destination),
        "conversionDateTime": _instant(at),
        "conversionValue": 1,
        "currencyCode": "EUR",
        "orderId": f"test-{int(at.timestamp())}",
    }
    return _upload(destination, [json.dumps(event, separators=(",", ":"))], at=at, more=',"validateOnly":true')


def classify_answer(answer: Answer, *, events: int = 1) -> Verdict:
    """Say what the answer to a request means, for each of its events where Google judges them one by one."""
    body = json_object(answer.body)
    if answer.status == 200:
        return _judge_rows(body, events)
    if answer.status == 401 and not _codes(body.get("error")):
        return Verdict(outcome=Outcome.RETRY, reason="Google refused the token (401); a new one is asked for.")
    failures = list(_failures(body.get("error")))
    if not failures:
        return _judge_status(answer.status, body)
    culprits = frozenset(position for failure in failures if (position := _position(failure)) is not None)
    return replace(_judge(failures), culprits=culprits)


def _conversion(postback: Postback, *, at: datetime) -> str:
    identifier = click_identifier(postback)
    refuse_bad_click(postback, at=at)
    event: dict[str, Any] = {
        **identifier,
        "conversionAction": _action(postback.destination),
        "conversionDateTime": _instant(told_at(postback)),
        "orderId": postback.dedup_id,
    }
    if consent := _consent(postback.conversion.player):
        event["consent"] = consent
    value = told_value(postback)
    if value is None:
        return with_numbers(event, {})
    return with_numbers(event | {"conversionValue": "#value", "currencyCode": value.currency}, {"value": value.amount})


def _adjustment(postback: Postback, *, at: datetime) -> str:
    if at - told_at(postback) > LAST_CORRECTION:
        raise NothingToTell("Google takes no correction of a conversion that is older than 54 days.")
    event: dict[str, Any] = {
        "adjustmentType": "RETRACTION" if postback.is_reversal else "RESTATEMENT",
        "orderId": postback.dedup_id,
        "conversionAction": _action(postback.destination),
        # The same on every try: Google knows a restatement by it.
        "adjustmentDateTime": _instant(postback.created_at),
    }
    if postback.is_reversal:
        return with_numbers(event, {})
    value = told_value(postback)
    if value is None:
        raise NothingToTell("It had no value that could be stated anew.")
    event["restatementValue"] = {"adjustedValue": "#value", "currencyCode": value.currency}
    return with_numbers(event, {"value": value.amount})


def _action(destination: Destination) -> str:
    return f"customers/{destination.google_account_id}/conversionActions/{destination.conversion_action_id}"


def _consent(player: Player) -> dict[str, str]:
    """Return what the player said on the use of his data; on personalisation Google takes no word here."""
    if player.consent_ad_user_data is None:
        return {}
    return {"adUserData": "GRANTED" if player.consent_ad_user_data else "DENIED"}


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00"


def _upload(destination: Destination, events: Sequence[str], *, at: datetime, more: str = "") -> PreparedRequest:
    are_adjustments = '"adjustmentType"' in events[0]
    verb, rows = (
        ("uploadConversionAdjustments", "conversionAdjustments")
        if are_adjustments
        else ("uploadClickConversions", "conversions")
    )
    account = destination.google_account_id
    url = f"{settings.GOOGLE_ADS_BASE_URL}/{settings.GOOGLE_ADS_API_VERSION}/customers/{account}:{verb}"
    body = f'{{"{rows}":[{",".join(events)}],"partialFailure":true{more}}}'
    headers = {"Content-Type": "application/json", "developer-token": destination.access_token}
    shown = "Authorization: Bearer ***\ndeveloper-token: ***"
    if destination.google_login_account_id:
        headers["login-customer-id"] = destination.google_login_account_id
        shown += f"\nlogin-customer-id: {destination.google_login_account_id}"
    return PreparedRequest(
        request=OutgoingRequest(method="POST", url=url, route="google_ads", body=body.encode(), headers=headers),
        shown=f"POST {url}\n{shown}\n{body}",
        secrets=(destination.access_token,),
        authorization=GoogleAuthorization(destination.google_credentials, at, scope=SCOPE),
    )


Failure = Mapping[str, Any]


def _judge_rows(body: Mapping[str, Any], events: int) -> Verdict:
    """Say what became of each row: failed rows are named by their positions, a failure without one means all."""
    if "results" not in body and "partialFailureError" not in body:
        return Verdict(outcome=Outcome.UNKNOWN, reason="Google answered 200 without saying what became of it.")
    of_rows: dict[int | None, list[Failure]] = {}
    for failure in _failures(body.get("partialFailureError")):
        of_rows.setdefault(_position(failure), []).append(failure)
    if not of_rows and "partialFailureError" in body:
        return Verdict(outcome=Outcome.UNKNOWN, reason="Google said that some failed, and not which.")
    everywhere = of_rows.get(None, [])
    each = tuple(_judge([*everywhere, *of_rows.get(position, [])]) for position in range(events))
    whole = next((verdict for verdict in each if verdict.outcome == Outcome.OK), each[0])
    return whole if events == 1 else replace(whole, each=each)


def _judge(failures: Sequence[Failure]) -> Verdict:
    """Say what the errors of one row, or of a whole request, mean; none mean that it was taken."""
    if not failures:
        return Verdict(outcome=Outcome.OK)
    codes = {code for failure in failures for code in _codes_of(failure)}
    said = "; ".join(str(failure.get("message") or "no message") for failure in failures[:3])
    reason = f"Google: {said} ({', '.join(sorted(codes)) or 'no code'})"[:300]
    if codes & _CONFIGURATION:
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
    if codes & _RETRY:
        return Verdict(outcome=Outcome.RETRY, reason=reason, retry_after=_retry_after(failures))
    if codes & _LATER:
        return Verdict(outcome=Outcome.LATER, reason=reason)
    if codes and codes <= _DONE:
        return Verdict(outcome=Outcome.OK, reason="Google knows it already.")
    return Verdict(outcome=Outcome.EVENT_REFUSED, reason=reason)


def _judge_status(status: int, body: Mapping[str, Any]) -> Verdict:
    error = body.get("error")
    said = error.get("message") if isinstance(error, dict) else None
    reason = f"Google answered {status}: {said or 'no message'}"[:300]
    if status == 403:
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
    if status in RETRY_STATUSES or status >= 500:
        return Verdict(outcome=Outcome.RETRY, reason=reason)
    return Verdict(outcome=Outcome.EVENT_REFUSED if status == 400 else Outcome.UNKNOWN, reason=reason)


def _failures(status: Any) -> Iterator[Failure]:
    """Yield the errors of a google.rpc.Status, from its details of type GoogleAdsFailure."""
    details = status.get("details") if isinstance(status, dict) else None
    for detail in details or []:
        for error in (detail.get("errors") if isinstance(detail, dict) else None) or []:
            if isinstance(error, dict):
                yield error


def _codes(status: Any) -> set[str]:
    return {code for failure in _failures(status) for code in _codes_of(failure)}


def _codes_of(failure: Failure) -> set[str]:
    code = failure.get("errorCode")
    return {str(word) for word in code.values()} if isinstance(code, dict) else set()


def _position(failure: Failure) -> int | None:
    """Return the position of the row that an error is about, None where it names none."""
    location = failure.get("location")
    elements = location.get("fieldPathElements") if isinstance(location, dict) else None
    for element in elements or []:
        if isinstance(element, dict) and element.get("fieldName") in _ROWS and isinstance(element.get("index"), int):
            return int(element["index"])
    return None


def _retry_after(failures: Sequence[Failure]) -> timedelta | None:
    """Return the delay that Google asks for where a quota is used up, such as 900s."""
    for failure in failures:
        details = failure.get("details")
        quota = details.get("quotaErrorDetails") if isinstance(details, dict) else None
        delay = re.fullmatch(r"([0-9]{1,6})(\.[0-9]+)?s", str((quota or {}).get("retryDelay")))
        if delay:
            return timedelta(seconds=int(delay[1]))
    return None
