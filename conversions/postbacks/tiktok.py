"""TikTok Events API 2.0: events told by TikTok's click id and a hashed key, without personal data.

Rules as of TikTok's documentation and connectors of 2026: an answer is HTTP 200 with a code inside; repeats of an event
id are dropped for 48 hours; events are taken for about seven days. There is no way to take an event back.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from conversions.domain.outbox import nobodys_key, player_key
from conversions.models import Destination, Postback
from conversions.postbacks.adapter import (
    RETRY_STATUSES,
    NothingToTell,
    Outcome,
    PreparedRequest,
    Unsendable,
    Verdict,
    event_name,
    json_object,
    platform_click_id,
    told_at,
    told_value,
    with_numbers,
)
from tracker_project.common.egress import Answer, OutgoingRequest

EVENT_NAMES: dict[str, str] = {
    Postback.Event.REGISTRATION: "CompleteRegistration",
    Postback.Event.FIRST_DEPOSIT: "CompletePayment",
    Postback.Event.DEPOSIT: "CompletePayment",
    Postback.Event.VALUABLE_DEPOSIT: "CompletePayment",
}
MAX_EVENTS = 1000
PAUSE_SECONDS = 0.0
CORRECTS_APART = False
# TikTok names no limit for sure; connectors keep to seven days, and later events count for nothing.
MAX_AGE = timedelta(days=7) - timedelta(minutes=1)
TEST_EVENT = "TrackerTest"

_OK = 0
_PARTLY = 20001
_THROTTLED = 40100
_ACCESS = frozenset({40001, 40102, 40104, 40105})
_BAD_PARAMETERS = 40002


def build_event(postback: Postback, *, at: datetime) -> str:
    """Return the event; raises `Unsendable` for what TikTok would refuse or drop."""
    if postback.is_correction:
        raise Unsendable("TikTok has no way to take an event back.")
    ttclid = platform_click_id(postback, "ttclid")
    if not ttclid:
        raise NothingToTell("The player came with no click id of TikTok's.")
    if at - postback.conversion.occurred_at > MAX_AGE:
        raise Unsendable("It is older than seven days: TikTok takes no such event.")
    event: dict[str, Any] = {
        "event": event_name(postback, EVENT_NAMES),
        "event_time": int(told_at(postback).timestamp()),
        "event_id": postback.dedup_id,
        "user": {"ttclid": ttclid, "external_id": player_key(postback.destination, postback.conversion.player)},
    }
    value = told_value(postback)
    if value is None:
        return with_numbers(event, {})
    properties = {"currency": value.currency, "value": "#value"}
    return with_numbers(event | {"properties": properties}, {"value": value.amount})


def combine(destination: Destination, events: Sequence[str], *, at: datetime) -> PreparedRequest:
    """Return the request that carries `events`, marked as a test while the destination is in test mode."""
    url = f"{settings.TIKTOK_BASE_URL}/open_api/v1.3/event/track/"
    head: dict[str, str] = {"event_source": "web", "event_source_id": destination.pixel_code}
    if destination.is_in_test_mode(at=at):
        head["test_event_code"] = destination.test_event_code
    body = f'{json.dumps(head, separators=(",", ":"))[:-1]},"data":[{",".join(events)}]}}'
    return PreparedRequest(
        request=OutgoingRequest(
            method="POST",
            url=url,
            route="tiktok",
            body=body.encode(),
            headers={"Content-Type": "application/json", "Access-Token": destination.access_token},
        ),
        shown=f"POST {url}\nAccess-Token: ***\n{body}",
        secrets=(destination.access_token,),
    )


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request of a postback's one event; raises `Unsendable`."""
    return combine(postback.destination, [build_event(postback, at=at)], at=at)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Return a request with an event of nobody's for TikTok's test events page; never a deposit."""
    if not destination.is_in_test_mode(at=at):
        raise Unsendable("TikTok counts whatever comes without a test event code: switch the test mode on first.")
    key = nobodys_key(destination, at=at)
    event = {"event": TEST_EVENT, "event_time": int(at.timestamp()), "event_id": key[:32], "user": {"external_id": key}}
    return combine(destination, [with_numbers(event, {})], at=at)


def classify_answer(answer: Answer, *, events: int = 1) -> Verdict:
    """Say what an answer means by the code inside; its HTTP status is 200 whatever happened.

    How a partly taken request names its events is not known: they are sent again apart, under the same ids.
    """
    body = json_object(answer.body)
    code = body.get("code")
    reason = f"TikTok: {body.get('message') or 'no message'} (code {code})"[:300]
    if code == _OK and answer.status == 200:
        return Verdict(outcome=Outcome.OK)
    if code == _PARTLY:
        return Verdict(outcome=Outcome.SPLIT if events > 1 else Outcome.EVENT_REFUSED, reason=reason)
    if code in _ACCESS:
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
    if code == _BAD_PARAMETERS:
        return Verdict(outcome=Outcome.EVENT_REFUSED, reason=reason)
    is_passing = answer.status in RETRY_STATUSES or answer.status >= 500
    if code == _THROTTLED or is_passing or (isinstance(code, int) and 50000 <= code < 60000):
        return Verdict(outcome=Outcome.RETRY, reason=reason)
    reason = f"TikTok answered {answer.status} without a code that is known. {reason}"[:300]
    return Verdict(outcome=Outcome.UNKNOWN, reason=reason)
