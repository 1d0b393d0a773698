"""Generic server-to-server postbacks: a GET of a URL template whose macros are filled in."""

import re
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from django.conf import settings

from attribution.click_ids import sign_click_id
from conversions.domain.consent import player_country
from conversions.domain.outbox import player_key
from conversions.domain.postback_macros import fill_postback_url
from conversions.models import Conversion, Postback
from conversions.postbacks.adapter import RETRY_STATUSES, Outcome, PreparedRequest, Verdict, click_fact
from tracker_project.common.egress import Answer, OutgoingRequest
from tracker_project.common.money import round_money

# Parameters that carry a password by another name, in templates of common trackers and networks.
_SECRET_NAME = re.compile(r"(?i)(token|key|secret|secure|sign|sig|pass|pwd|auth|hash)")
_MACRO_VALUE = re.compile(r"\{[a-z0-9_]+\}")
_REFUSED_HERE = {
    401: "The receiver does not accept our credentials (401): check the address.",
    403: "The receiver does not let us in (403): check the address.",
    410: "The receiver says that this address is gone (410).",
}


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the GET that a postback's template makes."""
    template = postback.destination.url_template
    url = fill_postback_url(template, _values(postback))
    secret_names = {
        name for name, value in _query(template) if _SECRET_NAME.search(name) and not _MACRO_VALUE.search(value)
    }
    secrets = tuple(value for name, value in _query(template) if name in secret_names and value)
    return PreparedRequest(
        request=OutgoingRequest(method="GET", url=url), shown=f"GET {_masked(url, secret_names)}", secrets=secrets
    )


def classify_answer(answer: Answer) -> Verdict:
    """Say what a status means: any 2xx is success, and only "not now" and our side's fault are worth another try."""
    status = answer.status
    if 200 <= status < 300:
        return Verdict(outcome=Outcome.OK)
    if status in RETRY_STATUSES or status >= 500:
        return Verdict(outcome=Outcome.RETRY, reason=f"The receiver answered {status}.")
    if 300 <= status < 400:
        reason = f"The receiver redirects ({status}), which is never followed: enter the final address."
        return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason)
    if status in _REFUSED_HERE:
        return Verdict(
            outcome=Outcome.DESTINATION_REFUSED, reason=_REFUSED_HERE[status], pauses_destination=status == 410
        )
    return Verdict(outcome=Outcome.EVENT_REFUSED, reason=f"The receiver refused it for good ({status}).")


def _values(postback: Postback) -> dict[str, str]:
    """Return the value of each macro: all that can be said of a conversion, and nothing else."""
    conversion, player = postback.conversion, postback.conversion.player
    sub_ids = (player.click_facts or {}).get("sub_ids") or {}
    return {
        "event": postback.event,
        "status": "rejected" if postback.is_correction else "approved",
        "transaction_id": postback.dedup_id,
        "click_id": _click_id(conversion),
        "external_id": click_fact(postback, "external_id"),
        **{f"sub_id_{number}": str(sub_ids.get(str(number)) or "") for number in range(1, 11)},
        "payout": _amount(postback.payout, postback.payout_currency),
        "payout_currency": postback.payout_currency or "",
        "amount": _amount(conversion.amount, conversion.currency),
        "currency": conversion.currency or "",
        "campaign_id": str(conversion.campaign_id or ""),
        "creative_id": str(conversion.creative_id or ""),
        "player_key": player_key(postback.destination, player),
        "country": player_country(player),
        "occurred_at": str(int(conversion.occurred_at.timestamp())),
    }


def _amount(amount: Decimal | None, currency: str | None) -> str:
    return "" if amount is None or currency is None else f"{round_money(amount, currency):f}"


def _click_id(conversion: Conversion) -> str:
    if conversion.click_uuid is None or conversion.link_id is None:
        return ""
    return sign_click_id(conversion.click_uuid.bytes, conversion.link_id, settings.CLICK_ID_KEYS[0])


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _masked(url: str, names: set[str]) -> str:
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    query = "&".join(f"{name}=***" if name in names else f"{name}{equals}{value}" for name, equals, value in pairs)
    return urlunsplit(parts._replace(query=query))
