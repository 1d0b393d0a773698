"""Generic server-to-server postbacks: a GET or POST whose address, headers and body are templates with macros."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl, quote_plus, urlsplit, urlunsplit

from django.conf import settings

from attribution.click_ids import sign_click_id
from conversions.domain.consent import player_country
from conversions.domain.outbox import nobodys_key, player_key
from conversions.domain.postback_macros import (
    POSTBACK_MACROS,
    fill_form_body,
    fill_headers,
    fill_json_body,
    fill_postback_url,
    literal_pairs,
)
from conversions.models import Conversion, Destination, Postback
from conversions.postbacks.adapter import (
    RETRY_STATUSES,
    Outcome,
    PreparedRequest,
    Verdict,
    chosen_value,
    click_fact,
    event_name,
)
from conversions.signatures import sign
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
_CONTENT_TYPES = {
    Destination.Method.FORM: "application/x-www-form-urlencoded",
    Destination.Method.JSON: "application/json",
}


def build_request(postback: Postback, *, at: datetime) -> PreparedRequest:
    """Return the request that a destination's templates make of a postback."""
    # A correction is another message about the same transaction.
    message_id = postback.dedup_id + ("-rejected" if postback.is_correction else "")
    return _request(postback.destination, _values(postback), message_id=message_id, at=at)


def build_test_request(destination: Destination, *, at: datetime) -> PreparedRequest:
    """Return a request about nobody: `{status}` is test, ids begin with test, amounts are 1."""
    key = nobodys_key(destination, at=at)
    samples = {
        **dict.fromkeys(POSTBACK_MACROS, ""),
        "event": "registration",
        "event_name": "registration",
        "status": "test",
        "transaction_id": f"test-{key[:24]}",
        "click_id": f"test-{key[24:48]}",
        "external_id": f"test-{key[48:]}",
        "player_key": key,
        "occurred_at": str(int(at.timestamp())),
    }
    return _request(destination, samples, message_id=f"test-{key[:24]}", at=at)


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


def _request(destination: Destination, values: Mapping[str, str], *, message_id: str, at: datetime) -> PreparedRequest:
    template = destination.url_template
    url = fill_postback_url(template, values)
    hidden = _secret_pairs(_query(template))
    secrets = [value for _, value in hidden if value]
    given = fill_headers(destination.headers, values)
    secrets += [value for value in given.values() if len(value) >= 4]
    method: Destination.Method = Destination.Method(destination.method)
    lines = [f"{'GET' if method == Destination.Method.GET else 'POST'} {_masked(url, {name for name, _ in hidden})}"]
    lines += [f"{name}: ***" for name in given]
    if method == Destination.Method.GET:
        return PreparedRequest(
            request=OutgoingRequest(method="GET", url=url, route="generic", headers=given),
            shown="\n".join(lines),
            secrets=tuple(secrets),
        )
    fill = fill_form_body if method == Destination.Method.FORM else fill_json_body
    text = fill(destination.body_template, values) if destination.body_template else ""
    body = text.encode()
    headers = {"Content-Type": _CONTENT_TYPES[method], **given, **_signature(destination, body, message_id, at)}
    # A signature that people could copy would be good for five minutes.
    lines += [f"{name}: {'***' if name.endswith('signature') else headers[name]}" for name in _signed(headers)]
    secrets += [value for _, value in _secret_pairs(literal_pairs(destination.body_template)) if value]
    return PreparedRequest(
        request=OutgoingRequest(method="POST", url=url, route="generic", body=body, headers=headers),
        shown="\n".join([*lines, *([_without(text, secrets)] if text else [])]),
        secrets=tuple(secrets),
    )


def _signed(headers: Mapping[str, str]) -> list[str]:
    return [name for name in headers if name.startswith("webhook-")]


def _signature(destination: Destination, body: bytes, message_id: str, at: datetime) -> dict[str, str]:
    """Return the headers by which Standard Webhooks proves a message: fresh on every try, under the same id."""
    if not destination.signing_secret:
        return {}
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(destination.signing_secret, message_id, timestamp, body),
    }


def _values(postback: Postback) -> dict[str, str]:
    """Return the value of each macro: all that can be said of a conversion, and nothing else."""
    conversion, player = postback.conversion, postback.conversion.player
    sub_ids = (player.click_facts or {}).get("sub_ids") or {}
    value = chosen_value(postback)
    return {
        "event": postback.event,
        "event_name": event_name(postback, {postback.event: postback.event}),
        "status": "rejected" if postback.is_correction else "approved",
        "transaction_id": postback.dedup_id,
        "click_id": _click_id(conversion),
        "external_id": click_fact(postback, "external_id"),
        **{f"sub_id_{number}": str(sub_ids.get(str(number)) or "") for number in range(1, 11)},
        "payout": _amount(postback.payout, postback.payout_currency),
        "payout_currency": postback.payout_currency or "",
        "value": _amount(value.amount, value.currency) if value else "",
        "value_currency": value.currency if value else "",
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


def _secret_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in pairs if _SECRET_NAME.search(name) and not _MACRO_VALUE.search(value)]


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _masked(url: str, names: set[str]) -> str:
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    query = "&".join(f"{name}=***" if name in names else f"{name}{equals}{value}" for name, equals, value in pairs)
    return urlunsplit(parts._replace(query=query))


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***").replace(quote_plus(secret), "***")
    return text
