"""Macros of postbacks: which exist, where in an address, a header or a body they may stand, how they are filled in."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.core.exceptions import ValidationError

from campaigns.domain.macros import MACRO, validate_url_template
from conversions.domain.event_names import refuse_telling_text

POSTBACK_MACROS: dict[str, str] = {
    "event": "registration, first_deposit, deposit or valuable_deposit",
    "event_name": "the event's name on their side, as set above",
    "status": "approved, or rejected for a correction",
    "transaction_id": "the id to de-duplicate on, the same on every try and for a correction",
    "click_id": "our click id",
    "external_id": "the source's or partner's own click id",
    **{f"sub_id_{number}": f"sub id {number} of the click" for number in range(1, 11)},
    "payout": "what the partner is paid",
    "payout_currency": "the payout's currency",
    "value": "the value to be sent, as set above",
    "value_currency": "its currency",
    "amount": "the deposit's amount",
    "currency": "the deposit's currency",
    "campaign_id": "the campaign's number",
    "creative_id": "the creative's number",
    "player_key": "the player's id, hashed under the destination's key",
    "country": "the player's country",
    "occurred_at": "seconds since 1970",
}


# In a JSON body one of these alone is written as a number.
NUMBER_MACROS = frozenset({"payout", "value", "amount", "occurred_at"})
# Headers that the tracker or the transport writes.
_OUR_HEADERS = frozenset(
    """host content-length content-type transfer-encoding connection keep-alive te trailer upgrade expect user-agent
    accept-encoding cookie webhook-id webhook-timestamp webhook-signature""".split()
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+", re.ASCII)
MAX_TEMPLATE_CHARACTERS = 4000


def validate_postback_url(url: str) -> None:
    """Refuse an address that is not http(s), has an unknown macro, or a macro in its scheme or host."""
    validate_url_template(url, POSTBACK_MACROS)
    for _, value in parse_qsl(urlsplit(url).query):
        refuse_telling_text(MACRO.sub("", value))


def validate_postback_headers(text: str) -> None:
    """Refuse headers that are not one `Name: value` a line, that the tracker writes itself, or with unknown macros."""
    for name, value in _header_lines(text):
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValidationError(
                f"“{name[:40]}” is no header: write one a line, such as X-Api-Key: 42.", code="header"
            )
        if name.lower() in _OUR_HEADERS:
            raise ValidationError(f"The tracker writes {name} itself.", code="header")
        _refuse_unknown_macros(value)


def validate_json_body(text: str) -> None:
    """Refuse a body that is no JSON, or that has unknown macros or a macro outside of a text."""
    _refuse_long(text)
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ValidationError("This is no JSON; macros stand inside texts, such as {“id”: “{click_id}”}.") from error
    for _, value in _named_texts("", parsed):
        _refuse_unknown_macros(value)
        refuse_telling_text(MACRO.sub("", value))


def validate_form_body(text: str) -> None:
    """Refuse a body that is not name=value pairs joined by &, or that has unknown macros."""
    _refuse_long(text)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise ValidationError("Write name=value pairs joined by &, such as cid={click_id}&sum={value}.") from error
    for name, value in pairs:
        if MACRO.search(name):
            raise ValidationError("Macros stand in values, not in names.")
        _refuse_unknown_macros(value)
        refuse_telling_text(MACRO.sub("", value))


def fill_postback_url(template: str, values: Mapping[str, str]) -> str:
    """Return the address with each macro replaced by its value, percent-encoded; a missing value is empty text."""
    return MACRO.sub(lambda found: quote(values.get(found[1], ""), safe=""), template)


def fill_headers(text: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by name; a macro's value is percent-encoded, so that none can begin another header."""
    return {name: fill_postback_url(value, values) for name, value in _header_lines(text)}


def fill_form_body(template: str, values: Mapping[str, str]) -> str:
    """Return the pairs, encoded as browsers encode forms."""
    pairs = parse_qsl(template, keep_blank_values=True)
    return urlencode([(name, _filled(value, values)) for name, value in pairs])


def fill_json_body(template: str, values: Mapping[str, str]) -> str:
    """Return the JSON with its macros filled in.

    A macro of `NUMBER_MACROS` that stands alone in its text becomes a number with the value's own digits, or null
    where there is none.
    """
    return _json(json.loads(template), values)


def literal_pairs(body_template: str) -> list[tuple[str, str]]:
    """Return the names and texts of a body's template, JSON or a form, before macros are filled in."""
    try:
        return _named_texts("", json.loads(body_template))
    except ValueError:
        return parse_qsl(body_template)


def _named_texts(name: str, value: Any) -> list[tuple[str, str]]:
    match value:
        case str():
            return [(name, value)]
        case dict():
            return [pair for key, part in value.items() for pair in _named_texts(key, part)]
        case list():
            return [pair for part in value for pair in _named_texts(name, part)]
        case _:
            return []


def _json(value: Any, values: Mapping[str, str]) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_json(part, values)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ",".join(_json(part, values) for part in value) + "]"
        case str():
            alone = MACRO.fullmatch(value)
            if alone and alone[1] in NUMBER_MACROS:
                return values.get(alone[1], "") or "null"
            return json.dumps(_filled(value, values))
        case _:
            return json.dumps(value)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return MACRO.sub(lambda found: values.get(found[1], ""), text)


def _header_lines(text: str) -> list[tuple[str, str]]:
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _, value in lines]


def _refuse_unknown_macros(text: str) -> None:
    unknown = sorted({name for name in MACRO.findall(text) if name not in POSTBACK_MACROS})
    if unknown:
        raise ValidationError(f"No macro is called {{{unknown[0]}}}.", code="macro")
    if "{" in MACRO.sub("", text) or "}" in MACRO.sub("", text):
        raise ValidationError("A brace is left open or closed twice; macros look like {click_id}.", code="brace")


def _refuse_long(text: str) -> None:
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise ValidationError(f"At most {MAX_TEMPLATE_CHARACTERS} characters.")
