"""Events as a platform reported them, in our words; every dialect ends here."""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from attribution.domain.credit import Claim
from conversions.models import InboxEvent
from tracker_project.common.money import Money

_CLAIM = ("click_id", "promo_code", "partner_tag")
_OF_APPS = ("app_system", "att_status")


def plain_amount(amount: Decimal) -> str:
    """Return an amount as terms hold it: plain digits, no zeros at the end."""
    return f"{amount.normalize():f}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What all events have. `is_time_ours`: the platform gave no instant, so that ours stands and no repeat has it.

    `player_id` may be empty where `click_id` (of the claim, for a registration) says whom the event is about.
    `app_system` is empty for what did not happen in an app, `att_status` where nothing was said of it.
    """

    event_id: str
    occurred_at: datetime
    player_id: str = ""
    is_test: bool = False
    is_time_ours: bool = False
    app_system: str = ""
    att_status: str = ""

    @property
    def event_kind(self) -> InboxEvent.Kind:
        raise NotImplementedError

    @property
    def named_click(self) -> str:
        """Return the click id that the event names, or ""."""
        return ""

    def terms(self) -> dict[str, Any]:
        """Return the normalised fields that a repeat of the event must match, as JSON holds them."""
        terms: dict[str, Any] = {}
        for field in fields(self):
            if field.name not in ("event_id", "is_time_ours"):
                terms |= _as_terms(field.name, getattr(self, field.name))
        if self.is_time_ours:
            del terms["occurred_at"]
        # What was stored before these were known has no such terms.
        return {name: term for name, term in terms.items() if term != "" or name not in _OF_APPS}

    @classmethod
    def from_terms(cls, terms: dict[str, Any], *, event_id: str, occurred_at: datetime) -> Self:
        """Return the event that gave these terms: the inverse of `terms`."""
        values = {field.name: _from_terms(field.name, terms) for field in fields(cls) if _is_held(field.name, terms)}
        values |= {"event_id": event_id, "occurred_at": occurred_at, "is_time_ours": "occurred_at" not in terms}
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ReportedRegistration(Reported):
    """A player who opened an account; consent is None where the platform did not say."""

    claim: Claim
    country: str = ""
    region: str = ""
    consent_ad_user_data: bool | None = None
    consent_ad_personalization: bool | None = None

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.REGISTRATION

    @property
    def named_click(self) -> str:
        return self.claim.click_id


@dataclass(frozen=True, kw_only=True)
class _Named(Reported):
    click_id: str = ""

    @property
    def named_click(self) -> str:
        return self.click_id

    def terms(self) -> dict[str, Any]:
        terms = super().terms()
        if not self.click_id:
            del terms["click_id"]
        return terms


@dataclass(frozen=True, kw_only=True)
class ReportedDeposit(_Named):
    """A deposit's status as the platform sees it; one transaction may be reported many times."""

    transaction_id: str
    status: str
    money: Money
    product: str = ""

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.DEPOSIT


@dataclass(frozen=True, kw_only=True)
class ReportedMilestone(_Named):
    """A signup, lead, sale or qualification; `transaction_id` is empty where a player or click has only one."""

    kind: str
    status: str
    promo_code: str = ""
    partner_tag: str = ""
    transaction_id: str = ""
    revenue: Money | None = None
    goal: str = ""

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind(self.kind)

    @property
    def claim(self) -> Claim:
        return Claim(click_id=self.click_id, promo_code=self.promo_code, partner_tag=self.partner_tag)


@dataclass(frozen=True, kw_only=True)
class ReportedMovement(_Named):
    """A withdrawal, refund, chargeback or rejection.

    `deposit_transaction_id` names what is taken back, `transaction_id` the movement itself where it has an id of its
    own. `money` is None where the message only says that the deposit is gone, all of it. A rejection that `rejects` a
    "registration" is about the player's own. `reason` is the words of whoever rejects.
    """

    kind: str
    transaction_id: str = ""
    deposit_transaction_id: str = ""
    money: Money | None = None
    rejects: str = ""
    reason: str = ""

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind(self.kind)

    def terms(self) -> dict[str, Any]:
        return {name: value for name, value in super().terms().items() if value or name not in ("rejects", "reason")}


