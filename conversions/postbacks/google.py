"""Google Data Manager API: conversions by Google's own click id, without personal data.

Rules as of google-ads-datamanager 0.9.4: exactly one click id an event; one bad event fails its whole request; what is
accepted is judged later, and asked for with the request's id; the same transaction id states its value anew. There is
no way to take a conversion back: its value can be stated as zero, its count stays.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings

from conversions.models import Destination, Player, Postback
from conversions.postbacks.adapter import (
    RETRY_STATUSES,
    NothingToTell,
    Outcome,
    PreparedRequest,
    Unsendable,
    Verdict,
    json_object,
    platform_click_id,
    told_at,
    told_value,
    with_numbers,
)
from conversions.postbacks.google_tokens import GoogleAuthorization
from tracker_project.common.egress import Answer, OutgoingRequest

MAX_EVENTS = 2000
# A project may make 100,000 requests a day; what comes within a second shares one.
PAUSE_SECONDS = 1.0
CORRECTS_APART = False
# A minute less than Google's own limit: the request takes its time, and clocks differ.
MAX_AGE = timedelta(days=90) - timedelta(minutes=1)
# Of the ids that a click may carry Google wants one: the exact one before those of iOS.
CLICK_IDS = ("gclid", "gbraid", "wbraid")

_RETRY_REASONS = frozenset({"RESOURCE_EXHAUSTED", "INTERNAL_ERROR", "DEADLINE_EXCEEDED", "UNAVAILABLE"})
_LATER_REASONS = frozenset({"CONVERSION_ACTION_TOO_RECENTLY_CREATED"})
_CONFIGURATION_REASONS = frozenset(
    """PERMISSION_DENIED NOT_ALLOWLISTED INVALID_DESTINATION INVALID_CONVERSION_ACTION_ID INVALID_CONVERSION_ACTION_TYPE
    OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH ACCESS_TOKEN_SCOPE_INSUFFICIENT SERVICE_DISABLED
    TERMS_AND_CONDITIONS_NOT_SIGNED EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED DESTINATION_ACCOUNT_TYPE_MISMATCH
    EVENT_SOURCE_AND_DESTINATION_MISMATCH UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER""".split()
)
_TOO_EARLY = "TOO_RECENT_CLICK"
_KNOWN_ALREADY = frozenset({"DUPLICATE_TRANSACTION_ID"})
_INDEX = re.compile(r"events\D*?(\d+)")


def build_event(postback: Postback, *, at: datetime) -> str:
    """Return the event; raises `Unsendable` for what Google would refuse, and with it the whole request."""
    player = postback.conversion.player
    identifier = click_identifier(postback)
    refuse_bad_click(postback, at=at)
    event: dict[str, Any] = {
        "transactionId": postback.dedup_id,
        "eventTimestamp": _instant(told_at(postback)),
        "adIdentifiers": identifier,
    }
    if postback.is_correction:
        event["lastUpdatedTimestamp"] = _instant(at)
    if consent := _consent(player):
        event["consent"] = consent
    value = told_value(postback)
    if value is None:
        if postback.is_correction:
            raise NothingToTell("It had no value that could be stated anew.")
        return with_numbers(event, {})
    return with_numbers(event | {"currency": value.currency, "conversionValue": "#value"}, {"value": value.amount})


def combine(destination: Destination, events: Sequence[str], *, at: datetime) -> PreparedRequest:
    """Return the request that carries `events`; its token is got by the thread that sends it."""
    return _ingest(destination, events, at=at)


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request of a postback's one event; raises `Unsendable`."""
    return combine(postback.destination, [build_event(postback, at=at)], at=at)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Return a request that Google checks as any other, and does nothing with."""
    event = {
        "transactionId": f"test-{int(at.timestamp())}",
        "eventTimestamp": _instant(at),
        "adIdentifiers": {"gclid": "test"},
        "currency": "EUR",
        "conversionValue": 1,
    }
    return _ingest(destination, [json.dumps(event, separators=(",", ":"))], at=at, more=',"validateOnly":true')


def build_inquiry(destination: Destination, receipt: str, *, at: datetime) -> PreparedRequest:
    """Return the request that asks what became of an accepted one."""
    url = f"{settings.GOOGLE_BASE_URL}/v1/requestStatus:retrieve?requestId={quote(receipt, safe='')}"
    return PreparedRequest(
        request=OutgoingRequest(method="GET", url=url, route="google"),
        shown=f"GET {url}",
        authorization=GoogleAuthorization(destination.google_credentials, at),
    )


def classify_answer(answer: Answer, *, events: int = 1) -> Verdict:
    """Say what the answer to a request means; one that was taken is confirmed later, by its receipt."""
    body = json_object(answer.body)
    receipt = body.get("requestId")
    if answer.status == 200 and isinstance(receipt, str) and 0 < len(receipt) <= 100:
        return Verdict(outcome=Outcome.ACCEPTED, receipt=receipt)
    error = body.get("error")
    if answer.status == 401:
        return Verdict(outcome=Outcome.RETRY, reason="Google refused the token (401); a new one is asked for.")
    if not isinstance(error, dict):
        is_passing = answer.status in RETRY_STATUSES or answer.status >= 500
        reason = f"Google answered {answer.status} without saying what became of it."
        return Verdict(outcome=Outcome.RETRY if is_passing else Outcome.UNKNOWN, reason=reason)
    return _classify_error(answer.status, error, events)


def classify_inquiry(answer: Answer, *, events: int) -> Verdict:
    """Say what became of an accepted request of so many events; `ACCEPTED` while Google does not say."""
    found = json_object(answer.body).get("requestStatusPerDestination")
    if answer.status != 200 or not isinstance(found, list) or not found or not isinstance(found[0], dict):
        return Verdict(outcome=Outcome.ACCEPTED, reason=f"Google did not say what became of it ({answer.status}).")
    status = found[0].get("requestStatus")
    if status == "SUCCESS":
        return Verdict(outcome=Outcome.OK)
    if status not in ("FAILED", "PARTIAL_SUCCESS"):
        return Verdict(outcome=Outcome.ACCEPTED, reason="Google is still at it.")
    return _classify_failure(_failures(found[0]), events)


def click_identifier(postback: Postback) -> dict[str, str]:
    """Return the one click id that Google is to know the player by; raises `NothingToTell` where he has none."""
    for name in CLICK_IDS:
        if value := platform_click_id(postback, name):
            return {name: value}
    raise NothingToTell("The player came with no click id of Google's.")


def refuse_bad_click(postback: Postback, *, at: datetime) -> None:
    """Raise `Unsendable` for a click that is too old, or younger than what followed from it."""
    clicked_at = postback.conversion.player.clicked_at
    if clicked_at is None or at - clicked_at > MAX_AGE:
        raise Unsendable("Its click is older than 90 days: Google takes no such conversion.")
    if told_at(postback) < clicked_at:
        raise Unsendable("It happened before the click that is credited: Google takes no such conversion.")


def _consent(player: Player) -> dict[str, str]:
    """Return what the player said; of what he did not say nothing is claimed."""
    said = {"adUserData": player.consent_ad_user_data, "adPersonalization": player.consent_ad_personalization}
    words = {True: "CONSENT_GRANTED", False: "CONSENT_DENIED"}
    return {name: words[value] for name, value in said.items() if value is not None}


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _ingest(destination: Destination, events: Sequence[str], *, at: datetime, more: str = "") -> PreparedRequest:
    url = f"{settings.GOOGLE_BASE_URL}/v1/events:ingest"
    account: dict[str, Any] = {
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": destination.google_account_id},
        "productDestinationId": destination.conversion_action_id,
    }
    if destination.google_login_account_id:
        account["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": destination.google_login_account_id}
    target = json.dumps([account], separators=(",", ":"))
    body = f'{{"destinations":{target},"events":[{",".join(events)}]{more}}}'
    return PreparedRequest(
        request=OutgoingRequest(
            method="POST", url=url, route="google", body=body.encode(), headers={"Content-Type": "application/json"}
        ),
        shown=f"POST {url}\nAuthorization: Bearer ***\n{body}",
        authorization=GoogleAuthorization(destination.google_credentials, at),
    )


def _classify_error(status: int, error: Mapping[str, Any], events: int) -> Verdict:
    details = [detail for detail in error.get("details") or [] if isinstance(detail, dict)]
    violations = [
        violation
        for detail in details
        for violation in detail.get("fieldViolations") or []
        if isinstance(violation, dict)
    ]
    reasons = {str(found.get("reason")) for found in [*details, *violations] if found.get("reason")}
    said = "; ".join(str(violation.get("description") or violation.get("field")) for violation in violations[:3])
    reason = f"Google: {said or error.get('message') or 'no message'} ({', '.join(sorted(reasons)) or status})"[:300]
    if reasons & _LATER_REASONS:
        return Verdict(outcome=Outcome.LATER, reason=reason)
    if reasons & _CONFIGURATION_REASONS or status == 403:
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
    if reasons & _RETRY_REASONS or status in RETRY_STATUSES or status >= 500:
        return Verdict(outcome=Outcome.RETRY, reason=reason)
    if status == 400:
        return Verdict(outcome=Outcome.EVENT_REFUSED, reason=reason, culprits=_culprits(violations, events))
    return Verdict(outcome=Outcome.UNKNOWN, reason=reason)


def _culprits(violations: Sequence[Mapping[str, Any]], events: int) -> frozenset[int]:
    """Return the positions that the violations name; how exactly Google writes them is not relied on."""
    found = [_INDEX.search(str(violation.get("field") or "")) for violation in violations]
    positions = frozenset(int(match[1]) for match in found if match)
    return frozenset(position for position in positions if position < events)


def _failures(status: Mapping[str, Any]) -> dict[str, int]:
    """Return how many records failed by reason, without the words that all reasons begin with."""
    counts = (status.get("errorInfo") or {}).get("errorCounts") or []
    found: dict[str, int] = {}
    for count in counts:
        reason = re.sub(r"^PROCESSING_ERROR_(REASON_)?", "", str(count.get("reason") or "unknown"))
        found[reason] = found.get(reason, 0) + int(count.get("recordCount") or 0)
    return found


def _classify_failure(failures: Mapping[str, int], events: int) -> Verdict:
    """Say what failures mean. Google counts them and names no event: of many it is only known that some failed."""
    reasons = ", ".join(sorted(failures)) or "no reason"
    said = f"Google took it and then refused it: {reasons}."[:300]
    if len(failures) == 1 and (events == 1 or sum(failures.values()) == events):
        (reason,) = failures
        if reason in _KNOWN_ALREADY:
            return Verdict(outcome=Outcome.OK, reason="Google knows it already.")
        if reason == _TOO_EARLY:
            return Verdict(outcome=Outcome.LATER, reason="Google does not know the click yet.")
        if reason in _RETRY_REASONS:
            return Verdict(outcome=Outcome.RETRY, reason=said)
        return Verdict(outcome=Outcome.EVENT_REFUSED, reason=said)
    return Verdict(outcome=Outcome.SPLIT if events > 1 else Outcome.EVENT_REFUSED, reason=said)
