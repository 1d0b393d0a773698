"""What all trackers' postbacks share: parameters in the address or the body, a key, a few fields, words for events."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from attribution.domain.credit import Claim
from conversions.dialects.dialect import (
    Dialect,
    Fields,
    IgnoredEvent,
    Message,
    NotAuthentic,
    derived_event_id,
    shows_key,
)
from conversions.dialects.reading import MalformedEvent, currency_code, plausible, text
from conversions.domain.privacy import storable
from conversions.domain.reported import (
    Reported,
    ReportedDeposit,
    ReportedMilestone,
    ReportedMovement,
    ReportedRegistration,
    ReportedUnnamed,
)
from conversions.models import Endpoint
from tracker_project.common.money import Money, parse_amount

# What people in this trade call events, whatever tracker they name them to; compared in small letters.
WORDS = {
    "reg": "registration",
    "register": "registration",
    "registration": "registration",
    "signup": "signup",
    "sign_up": "signup",
    "lead": "lead",
    "sale": "sale",
    "purchase": "sale",
    "rebill": "sale",
    "upsell": "sale",
    "ftd": "deposit",
    "first_deposit": "deposit",
    "firstdeposit": "deposit",
    "dep": "deposit",
    "deposit": "deposit",
    "redep": "deposit",
    "redeposit": "deposit",
    "qualified": "qualified",
    "qualification": "qualified",
    "qftd": "qualified",
    "cpa": "qualified",
    "withdrawal": "withdrawal",
    "cashout": "withdrawal",
    "refund": "refund",
    "chargeback": "chargeback",
    "rejected": "rejection",
    "reject": "rejection",
    "trash": "rejection",
}

# What their statuses mean for a conversion.
STATUSES = {
    "approved": "confirmed",
    "confirmed": "confirmed",
    "paid": "confirmed",
    "pending": "pending",
    "hold": "pending",
    "rejected": "rejected",
    "declined": "rejected",
    "invalid": "rejected",
    "cancelled": "rejected",
}

# A tracker that had nothing to fill in sends the macro itself.
_UNFILLED = re.compile(r"\{\{?[^{}]*\}?\}|\[[A-Za-z_]+\]|%%?[A-Za-z_]+%%?|\$\{[^{}]*\}")
_NUMBERED = re.compile(r"[0-9]+\Z", re.ASCII)
_KEY_HEADERS = ("x-api-key", "x-postback-key")
_LONGEST = 200
# Seconds reach this in the year 5138: whatever is greater is milliseconds.
_MILLISECONDS_FROM = 10**11


@dataclass(frozen=True, kw_only=True)
class Names:
    """The parameters of one tracker's postback; of several names for one thing the first that is filled counts."""

    click: tuple[str, ...]
    amount: tuple[str, ...]
    transaction: tuple[str, ...]
    event: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    currency: tuple[str, ...] = ("currency",)
    event_id: tuple[str, ...] = ()
    player: tuple[str, ...] = ()
    promo_code: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    key: tuple[str, ...] = ("key", "secret")
    others: tuple[str, ...] = ()

    def known(self) -> frozenset[str]:
        """Return all parameters that are read."""
        groups = (self.click, self.amount, self.transaction, self.event, self.status, self.currency, self.event_id)
        more = (self.player, self.promo_code, self.time, self.others)
        return frozenset(name for group in (*groups, *more) for name in group)


@dataclass(frozen=True, kw_only=True)
class Said:
    """One postback in the tracker's words: `word` names the event, `status` the conversion's status in our words.

    `is_plain`: the tracker has one conversion of this kind a click where no transaction is named.
    """

    word: str
    kind: str
    status: str = ""
    is_plain: bool = True


def postback_dialect(
    names: Names, say: Callable[[Fields, Endpoint], Said], *, answer: Callable[[Fields], str] | None = None
) -> Dialect:
    """Return the dialect of a tracker: its parameter names, and how it says what happened."""

    def parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
        return build_event(names, fields, say(fields, endpoint), endpoint, at=at)

    def authenticate(message: Message, endpoint: Endpoint) -> None:
        require_key(message, endpoint, names.key)

    return Dialect(
        known=names.known(),
        parse=parse,
        read=read_parameters,
        authenticate=authenticate,
        secrets=frozenset(names.key),
        answer=answer,
    )


