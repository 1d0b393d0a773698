"""What the feeds of affiliate platforms share: HTTP Basic, elements of a JSON body, players who registered."""

import base64
import binascii
import hmac
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attribution.click_ids import CLICK_ID_DIGITS
from attribution.domain.credit import Claim
from conversions.dialects.dialect import Fields, Message, NotAuthentic, derived_event_id, shows_key
from conversions.dialects.postback import first_of, time_in
from conversions.dialects.reading import MalformedEvent, country
from conversions.domain.reported import ReportedRegistration
from conversions.models import Endpoint
from tracker_project.common.strict_json import MalformedJson, parse_value


def require_basic(message: Message, endpoint: Endpoint) -> None:
    """Raise `NotAuthentic` unless HTTP Basic names the endpoint's slug and its key."""
    scheme, _, encoded = message.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "basic":
        raise NotAuthentic("missing_key", "Send HTTP Basic: the endpoint's name and its key.")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotAuthentic("bad_key", "The Authorization header cannot be read.") from error
    is_named = hmac.compare_digest(user.encode(), endpoint.slug.encode())
    if not (shows_key(endpoint, password) and is_named):
        raise NotAuthentic("bad_key", "Name or key is not the endpoint's.")


def elements_of(message: Message, key: str = "") -> list[Any]:
    """Return the array that a JSON body is, or has under `key`; one object counts as an array of one."""
    value = parse_value(message.body)
    if isinstance(value, dict) and key:
        value = value.get(key)
    if isinstance(value, dict) and not key:
        value = [value]
    if not isinstance(value, list):
        raise MalformedJson(f"The body must be an object with an array “{key}”." if key else "Send a JSON array.")
    return value


def looks_like_click_id(text: str) -> bool:
    return len(text) == CLICK_ID_DIGITS and all(digit in string.hexdigits for digit in text)


def claim_of(tag: str) -> Claim:
    """Return what a tag that came through the casino claims: a click id of ours, else a partner's tag."""
    if looks_like_click_id(tag):
        return Claim(click_id=tag.lower())
    return Claim(partner_tag=tag)


def registration(fields: Fields, names: Mapping[str, str], endpoint: Endpoint, *, at: datetime) -> ReportedRegistration:
    """Return the registration that a feed's row reports; `names` are its fields for player, tag, time and country."""
    player_id = first_of(fields, (names["player"],))
    if not player_id:
        raise MalformedEvent("missing", f"{names['player']} is required.", names["player"])
    occurred_at = time_in(fields, (names["time"],), at=at)
    return ReportedRegistration(
        event_id=derived_event_id(endpoint.dialect, "registration", player_id),
        occurred_at=occurred_at or at,
        is_time_ours=occurred_at is None,
        player_id=player_id,
        claim=claim_of(first_of(fields, (names["tag"],))),
        country=country({"country": first_of(fields, (names["country"],))}, "country"),
    )
