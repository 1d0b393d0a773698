"""What a flow's filters may ask: each field's values, read once into a test that edges put to every visitor.

Text is compared without case; `*` at either end stands for anything, `(none)` for nothing at all.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError

NONE = "(none)"
ANY = "any"
PLATFORM_CLICK_IDS = ("fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid", "twclid", "ScCid", "rdt_cid")
DEVICES = ("desktop", "phone", "tablet", "other")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_COUNTRY = re.compile(r"[A-Z]{2}")
_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})")
_SLUG = re.compile(r"[a-z0-9-]+")
_VERSION = re.compile(r"(>=|<=|>|<|)\s*([0-9]{1,5}(?:\.[0-9]{1,5}){0,3})")
_HOURS = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in small letters: whole ones, beginnings, ends and parts; and whether no text at all is meant too."""

    whole: frozenset[str]
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    takes_none: bool = False

    def takes(self, text: str | None) -> bool:
        if not text:
            return self.takes_none
        text = text.lower()
        return (
            text in self.whole
            or bool(self.starts and text.startswith(self.starts))
            or bool(self.ends and text.endswith(self.ends))
            or any(part in text for part in self.parts)
        )


@dataclass(frozen=True, slots=True)
class Codes:
    """Texts that are compared as they stand, such as countries; no text is none of them, unless `takes_none`."""

    codes: frozenset[str]
    takes_none: bool = False

    def takes(self, text: str | None) -> bool:
        return text in self.codes if text is not None else self.takes_none


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers, such as AS numbers, hours of the day or days of the week (Monday is 0)."""

    numbers: frozenset[int]

    def takes(self, number: int | None) -> bool:
        return number in self.numbers


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions: `17` takes 17 and whatever begins with 17., the others compare part by part."""

    bounds: tuple[tuple[str, tuple[int, ...]], ...]

    def takes(self, text: str | None) -> bool:
        version = tuple(int(part) for part in text.split(".") if part.isascii() and part.isdigit()) if text else ()
        return bool(version) and any(_is_within(version, sign, bound) for sign, bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Flags:
    """Yes, no, or both."""

    answers: frozenset[bool]

    def takes(self, answer: bool | None) -> bool:
        return bool(answer) in self.answers


@dataclass(frozen=True, slots=True)
class Names:
    """Names of which a visitor may have several, such as platforms' click ids or the scenarios of the day."""

    names: frozenset[str]
    takes_any: bool = False

    def takes(self, names: frozenset[str]) -> bool:
        return bool(names) if self.takes_any else not self.names.isdisjoint(names)


Test = Words | Codes | Numbers | Versions | Flags | Names


def parse_filter(field: str, values: Sequence[str]) -> Test:
    """Return the test that a filter's values make; raise `ValidationError` that says what may be written."""
    if not values:
        raise ValidationError("Write at least one value.", code="values")
    texts = [value.strip() for value in values]
    return _PARSERS.get(field, _words)(texts)


def describe_values(field: str) -> str:
    """Say in plain words what the values of a field look like, for forms."""
    return _FORMS.get(field, _TEXT_FORM)


def _words(texts: Sequence[str]) -> Words:
    named = [text.lower() for text in texts if text != NONE]
    for text in named:
        if not text.strip("*"):
            raise ValidationError("A value is empty: write a text, or (none) for visitors without one.", code="values")
        if "*" in text.strip("*"):
            raise ValidationError(f"“{text}” has a * in its middle; it may stand at either end.", code="values")
    return Words(
        whole=frozenset(text for text in named if "*" not in text),
        starts=tuple(text[:-1] for text in named if text.endswith("*") and not text.startswith("*")),
        ends=tuple(text[1:] for text in named if text.startswith("*") and not text.endswith("*")),
        parts=tuple(text.strip("*") for text in named if text.startswith("*") and text.endswith("*")),
        takes_none=NONE in texts,
    )


def _codes(form: re.Pattern[str], change: Callable[[str], str], hint: str) -> Callable[[Sequence[str]], Codes]:
    def parse(texts: Sequence[str]) -> Codes:
        codes = [change(text) for text in texts if text != NONE]
        wrong = [code for code in codes if not form.fullmatch(code)]
        if wrong:
            raise ValidationError(f"“{wrong[0]}” cannot be used: {hint}", code="values")
        return Codes(frozenset(codes), takes_none=NONE in texts)

    return parse


def _one_of(names: Sequence[str], hint: str) -> Callable[[Sequence[str]], Codes]:
    return _codes(re.compile("|".join(names)), str.lower, hint)


def _as_numbers(texts: Sequence[str]) -> Numbers:
    found = [_ASN.fullmatch(text.upper()) for text in texts]
    if not all(found):
        raise ValidationError("Write AS numbers, such as 64500 or AS64500.", code="values")
    return Numbers(frozenset(int(match[1]) for match in found if match))


def _hours(texts: Sequence[str]) -> Numbers:
    hours = set[int]()
    for text in texts:
        found = _HOURS.fullmatch(text)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (24, 24)
        if first > 23 or last > 23:
            raise ValidationError("Write hours from 0 to 23, such as 9 or 9-17 or 22-4.", code="values")
        hours.update((first + step) % 24 for step in range((last - first) % 24 + 1))
    return Numbers(frozenset(hours))


def _weekdays(texts: Sequence[str]) -> Numbers:
    days = [text.lower()[:3] for text in texts]
    if not set(days) <= set(WEEKDAYS):
        raise ValidationError(f"Write days as {', '.join(WEEKDAYS)}.", code="values")
    return Numbers(frozenset(map(WEEKDAYS.index, days)))


def _versions(texts: Sequence[str]) -> Versions:
    found = [_VERSION.fullmatch(text) for text in texts]
    if not all(found):
        raise ValidationError("Write versions such as 17, 17.4, >=16 or <9.", code="values")
    return Versions(tuple((match[1], tuple(map(int, match[2].split(".")))) for match in found if match))


def _is_within(version: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    """Compare as many parts as the bound has: 16.4 is neither above nor below 16."""
    parts = (*version, *(0,) * (len(bound) - len(version)))[: len(bound)]
    return {
        "": parts == bound,
        ">=": parts >= bound,
        "<=": parts <= bound,
        ">": parts > bound,
        "<": parts < bound,
    }[sign]


def _flags(texts: Sequence[str]) -> Flags:
    if not {text.lower() for text in texts} <= {"yes", "no"}:
        raise ValidationError("Write yes or no.", code="values")
    return Flags(frozenset(text.lower() == "yes" for text in texts))


def _platform_click_ids(texts: Sequence[str]) -> Names:
    known = {name.lower(): name for name in PLATFORM_CLICK_IDS}
    named = [text.lower() for text in texts]
    if not set(named) <= {ANY, *known}:
        raise ValidationError(f"Write any, or some of {', '.join(PLATFORM_CLICK_IDS)}.", code="values")
    return Names(frozenset(known[name] for name in named if name != ANY), takes_any=ANY in named)


def _scenarios(texts: Sequence[str]) -> Names:
    if not all(map(_SLUG.fullmatch, texts)):
        raise ValidationError("Write scenarios by their slugs, such as summer-2026.", code="values")
    return Names(frozenset(texts))


_TEXT_FORM = "Texts such as slots; free* begins with it, *spins ends with it, *free* has it anywhere, (none): nothing."
_FORMS = {
    "country": "Two letters, such as MT. (none): unknown.",
    "region": "Country and region by ISO 3166-2, such as US-NJ. (none): unknown.",
    "city": "English names, such as Valletta; Sao* begins with it. (none): unknown.",
    "language": "Two letters, such as de: the browser's first language. (none): it names none.",
    "device": f"One of {', '.join(DEVICES)}.",
    "os": "Families such as iOS, Android, Windows, Mac OS X, Linux, Chrome OS.",
    "os_version": "Such as 17, 17.4, >=16 or <9.",
    "browser": "Families such as Chrome Mobile, Mobile Safari, Facebook; Chrome* takes all Chromes.",
    "connection": "As the connection database names it, such as Cellular, Cable/DSL, Corporate. (none): unknown.",
    "isp": "The provider's name, such as Vodafone*. (none): unknown.",
    "asn": "AS numbers, such as 64500.",
    "referrer": "Hosts, such as l.facebook.com or *.facebook.com. (none): no referrer.",
    "platform_click_id": f"any, or some of {', '.join(PLATFORM_CLICK_IDS)}.",
    "weekday": f"Days in the campaign's time zone: {', '.join(WEEKDAYS)}.",
    "hour": "Hours in the campaign's time zone, such as 9, 9-17 (until 17:59) or 22-4.",
    "unique": "yes: the visitor's first click in the campaign's window; no: a repeat.",
    "bot": "yes or no.",
    "scenario": "Slugs of scenarios that run at the time of the click.",
}
_PARSERS: dict[str, Callable[[Sequence[str]], Test]] = {
    "country": _codes(_COUNTRY, str.upper, "write countries as two letters, such as MT."),
    "region": _codes(_REGION, str.upper, "write regions with their country, such as US-NJ."),
    "language": _codes(_LANGUAGE, str.lower, "write languages as two letters, such as de."),
    "device": _one_of(DEVICES, f"there are {', '.join(DEVICES)}."),
    "os_version": _versions,
    "asn": _as_numbers,
    "platform_click_id": _platform_click_ids,
    "weekday": _weekdays,
    "hour": _hours,
    "unique": _flags,
    "bot": _flags,
    "scenario": _scenarios,
}