def require_key(message: Message, endpoint: Endpoint, parameters: tuple[str, ...] = ()) -> None:
    """Raise `NotAuthentic` unless the endpoint's key stands in the path, a parameter or a header."""
    shown = [
        message.path_key,
        *(message.parameters.get(name, "") for name in parameters),
        *(message.headers.get(name, "") for name in _KEY_HEADERS),
        message.headers.get("authorization", "").removeprefix("Bearer "),
    ]
    keys = [key for key in shown if isinstance(key, str) and key]
    if not keys:
        raise NotAuthentic("missing_key", "The endpoint's key is required, in the path, a parameter or a header.")
    if not shows_key(endpoint, keys[0]):
        raise NotAuthentic("bad_key", "This is not the endpoint's key.")


def read_parameters(message: Message, endpoint: Endpoint) -> list[Any]:
    """Return the parameters as the one event that a postback is."""
    return [dict(message.parameters)]


def kind_of(word: str, endpoint: Endpoint, table: Mapping[str, str] | None = None) -> str:
    """Return our kind of event for their word, or "" for a word that nobody mapped.

    The endpoint's own map wins, as it is written or in small letters; then `table`, then what the trade says.
    """
    small = word.casefold()
    own = {name.casefold(): kind for name, kind in endpoint.event_names.items()}
    maps: tuple[tuple[str, Mapping[str, str]], ...] = (
        (word, endpoint.event_names),
        (small, own),
        (small, table or {}),
        (small, WORDS),
        (_NUMBERED.sub("", small), WORDS),
    )
    return next((names[key] for key, names in maps if key in names), "")


def status_in(fields: Fields, names: tuple[str, ...], table: Mapping[str, str]) -> str:
    """Return the status that a parameter says in our words, "" where there is none; raises for one unknown."""
    said = first_of(fields, names)
    if not said:
        return ""
    status = table.get(said.casefold())
    if status is None:
        raise MalformedEvent("unknown_status", f"{names[0]} must be one of {', '.join(table)}.", names[0])
    return status


def first_of(fields: Fields, names: tuple[str, ...], *, longest: int = _LONGEST) -> str:
    """Return the first of these parameters that is filled, without blanks around it; "" where none is."""
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise MalformedEvent("wrong_type", f"{name} must be text.", name)
        stripped = str(value).strip()
        if stripped and not _UNFILLED.fullmatch(stripped):
            return text({name: stripped}, name, longest=longest)
    return ""


def click_in(fields: Fields, names: tuple[str, ...]) -> str:
    """Return the click id as it stands there, an unfilled macro included: nobody's, but not silently dropped."""
    filled = first_of(fields, names)
    unfilled = next((str(storable(fields[name])).strip() for name in names if fields.get(name)), "")
    return filled.lower() or unfilled[:_LONGEST]


