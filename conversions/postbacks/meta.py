"""Meta Conversions API: events told by click and by a hashed key, without personal data.

Rules as of facebook-business 26 and Meta's documentation of September 2026: an event older than seven days fails, and
with it whatever else is in its request; `action_source` must be true, and what a back office confirms is
`system_generated`; there is no way to take an event back.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from conversions.domain.outbox import nobodys_key, player_key
from conversions.models import Destination, Player, Postback
from conversions.postbacks.adapter import (
    Outcome,
    PreparedRequest,
    Unsendable,
    Verdict,
    event_name,
    json_object,
    told_at,
    told_value,
    with_numbers,
)
from tracker_project.common.egress import Answer, OutgoingRequest

EVENT_NAMES: dict[str, str] = {
    Postback.Event.REGISTRATION: "CompleteRegistration",
    Postback.Event.FIRST_DEPOSIT: "Purchase",
    Postback.Event.DEPOSIT: "Purchase",
    Postback.Event.VALUABLE_DEPOSIT: "Purchase",
}
MAX_EVENTS = 1000
PAUSE_SECONDS = 0.0
CORRECTS_APART = False
# A minute less than Meta's own limit: the request takes its time, and clocks differ.
MAX_AGE = timedelta(days=7) - timedelta(minutes=1)
TEST_EVENT = "TrackerTest"
_FBC = re.compile(r"fb\.1\.\d{13}\.[^.\s]+", re.ASCII)

_RETRY_CODES = frozenset({1, 2, 4, 17, 341, 368, 613, 5000, 21009, 80003, 80004})
_ACCESS_CODES = frozenset({3, 10, 102, 104, 190, *range(200, 300)})
_INVALID_PARAMETER = 100
_NO_SUCH_OBJECT = 33


def build_event(postback: Postback, *, at: datetime) -> str:
    """Return the event; raises `Unsendable` for what Meta would refuse, and with it the whole request."""
    if postback.is_correction:
        raise Unsendable("Meta has no way to take an event back.")
    if at - postback.conversion.occurred_at > MAX_AGE:
        raise Unsendable("It is older than seven days: Meta takes no such event.")
    name = event_name(postback, EVENT_NAMES)
    event = {
        "event_name": name,
        "event_time": int(told_at(postback).timestamp()),
        "event_id": postback.dedup_id,
        "action_source": "system_generated",
        "user_data": _user_data(postback),
    }
    value = told_value(postback)
    if value is None:
        if name == "Purchase":
            raise Unsendable("Meta takes no Purchase without a value: send a value, or name the event otherwise.")
        return with_numbers(event, {})
    custom_data = {"currency": value.currency.lower(), "value": "#value"}
    return with_numbers(event | {"custom_data": custom_data}, {"value": value.amount})


def combine(destination: Destination, events: Sequence[str], *, at: datetime) -> PreparedRequest:
    """Return the request that carries `events`, marked as a test while the destination is in test mode."""
    url = f"{settings.META_BASE_URL}/{settings.META_API_VERSION}/{destination.dataset_id}/events"
    data = f"[{','.join(events)}]"
    fields = {"access_token": destination.access_token, "data": data}
    shown = f"POST {url}\naccess_token=***\ndata={data}"
    if destination.is_in_test_mode(at=at):
        fields["test_event_code"] = destination.test_event_code
        shown += f"\ntest_event_code={destination.test_event_code}"
    return PreparedRequest(
        request=OutgoingRequest(
            method="POST",
            url=url,
            route="meta",
            body=urlencode(fields).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        shown=shown,
        secrets=(destination.access_token,),
    )


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request of a postback's one event; raises `Unsendable`."""
    return combine(postback.destination, [build_event(postback, at=at)], at=at)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Return a request with an event of nobody's that Meta shows on its test events page.

    Meta takes test events in like any other, so it is never a deposit, and never goes without a code.
    """
    if not destination.is_in_test_mode(at=at):
        raise Unsendable("Meta counts whatever comes without a test event code: switch the test mode on first.")
    event = {
        "event_name": TEST_EVENT,
        "event_time": int(at.timestamp()),
        "event_id": nobodys_key(destination, at=at)[:32],
        "action_source": "system_generated",
        "user_data": {"external_id": [nobodys_key(destination, at=at)]},
    }
    return combine(destination, [with_numbers(event, {})], at=at)


def classify_answer(answer: Answer, *, events: int = 1) -> Verdict:
    """Say what an answer means by the error's code; Meta's HTTP statuses cannot be relied on.

    What no list names is tried again: the tries are bounded, and a lost event is lost for good.
    """
    body = json_object(answer.body)
    error = body.get("error")
    if isinstance(error, dict):
        return _classify_error(error)
    if answer.status == 200 and body.get("events_received") == events:
        return Verdict(outcome=Outcome.OK)
    return Verdict(
        outcome=Outcome.RETRY, reason=f"Meta answered {answer.status} without saying that it took the event."
    )


def _user_data(postback: Postback) -> dict[str, Any]:
    """Return all that Meta learns of a person: a key that it alone gets, and the click id that it issued itself."""
    user_data: dict[str, Any] = {"external_id": [player_key(postback.destination, postback.conversion.player)]}
    fbc = _fbc(postback.conversion.player)
    return {"fbc": fbc, **user_data} if fbc else user_data


def _fbc(player: Player) -> str:
    """Return the click id in Meta's own form, or "" when there is none or when it cannot be one of Meta's."""
    fbclid = ((player.click_facts or {}).get("platform_click_ids") or {}).get("fbclid")
    if not fbclid or player.clicked_at is None:
        return ""
    fbc = f"fb.1.{int(player.clicked_at.timestamp() * 1000):013d}.{fbclid}"
    return fbc if _FBC.fullmatch(fbc) else ""


def _classify_error(error: Mapping[str, Any]) -> Verdict:
    code, subcode = error.get("code"), error.get("error_subcode")
    reason = f"Meta: {error.get('error_user_msg') or error.get('message') or 'no message'} (code {code}/{subcode})"[
        :300
    ]
    if error.get("is_transient") is True or code in _RETRY_CODES:
        return Verdict(outcome=Outcome.RETRY, reason=reason)
    if code in _ACCESS_CODES or (code == _INVALID_PARAMETER and subcode == _NO_SUCH_OBJECT):
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
    if code == _INVALID_PARAMETER:
        return Verdict(outcome=Outcome.EVENT_REFUSED, reason=reason)
    return Verdict(outcome=Outcome.RETRY, reason=reason)
