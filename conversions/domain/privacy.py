"""What arrives is parted here, before anything is stored: what a dialect reads, tokens, and names of the rest."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversions.domain.private_tokens import TokenKind, private_token
from tracker_project.common.strict_json import is_fraction

# Names of fields, without all but letters and digits, whose values are replaced by tokens.
_NAMES: dict[TokenKind, frozenset[str]] = {
    TokenKind.EMAIL: frozenset("email mail emailaddress useremail playeremail customeremail".split()),
    TokenKind.PHONE: frozenset(
        "phone phonenumber mobile mobilenumber msisdn tel telephone cellphone userphone".split()
    ),
    TokenKind.INSTRUMENT: frozenset(
        "card cardnumber cardhash pan iban accountnumber bankaccount wallet walletaddress paymentaccount"
        " paymentinstrument instrument instrumentid".split()
    ),
    TokenKind.DEVICE: frozenset(
        "deviceid idfa idfv gaid gpsadid advertisingid androidid oaid imei fireadid amazonid amazonaid adid fingerprint"
        " devicefingerprint appsflyerid".split()
    ),
    TokenKind.ADDRESS: frozenset("ip ipaddress clientip userip playerip remoteip registrationip".split()),
}
_KIND_OF_NAME = {name: kind for kind, names in _NAMES.items() for name in names}
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"\+[0-9][0-9 ().\-]{6,18}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,59}", re.ASCII)
_LONGEST_KEPT = 300
_MOST_DROPPED_NAMES = 50
UNPRINTABLE_NAME = "(a name that may be personal)"


@dataclass(frozen=True, kw_only=True)
class Scrubbed:
    """One event's fields, parted.

    `fields` is what the dialect reads, `content` the same as it may be stored, `tokens` pairs of kind and token,
    `dropped` the paths of all other fields, each with the kind of its token after a colon where it has one.
    """

    fields: dict[str, Any]
    content: dict[str, Any]
    tokens: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def scrub(fields: Mapping[str, Any], *, known: frozenset[str], secret: frozenset[str] = frozenset()) -> Scrubbed:
    """Part the fields of an event; `known` are the paths that its dialect reads, such as `consent.ad_user_data`.

    A value that is an e-mail address or phone number stands in no field, whatever its name: a token takes its place,
    always the same for the same value. `secret` names are passed on and kept nowhere.
    """
    scrubbed = Scrubbed(fields={}, content={})
    _part(fields, scrubbed.fields, scrubbed.content, scrubbed, path="", known=known, secret=secret)
    del scrubbed.dropped[_MOST_DROPPED_NAMES:]
    return scrubbed


def _part(
    fields: Mapping[str, Any],
    passed: dict[str, Any],
    kept: dict[str, Any],
    scrubbed: Scrubbed,
    *,
    path: str,
    known: frozenset[str],
    secret: frozenset[str],
) -> None:
    for name, value in fields.items():
        full = f"{path}{name}"
        if full in secret:
            passed[name] = value
        elif full in known and isinstance(value, Mapping) and any(each.startswith(f"{full}.") for each in known):
            passed[name], kept[name] = {}, {}
            _part(value, passed[name], kept[name], scrubbed, path=f"{full}.", known=known, secret=secret)
        elif full in known:
            passed[name] = _without_personal_text(full, value, scrubbed)
            kept[name] = storable(passed[name])
        else:
            _drop(full, value, scrubbed)


def _without_personal_text(path: str, value: Any, scrubbed: Scrubbed) -> Any:
    """Return a known field's value, or the token that stands for the personal data in it."""
    if not isinstance(value, str) or len(value) > _LONGEST_KEPT:  # a dialect refuses what is longer
        return value
    for kind, pattern in ((TokenKind.EMAIL, _EMAIL), (TokenKind.PHONE, _PHONE)):
        found = pattern.search(value) if kind == TokenKind.EMAIL else pattern.fullmatch(value.strip())
        if found:
            token = private_token(kind, found.group())
            scrubbed.tokens.append((kind, token))
            scrubbed.dropped.append(f"{_plain(path)}:{kind}")
            return f"private-{token[:32]}"
    return value


def _drop(path: str, value: Any, scrubbed: Scrubbed) -> None:
    for leaf, text in _leaves(path, value):
        kind = _KIND_OF_NAME.get(re.sub(r"[^a-z0-9]", "", leaf.rpartition(".")[2].lower()))
        if kind is None and isinstance(text, str) and len(text) <= _LONGEST_KEPT and _EMAIL.search(text):
            kind = TokenKind.EMAIL
        if kind is not None and isinstance(text, (str, int)) and str(text).strip():
            scrubbed.tokens.append((kind, private_token(kind, str(text))))
            scrubbed.dropped.append(f"{_plain(leaf)}:{kind}")
        else:
            scrubbed.dropped.append(_plain(leaf))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the paths and values inside a dropped value; elements of a list share the list's name."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _leaves(path, inner)
    else:
        yield path, value


def _plain(path: str) -> str:
    """Return a path as it may be shown: a name with an e-mail or a long number in it could be somebody's."""
    if _PLAIN_NAME.fullmatch(path) and not re.search(r"[0-9]{5}", path):
        return path
    return UNPRINTABLE_NAME


def storable(value: Any) -> Any:
    """Return a field's value as JSON that Postgres takes: no NUL, no lone surrogates, nothing endless."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**18 else "(a long number)"
    if isinstance(value, str):
        if len(value) > _LONGEST_KEPT:
            return "(a long text)"
        text = str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")
        clean = text.encode("utf-8", "replace").decode()
        return f"{clean} (as a number)" if is_fraction(value) else clean
    return "(an object)" if isinstance(value, Mapping) else "(a list)"


def distinct(names: Iterable[str]) -> list[str]:
    """Return names once each, in order."""
    return list(dict.fromkeys(names))
