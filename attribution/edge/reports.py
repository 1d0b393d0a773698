"""What `/t.js` posts from a page, read as the work of a stranger."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from attribution.edge.visitor import referrer_host
from tracker_project.common.strict_json import MalformedJson, is_fraction, parse_object

LARGEST_BODY = 8 * 1024
EVENTS = ("open", "consent", "app_installed")
_LONGEST_TEXT = {"link": 32, "click_id": 64, "page": 1_000, "query": 4_000, "referrer": 253, "language": 50}
_HINTS = {
    "model": b"sec-ch-ua-model",
    "platformVersion": b"sec-ch-ua-platform-version",
    "effectiveType": b"ect",
    "rtt": b"rtt",
    "downlink": b"downlink",
}
_LONGEST_HINT = 100
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class MalformedReport(ValueError):
    """The body is no report of a page; the message says what is wrong with it."""


class Report(NamedTuple):
    """What a page says. Texts that it does not say are empty; `hints` are headers, as a page of ours would get them."""

    event: str
    link: str
    click_id: str
    page: str
    query: bytes
    referrer: str
    language: str
    has_ad_consent: bool | None
    hints: Mapping[bytes, bytes]


def read_report(body: bytes) -> Report:
    """Return what a body says; what it says beyond that is left alone. Raises `MalformedReport`."""
    try:
        said = parse_object(body)
    except MalformedJson as error:
        raise MalformedReport(str(error)) from error
    event = said.get("event")
    if event not in EVENTS:
        raise MalformedReport(f"event must be one of {', '.join(EVENTS)}.")
    texts = {name: _text(said, name, longest) for name, longest in _LONGEST_TEXT.items()}
    consent = said.get("consent")
    if consent is not None and not isinstance(consent, bool):
        raise MalformedReport("consent must be true, false or left out.")
    return Report(
        event=event,
        link=texts["link"],
        click_id=texts["click_id"],
        page=texts["page"],
        query=texts["query"].encode(),
        referrer=texts["referrer"],
        language=texts["language"],
        has_ad_consent=consent,
        hints=_hints(said.get("hints")),
    )


def page_host(origin: bytes | None, referrer: bytes | None) -> str | None:
    """Return the host of the page that a request came from, without port; None where no header tells."""
    for header in (origin, referrer):
        host = referrer_host(header) if header else None
        if host is not None:
            return host
    return None


def _text(said: Mapping[str, Any], name: str, longest: int) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or is_fraction(value):
        raise MalformedReport(f"{name} must be text.")
    return _storable(value[:longest])


def _hints(said: object) -> dict[bytes, bytes]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise MalformedReport("hints must be an object.")
    return {header: _hint(name, said[name]) for name, header in _HINTS.items() if said.get(name) is not None}


def _hint(name: str, value: object) -> bytes:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise MalformedReport(f"hints.{name} must be text or a number.")
    return _storable(str(value)[:_LONGEST_HINT]).encode()


def _storable(text: str) -> str:
    """Return a text that UTF-8 and Postgres can hold: half a character, as JSON can spell it, is made a ?."""
    return _CONTROL.sub("", text.encode("utf-8", "replace").decode())