@dataclass(frozen=True, kw_only=True)
class ReportedPlayerStatus(_Named):
    """A change of a player's standing: verified, blocked, duplicate, self-excluded, or the end of one of these."""

    status: str

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.PLAYER_STATUS


@dataclass(frozen=True, kw_only=True)
class ReportedActivity(_Named):
    """What a player played on a business day; `figures` by name, as text, amounts of either sign."""

    on_date: date
    currency: str
    mode: str
    figures: dict[str, str]

    FIGURES: ClassVar[tuple[str, ...]] = ("bets", "wins", "bonuses", "fees", "ggr", "ngr", "bets_count")

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.ACTIVITY


@dataclass(frozen=True, kw_only=True)
class ReportedInstall(_Named):
    """An app installed, installed again, or an install refused; `install_id` is a keyed token, never a device's id.

    `clicked_at` is the partner's word, for when no click of ours is known.
    """

    install_id: str
    activity: str
    clicked_at: datetime | None = None
    is_organic: bool = False
    media_source: str = ""
    app_id: str = ""
    country: str = ""
    rejection_reason: str = ""

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.INSTALL


@dataclass(frozen=True, kw_only=True)
class ReportedUnnamed(_Named):
    """An event whose name nobody mapped: kept with its fields, and read again once the name is mapped."""

    name: str
    said: dict[str, Any]

    @property
    def event_kind(self) -> InboxEvent.Kind:
        return InboxEvent.Kind.UNNAMED


_CLASSES: dict[str, type[Reported]] = {
    InboxEvent.Kind.REGISTRATION: ReportedRegistration,
    InboxEvent.Kind.DEPOSIT: ReportedDeposit,
    InboxEvent.Kind.SIGNUP: ReportedMilestone,
    InboxEvent.Kind.LEAD: ReportedMilestone,
    InboxEvent.Kind.SALE: ReportedMilestone,
    InboxEvent.Kind.QUALIFIED: ReportedMilestone,
    InboxEvent.Kind.WITHDRAWAL: ReportedMovement,
    InboxEvent.Kind.REFUND: ReportedMovement,
    InboxEvent.Kind.CHARGEBACK: ReportedMovement,
    InboxEvent.Kind.REJECTION: ReportedMovement,
    InboxEvent.Kind.PLAYER_STATUS: ReportedPlayerStatus,
    InboxEvent.Kind.ACTIVITY: ReportedActivity,
    InboxEvent.Kind.INSTALL: ReportedInstall,
    InboxEvent.Kind.UNNAMED: ReportedUnnamed,
}


def reported_again(event: InboxEvent) -> Reported:
    """Return an inbox event as it was reported."""
    return _CLASSES[event.kind].from_terms(event.terms, event_id=event.event_id, occurred_at=event.occurred_at)


def _as_terms(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Claim):
        return {part: getattr(value, part) for part in _CLAIM}
    if isinstance(value, Money):
        return {"amount": plain_amount(value.amount), "currency": value.currency}
    if name in ("money", "revenue"):
        return {"amount": None, "currency": None}
    if isinstance(value, datetime):
        return {name: _instant(value)}
    if isinstance(value, date):
        return {name: value.isoformat()}
    return {name: value}


def _is_held(name: str, terms: dict[str, Any]) -> bool:
    return name in terms or name in ("claim", "money", "revenue")


def _from_terms(name: str, terms: dict[str, Any]) -> Any:
    if name == "claim":
        return Claim(**{part: terms[part] for part in _CLAIM})
    if name in ("money", "revenue"):
        amount = terms["amount"]
        return None if amount is None else Money(amount=Decimal(amount), currency=terms["currency"])
    value = terms[name]
    if name in ("occurred_at", "clicked_at"):
        return datetime.fromisoformat(value) if value else None
    if name == "on_date":
        return date.fromisoformat(value)
    return value
