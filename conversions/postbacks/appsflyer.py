"""AppsFlyer server-to-server events: one a request, told by AppsFlyer's own id of the install, without device ids.

Rules as of AppsFlyer's OpenAPI: at most 1 KB; an iOS app's id begins with “id”; 200 does not prove that the event was
recorded. There is no documented de-duplication and no way to take an event back.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from conversions.models import AttStatus, Destination, Postback
from conversions.postbacks.adapter import (
    RETRY_STATUSES,
    NothingToTell,
    Outcome,
    PreparedRequest,
    Unsendable,
    Verdict,
    click_fact,
    event_name,
    told_at,
    told_value,
)
from tracker_project.common.egress import Answer, OutgoingRequest

EVENT_NAMES: dict[str, str] = {
    Postback.Event.REGISTRATION: "af_complete_registration",
    Postback.Event.FIRST_DEPOSIT: "af_purchase",
    Postback.Event.DEPOSIT: "af_purchase",
    Postback.Event.VALUABLE_DEPOSIT: "af_purchase",
}
MAX_BODY_BYTES = 1024
_IOS = re.compile(r"\d{13}-\d{7}", re.ASCII)
_ANDROID = re.compile(r"\d{13}-\d{19}", re.ASCII)
_CONFIGURATION = {
    401: "AppsFlyer does not accept the key (401).",
    403: "AppsFlyer says that the plan has no server-to-server events (403).",
    404: "AppsFlyer knows no such app (404).",
}


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request; raises `Unsendable`."""
    if postback.is_correction:
        raise Unsendable("AppsFlyer has no way to take an event back.")
    value = told_value(postback)
    event: dict[str, Any] = {
        "appsflyer_id": _appsflyer_id(postback),
        "eventName": event_name(postback, EVENT_NAMES),
        "eventTime": f"{told_at(postback).astimezone(UTC):%Y-%m-%d %H:%M:%S}.000",
    }
    worth: dict[str, str] = {"af_order_id": postback.dedup_id}
    if value is not None:
        event["eventCurrency"] = value.currency
        worth |= {"af_revenue": f"{value.amount:f}", "af_currency": value.currency}
    # AppsFlyer wants an object's text here, not an object.
    event["eventValue"] = json.dumps(worth, separators=(",", ":"))
    body = json.dumps(event, separators=(",", ":"))
    if len(body) > MAX_BODY_BYTES:
        raise Unsendable("It is longer than the 1,024 bytes that AppsFlyer takes.")
    return _post(postback.destination, body)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Raise `Unsendable`: whatever AppsFlyer takes, it counts."""
    raise Unsendable("AppsFlyer has no test events: it would count one, and its 200 would prove nothing.")


def classify_answer(answer: Answer) -> Verdict:
    """Say what a status means; 200 is all that AppsFlyer ever says of an event that it took."""
    status = answer.status
    if status in _CONFIGURATION:
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=_CONFIGURATION[status], pauses_destination=True)
    reason = f"AppsFlyer answered {status}: {answer.body[:150].decode(errors='replace')}"
    if 200 <= status < 300:
        return Verdict(outcome=Outcome.OK)
    if status in RETRY_STATUSES or status >= 500:
        return Verdict(outcome=Outcome.RETRY, reason=reason)
    return Verdict(outcome=Outcome.EVENT_REFUSED if status == 400 else Outcome.UNKNOWN, reason=reason)


def _appsflyer_id(postback: Postback) -> str:
    """Return AppsFlyer's id of the install, byte for byte; an iPhone's only where its owner allowed tracking."""
    destination = postback.destination
    sub_ids = (postback.conversion.player.click_facts or {}).get("sub_ids") or {}
    by_sub_id = sub_ids.get(str(destination.app_user_sub_id)) if destination.app_user_sub_id else None
    found = click_fact(postback, "appsflyer_id") or str(by_sub_id or "")
    if not found:
        raise NothingToTell("The player came with no id of AppsFlyer's.")
    is_ios = destination.app_id.startswith("id")
    if is_ios and postback.conversion.player.att_status != AttStatus.AUTHORIZED:
        raise NothingToTell("The iPhone's owner is not known to have allowed tracking.")
    if not (_IOS if is_ios else _ANDROID).fullmatch(found):
        raise Unsendable("What the click brought is no id of AppsFlyer's.")
    return found


def _post(destination: Destination, body: str) -> PreparedRequest:
    url = f"{settings.APPSFLYER_BASE_URL}/inappevent/{destination.app_id}"
    headers = {"Content-Type": "application/json", "authentication": destination.access_token}
    return PreparedRequest(
        request=OutgoingRequest(method="POST", url=url, route="appsflyer", body=body.encode(), headers=headers),
        shown=f"POST {url}\nauthentication: ***\n{body}",
        secrets=(destination.access_token,),
    )