def build_event(names: Names, fields: Fields, said: Said, endpoint: Endpoint, *, at: datetime) -> Reported:
    """Return the event that a postback reports; raises `MalformedEvent` and `IgnoredEvent`."""
    if said.kind == "ignore":
        raise IgnoredEvent(said.word)
    click_id = click_in(fields, names.click)
    player_names = (*names.player, *([endpoint.player_parameter] if endpoint.player_parameter else []))
    player_id = first_of(fields, player_names)
    transaction_id = first_of(fields, names.transaction)
    given_id = first_of(fields, names.event_id, longest=150)
    occurred_at = time_in(fields, names.time, at=at)
    whose: dict[str, Any] = {
        "event_id": f"{endpoint.dialect}:{given_id}"
        if given_id
        else derived_event_id(endpoint.dialect, said.word, said.status, click_id, player_id, transaction_id),
        "occurred_at": occurred_at or at,
        "is_time_ours": occurred_at is None,
        "player_id": player_id,
    }
    promo_code = first_of(fields, names.promo_code)
    kind = said.kind
    if kind == "deposit" and endpoint.amounts != Endpoint.Amounts.DEPOSIT:
        kind = "sale"  # what it brings us says nothing of what the player deposited
    match kind:
        case "":
            said_fields = {name: storable(value) for name, value in fields.items() if name not in names.key}
            return ReportedUnnamed(**whose, click_id=click_id, name=said.word, said=said_fields)
        case "registration":
            return ReportedRegistration(**whose, claim=Claim(click_id=click_id, promo_code=promo_code))
        case "rejection" | "refund" | "chargeback":
            return ReportedMovement(**whose, click_id=click_id, kind=kind, deposit_transaction_id=transaction_id)
        case "withdrawal":
            money = _money(fields, names, endpoint)
            return ReportedMovement(
                **whose,
                click_id=click_id,
                kind=kind,
                transaction_id=transaction_id or str(whose["event_id"]),
                money=money,
            )
        case "deposit":
            return _deposit(names, fields, said, endpoint, whose, click_id, transaction_id)
    return ReportedMilestone(
        **whose,
        click_id=click_id,
        promo_code=promo_code,
        kind=kind,
        status=said.status or "confirmed",
        transaction_id=transaction_id or ("" if said.is_plain else f"{click_id or player_id}:{said.word}"[:_LONGEST]),
        revenue=_money(fields, names, endpoint),
        goal=said.word[:100],
    )


def _deposit(
    names: Names,
    fields: Fields,
    said: Said,
    endpoint: Endpoint,
    whose: dict[str, Any],
    click_id: str,
    transaction_id: str,
) -> ReportedDeposit:
    money = _money(fields, names, endpoint)
    if money is None:
        raise MalformedEvent("missing", f"{names.amount[0]} is required for a deposit.", names.amount[0])
    if money.amount <= 0:
        raise MalformedEvent("bad_amount", f"{names.amount[0]} must be more than 0.", names.amount[0])
    status = said.status or endpoint.default_status
    if not status:
        raise MalformedEvent("missing", "The deposit's status is required: the endpoint has no default.", "status")
    return ReportedDeposit(
        **whose,
        click_id="" if whose["player_id"] else click_id,
        transaction_id=transaction_id or f"{click_id or whose['player_id']}:{said.word}"[:_LONGEST],
        status=status,
        money=money,
    )


def _money(fields: Fields, names: Names, endpoint: Endpoint) -> Money | None:
    """Return the amount, exact, of either sign; None where none is filled in."""
    name = next((each for each in names.amount if first_of(fields, (each,))), "")
    if not name:
        return None
    currency = first_of(fields, names.currency).upper() or endpoint.currency or endpoint.platform.brand.currency
    currency = currency_code({names.currency[0]: currency}, names.currency[0])
    written = first_of(fields, (name,)).replace("+", "")
    try:
        # Trackers pad amounts: 12.5000000 is 12.50.
        number = Decimal(written.lstrip("-").replace(" ", "")).normalize()
        amount = parse_amount(f"{number:f}", currency)
    except (InvalidOperation, ValueError) as error:
        raise MalformedEvent("bad_amount", f"{name}: write an amount of {currency}, such as 120.00.", name) from error
    return Money(amount=-amount if written.startswith("-") else amount, currency=currency)


def time_in(fields: Fields, names: tuple[str, ...], *, at: datetime) -> datetime | None:
    """Return an instant, None where there is none: seconds or milliseconds since 1970, or ISO 8601, in UTC if bare."""
    written = first_of(fields, names)
    if not written:
        return None
    try:
        if written.isascii() and written.isdigit():
            number = int(written)
            read = datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
        else:
            read = datetime.fromisoformat(written)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedEvent("bad_time", f"{names[0]} must be seconds since 1970, or ISO 8601.", names[0]) from error
    return plausible(read if read.tzinfo else read.replace(tzinfo=UTC), names[0], at=at)
