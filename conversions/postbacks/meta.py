"""Meta Conversions API: one event a request, told by click and by a hashed key, without personal data.

Rules as of facebook-business 26 and Meta's documentation of September 2026: an event older than seven days fails, and
with it whatever else is in its request; `action_source` must be true, and what a back office confirms is
`system_generated`; there is no way to take an event back.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from conversions.domain.outbox import player_key
from conversions.models import Conversion, Player, Postback
from conversions.postbacks.adapter import Outcome, PreparedRequest, Unsendable, Verdict
from tracker_project.common.egress import Answer, OutgoingRequest
from tracker_project.common.money import Money, round_money

EVENT_NAMES: dict[str, str] = {
    Postback.Event.REGISTRATION: "CompleteRegistration",
    Postback.Event.FIRST_DEPOSIT: "Purchase",
    Postback.Event.DEPOSIT: "Purchase",
}
# A minute less than Meta's own limit: the request takes its time, and clocks differ.
MAX_AGE = timedelta(days=7) - timedelta(minutes=1)
_CRYPTO = frozenset({"BTC", "DOGE", "ETH", "LTC", "SOL", "TRX", "USDC", "USDT", "XRP"})
_FBC = re.compile(r"fb\.1\.\d{13}\.[^.\s]+", re.ASCII)

_RETRY_CODES = frozenset({1, 2, 4, 17, 341, 368, 613, 5000, 21009, 80003, 80004})
_ACCESS_CODES = frozenset({3, 10, 102, 104, 190, *range(200, 300)})
_INVALID_PARAMETER = 100
_NO_SUCH_OBJECT = 33


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the POST of a postback's one event; raises `Unsendable` for what Meta would refuse anyway."""
    if postback.is_correction:
        raise Unsendable("Meta has no way to take an event back.")
    if at - postback.conversion.occurred_at > MAX_AGE:
        raise Unsendable("It is older than seven days: Meta takes no such event.")
    destination = postback.destination
    url = f"{settings.META_BASE_URL}/{settings.META_API_VERSION}/{destination.dataset_id}/events"
    data = f"[{_event_json(postback)}]"
    body = urlencode({"access_token": destination.access_token, "data": data}).encode()
    return PreparedRequest(
        request=OutgoingRequest(
            method="POST", url=url, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ),
        shown=f"POST {url}\naccess_token=***\ndata={data}",
        secrets=(destination.access_token,),
    )


def classify_answer(answer: Answer) -> Verdict:
    """Say what an answer means by the error's code; Meta's HTTP statuses cannot be relied on.

    What no list names is tried again: the tries are bounded, and a lost event is lost for good.
    """
    body = _json_object(answer.body)
    error = body.get("error")
    if isinstance(error, dict):
        return _classify_error(error)
    if answer.status == 200 and body.get("events_received") == 1:
        return Verdict(outcome=Outcome.OK)
    return Verdict(
        outcome=Outcome.RETRY, reason=f"Meta answered {answer.status} without saying that it took the event."
    )


def _event_json(postback: Postback) -> str:
    """Return the event as JSON. The value is written as its own digits: a float would not keep them."""
    conversion = postback.conversion
    event = {
        "event_name": EVENT_NAMES[postback.event],
        # A platform whose clock runs ahead must not place an event in Meta's future.
        "event_time": int(min(conversion.occurred_at, conversion.received_at).timestamp()),
        "event_id": postback.dedup_id,
        "action_source": "system_generated",
        "user_data": _user_data(postback),
    }
    text = json.dumps(event, separators=(",", ":"))
    if conversion.kind != Conversion.Kind.DEPOSIT:
        return text
    value = _value(conversion)
    return text[:-1] + f',"custom_data":{{"currency":{json.dumps(value.currency.lower())},"value":{value.amount:f}}}}}'


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


def _value(conversion: Conversion) -> Money:
    """Return the deposit's amount, in the reporting currency where Meta does not know the player's own."""
    amount, currency = conversion.amount, conversion.currency
    if currency in _CRYPTO:
        amount, currency = conversion.reporting_amount, conversion.reporting_currency
    if amount is None or currency is None:
        raise Unsendable(f"Meta does not know {conversion.currency}, and no exchange rate was known.")
    return Money(amount=round_money(amount, currency), currency=currency)


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


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
