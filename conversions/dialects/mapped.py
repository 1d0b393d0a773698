"""Whatever else a platform sends, by a map that is made in the admin: where each field stands, and what it means."""

import zoneinfo
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from attribution.domain.credit import Claim
from conversions.dialects.dialect import Dialect, Fields, Message
from conversions.dialects.feed import looks_like_click_id
from conversions.dialects.postback import STATUSES, Names, Said, build_event, first_of, kind_of, require_key, status_in
from conversions.dialects.reading import MalformedEvent, country, plausible
from conversions.domain.reported import Reported, ReportedRegistration
from conversions.models import Endpoint
from tracker_project.common.money import minor_digits
from tracker_project.common.strict_json import MalformedJson, parse_value

_NAMES = Names(
    click=("click_id",),
    event=("event",),
    status=("status",),
    amount=("amount",),
    transaction=("transaction_id",),
    event_id=("event_id",),
    player=("player_id",),
    promo_code=("promo_code",),
    time=("occurred_at",),
)


def known_paths(endpoint: Endpoint) -> frozenset[str]:
    """Return the paths that the endpoint's map reads, and what leads to them."""
    paths = set()
    for path in endpoint.field_paths.values():
        parts = path.split(".")
        paths |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return frozenset(paths)


def read_elements(message: Message, endpoint: Endpoint) -> list[Any]:
    """Return the events of a message: its parameters, or its JSON, an array of them where the map says it stands."""
    if not message.body or message.media_type != "application/json":
        return [dict(message.parameters)]
    value = parse_value(message.body)
    for part in endpoint.events_path.split(".") if endpoint.events_path else []:
        if not isinstance(value, dict) or part not in value:
            raise MalformedJson(f"There is no “{endpoint.events_path}” in the body.")
        value = value[part]
    return value if isinstance(value, list) else [value]


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    flat = {name: _value_at(fields, path) for name, path in endpoint.field_paths.items()}
    flat = {name: value for name, value in flat.items() if value is not None}
    word = first_of(flat, _NAMES.event)
    if not word:
        path = endpoint.field_paths.get("event", "event")
        raise MalformedEvent("missing", f"{path} is required: it names the event.", path)
    statuses = {str(said).casefold(): meant for said, meant in endpoint.statuses.items()}
    said = Said(word=word, kind=kind_of(word, endpoint), status=status_in(flat, _NAMES.status, STATUSES | statuses))
    moment = _moment(flat, endpoint, at=at)
    reported = build_event(_NAMES, _with_major_amount(flat, endpoint), said, endpoint, at=at)
    if moment is not None:
        reported = replace(reported, occurred_at=moment, is_time_ours=False)
    if isinstance(reported, ReportedRegistration):
        return replace(reported, claim=_claim(reported.claim, flat), country=country(_text_of(flat), "country"))
    return reported


def _value_at(fields: Mapping[str, Any], path: str) -> Any:
    value: Any = fields
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _text_of(flat: Fields) -> dict[str, str]:
    return {"country": first_of(flat, ("country",))}


def _claim(claim: Claim, flat: Fields) -> Claim:
    """Return the claim with its partner tag; a click id that cannot be ours stays, and says so in the outcome."""
    tag = first_of(flat, ("partner_tag",))
    if looks_like_click_id(tag) and not claim.click_id:
        return replace(claim, click_id=tag.lower())
    return replace(claim, partner_tag=tag)


def _with_major_amount(flat: Fields, endpoint: Endpoint) -> Fields:
    """Return the fields with the amount in units, exact: 1250 cents are 12.50; without a time that was read already."""
    rest = {name: value for name, value in flat.items() if name != "occurred_at"}
    amount = first_of(flat, _NAMES.amount)
    if not amount or endpoint.amount_unit == Endpoint.AmountUnit.MAJOR:
        return rest
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedEvent("bad_amount", "amount must be whole minor units, such as 1250.", "amount")
    currency = first_of(flat, _NAMES.currency).upper() or endpoint.currency or endpoint.platform.brand.currency
    places = minor_digits(currency)
    padded = digits.zfill(places + 1)
    return rest | {"amount": f"{sign}{padded[:-places]}.{padded[-places:]}" if places else f"{sign}{digits}"}


def _moment(flat: Fields, endpoint: Endpoint, *, at: datetime) -> datetime | None:
    written = first_of(flat, _NAMES.time)
    if not written:
        return None
    name = endpoint.field_paths["occurred_at"]
    try:
        read = _read_time(written, endpoint)
    except (ValueError, OverflowError, OSError) as error:
        wanted = endpoint.time_format or "ISO 8601, or seconds since 1970"
        raise MalformedEvent("bad_time", f"{name} must be written as {wanted}.", name) from error
    zone = zoneinfo.ZoneInfo(endpoint.time_zone)
    return plausible(read if read.tzinfo else read.replace(tzinfo=zone), name, at=at)


def _read_time(written: str, endpoint: Endpoint) -> datetime:
    if endpoint.time_format:
        return datetime.strptime(written, endpoint.time_format)  # noqa: DTZ007 (the endpoint's zone follows)
    if written.isascii() and written.isdigit():
        number = int(written)
        return datetime.fromtimestamp(number / 1000 if len(written) > 11 else number, zoneinfo.ZoneInfo("UTC"))
    return datetime.fromisoformat(written)


def _authenticate(message: Message, endpoint: Endpoint) -> None:
    require_key(message, endpoint, _NAMES.key)


DIALECT = Dialect(
    known=frozenset(),
    parse=_parse,
    read=read_elements,
    authenticate=_authenticate,
    secrets=frozenset(_NAMES.key),
    is_array=True,
    answers_one=True,
    is_json=True,
)
