"""Our own JSON: what a platform sends that was written for this tracker."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attribution.domain.credit import Claim
from conversions.dialects.reading import (
    MalformedEvent,
    country,
    currency_code,
    day,
    deposit_status,
    instant,
    money,
    one_of,
    optional_flag,
    optional_money,
    optional_text,
    signed_amount,
    sub_object,
    text,
)
from conversions.domain.private_tokens import TokenKind, private_token
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
    ReportedRegistration,
)
from conversions.models import DailyActivity, Install, Milestone, PlayerStatus

__all__ = ["KNOWN", "MalformedEvent", "parse_deposit", "parse_event", "parse_registration"]

# Everything that is read, in any kind of event: a field that is not here is dropped before anything is stored.
KNOWN = frozenset(
    "type event_id occurred_at player_id click_id promo_code partner_tag country region consent consent.ad_user_data"
    " consent.ad_personalization is_test transaction_id deposit_transaction_id status amount currency product goal"
    " on_date mode install_id activity clicked_at is_organic media_source app_id rejection_reason".split()
).union(ReportedActivity.FIGURES)

_MOST_BETS = 10**12


def parse_event(body: dict[str, Any], *, default_status: str, at: datetime) -> Reported:
    """Return the event that `body` reports, which kind its `type` says; raises `MalformedEvent`."""
    kind = text(body, "type")
    if kind not in _PARSE:
        raise MalformedEvent("unknown_event", f"type must be one of {', '.join(_PARSE)}.", "type")
    if kind == "deposit":
        return parse_deposit(body, default_status=default_status, at=at)
    return _PARSE[kind](body, at=at)


def parse_registration(body: dict[str, Any], *, at: datetime) -> ReportedRegistration:
    """Return the registration that `body` reports; raises `MalformedEvent`. Unknown keys are dropped."""
    consent = sub_object(body, "consent")
    return ReportedRegistration(
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        player_id=text(body, "player_id"),
        claim=Claim(
            click_id=optional_text(body, "click_id").lower(),
            promo_code=optional_text(body, "promo_code"),
            partner_tag=optional_text(body, "partner_tag"),
        ),
        country=country(body, "country"),
        region=optional_text(body, "region", longest=100),
        consent_ad_user_data=optional_flag(consent, "ad_user_data", path="consent.ad_user_data"),
        consent_ad_personalization=optional_flag(consent, "ad_personalization", path="consent.ad_personalization"),
        is_test=bool(optional_flag(body, "is_test")),
    )


def parse_deposit(body: dict[str, Any], *, default_status: str, at: datetime) -> ReportedDeposit:
    """Return the deposit that `body` reports; raises `MalformedEvent`. Unknown keys are dropped.

    `default_status` stands for a missing status; empty when the platform must name one.
    """
    return ReportedDeposit(
        event_id=text(body, "event_id"),
        transaction_id=text(body, "transaction_id"),
        status=deposit_status(body, default_status),
        occurred_at=instant(body, "occurred_at", at=at),
        **_whom(body),
        money=money(body),
        product=optional_text(body, "product", longest=50),
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_milestone(body: dict[str, Any], *, at: datetime) -> ReportedMilestone:
    whom: dict[str, Any] = {
        name: optional_text(body, name) for name in ("player_id", "click_id", "promo_code", "partner_tag")
    }
    if not any(whom.values()):
        raise MalformedEvent("missing", "player_id, click_id, promo_code or partner_tag is required.", "player_id")
    status = "confirmed" if body.get("status") is None else one_of(body, "status", Milestone.Status.values)
    return ReportedMilestone(
        kind=text(body, "type"),
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        **whom | {"click_id": whom["click_id"].lower()},
        status=status,
        transaction_id=optional_text(body, "transaction_id"),
        revenue=optional_money(body),
        goal=optional_text(body, "goal", longest=100),
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_withdrawal(body: dict[str, Any], *, at: datetime) -> ReportedMovement:
    return ReportedMovement(
        kind="withdrawal",
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        **_whom(body),
        transaction_id=text(body, "transaction_id"),
        money=money(body),
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_reversal(body: dict[str, Any], *, at: datetime) -> ReportedMovement:
    has_amount = body.get("amount") is not None or body.get("currency") is not None
    return ReportedMovement(
        kind=text(body, "type"),
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        player_id=optional_text(body, "player_id"),
        transaction_id=optional_text(body, "transaction_id"),
        deposit_transaction_id=text(body, "deposit_transaction_id"),
        money=money(body) if has_amount else None,
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_player_status(body: dict[str, Any], *, at: datetime) -> ReportedPlayerStatus:
    return ReportedPlayerStatus(
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        **_whom(body),
        status=one_of(body, "status", PlayerStatus.Status.values),
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_activity(body: dict[str, Any], *, at: datetime) -> ReportedActivity:
    currency = currency_code(body)
    amounts = [name for name in ReportedActivity.FIGURES if name != "bets_count" and body.get(name) is not None]
    figures = {name: f"{signed_amount(body, name, currency).normalize():f}" for name in amounts}
    if body.get("bets_count") is not None:
        figures["bets_count"] = str(_count(body, "bets_count"))
    if not figures:
        raise MalformedEvent("missing", f"One of {', '.join(ReportedActivity.FIGURES)} is required.", "ngr")
    return ReportedActivity(
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        **_whom(body),
        on_date=day(body, "on_date", at=at),
        currency=currency,
        mode=one_of(body, "mode", DailyActivity.Mode.values),
        figures=figures,
        is_test=bool(optional_flag(body, "is_test")),
    )


def _parse_install(body: dict[str, Any], *, at: datetime) -> ReportedInstall:
    has_activity = body.get("activity") is not None
    return ReportedInstall(
        event_id=text(body, "event_id"),
        occurred_at=instant(body, "occurred_at", at=at),
        player_id=optional_text(body, "player_id"),
        click_id=optional_text(body, "click_id").lower(),
        install_id=private_token(TokenKind.INSTALL, text(body, "install_id")),
        activity=one_of(body, "activity", Install.Activity.values) if has_activity else Install.Activity.INSTALL,
        clicked_at=instant(body, "clicked_at", at=at) if body.get("clicked_at") is not None else None,
        is_organic=bool(optional_flag(body, "is_organic")),
        media_source=optional_text(body, "media_source", longest=100),
        app_id=optional_text(body, "app_id", longest=100),
        country=country(body, "country"),
        rejection_reason=optional_text(body, "rejection_reason", longest=100),
        is_test=bool(optional_flag(body, "is_test")),
    )


_PARSE: dict[str, Callable[..., Reported]] = {
    "registration": parse_registration,
    "deposit": parse_deposit,
    "signup": _parse_milestone,
    "lead": _parse_milestone,
    "sale": _parse_milestone,
    "qualified": _parse_milestone,
    "withdrawal": _parse_withdrawal,
    "refund": _parse_reversal,
    "chargeback": _parse_reversal,
    "rejection": _parse_reversal,
    "player_status": _parse_player_status,
    "activity": _parse_activity,
    "install": _parse_install,
}


def _whom(body: dict[str, Any]) -> dict[str, Any]:
    """Return `player_id`, or the `click_id` that stands for it."""
    click_id = optional_text(body, "click_id").lower()
    if click_id and body.get("player_id") is None:
        return {"player_id": "", "click_id": click_id}
    return {"player_id": text(body, "player_id"), "click_id": ""}


def _count(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST_BETS:
        raise MalformedEvent("wrong_type", f"{name} must be a whole number.", name)
    return value
