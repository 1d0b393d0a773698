"""Our own template: its columns, and what a row of it says in the words of our webhooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from conversions.dialects.dialect import derived_event_id
from conversions.dialects.own import parse_event
from conversions.dialects.reading import MalformedEvent
from conversions.domain.reported import Reported, ReportedActivity, ReportedMilestone, ReportedMovement
from conversions.imports import cells as read
from conversions.models import Import


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the template, as its sheet of explanations has it."""

    name: str
    meaning: str
    example: str = ""


COLUMNS = [
    Column(
        name="type",
        meaning="Required. registration, deposit, signup, lead, sale, qualified, withdrawal, refund, chargeback, "
        "rejection, player_status or activity.",
        example="deposit",
    ),
    Column(name="occurred_at", meaning="Required. With its offset, or in the time zone chosen on upload.",
           example="2026-11-22 10:05"),
    Column(name="player_id", meaning="The casino's id of the player; no name, e-mail or phone.", example="p-1"),
    Column(name="click_id", meaning="In place of player_id, or on a registration: the 48 digits of the click."),
    Column(name="transaction_id", meaning="Of a deposit or withdrawal: the same for every status of one.",
           example="t-1"),
    Column(name="deposit_transaction_id", meaning="Of a refund, chargeback or rejection: what it takes back."),
    Column(name="status", meaning="Of a deposit: pending, confirmed, rejected, void, refunded or charged_back. Of a "
           "player_status: verified, blocked, unblocked, duplicate, not_duplicate, self_excluded or returned.",
           example="confirmed"),
    Column(name="amount", meaning="Without currency sign and thousands separators.", example="120.00"),
    Column(name="currency", meaning="ISO 4217, in capitals.", example="EUR"),
    Column(name="event_id", meaning="Your id of the event; without one it is made of the other columns, so that the "
           "same row is never recorded twice."),
    Column(name="promo_code", meaning="Of a registration, signup, lead or sale without a click."),
    Column(name="partner_tag", meaning="The same, a partner's tag."),
    Column(name="country", meaning="Of a registration: two letters.", example="MT"),
    Column(name="region", meaning="Of a registration."),
    Column(name="consent_ad_user_data", meaning="Of a registration: yes or no; unknown counts as no in the EEA, UK "
           "and Switzerland."),
    Column(name="consent_ad_personalization", meaning="The same."),
    Column(name="product", meaning="Of a deposit, such as casino."),
    Column(name="goal", meaning="Of a signup, lead, sale or qualified: your name of it."),
    Column(name="on_date", meaning="Of an activity: the business day.", example="2026-11-22"),
    Column(name="mode", meaning="Of an activity: total (the day so far) or delta (adds to the day)."),
    *(Column(name=name, meaning="Of an activity; of either sign.") for name in ReportedActivity.FIGURES),
    Column(name="is_test", meaning="yes: recorded, never counted."),
]  # fmt: skip
NAMES = frozenset(column.name for column in COLUMNS)
REQUIRED = ("type", "occurred_at")
_TEXTS = (
    "type", "event_id", "player_id", "click_id", "promo_code", "partner_tag", "country", "region", "transaction_id",
    "deposit_transaction_id", "status", "currency", "product", "goal", "mode",
)  # fmt: skip
_AMOUNTS = ("amount", *(name for name in ReportedActivity.FIGURES if name != "bets_count"))
_WORDS = ("type", "status", "mode")
_MILESTONES = ("signup", "lead", "sale", "qualified")


def parse_row(cells: Mapping[str, str], file: Import, *, at: datetime) -> Reported:
    """Return the event that a row reports, held to the rules of our webhooks; raises `MalformedEvent`.

    An event without an id gets one made of what tells it apart, so that the same row means the same event in any file.
    """
    body = _body(cells, file)
    _refuse_milestone_that_nothing_names(body)
    given = body.setdefault("event_id", "derived")
    reported = parse_event(body, default_status=file.platform.default_status, at=at)
    return reported if given != "derived" else replace(reported, event_id=_derived_id(reported, body))


def _body(cells: Mapping[str, str], file: Import) -> dict[str, Any]:
    body: dict[str, Any] = {name: read.identifier(cells[name], name) for name in _TEXTS if cells.get(name)}
    body |= {name: text.lower() for name, text in body.items() if name in _WORDS}
    if "currency" in body:
        body["currency"] = body["currency"].upper()
    time: Callable[[str, str], str] = partial(read.instant, order=file.date_order, time_zone=file.time_zone)
    amount: Callable[[str, str], str] = partial(read.amount, decimal_mark=file.decimal_mark)
    body |= {name: amount(text, name) for name, text in read.filled(cells, _AMOUNTS).items()}
    body |= {name: time(text, name) for name, text in read.filled(cells, ("occurred_at",)).items()}
    body |= {
        name: read.day(text, name, order=file.date_order) for name, text in read.filled(cells, ("on_date",)).items()
    }
    body |= {name: read.whole_number(text, name) for name, text in read.filled(cells, ("bets_count",)).items()}
    body |= {name: read.flag(text, name) for name, text in read.filled(cells, ("is_test",)).items()}
    consent = {
        name: read.flag(cells[f"consent_{name}"], f"consent_{name}")
        for name in ("ad_user_data", "ad_personalization")
        if cells.get(f"consent_{name}")
    }
    return body | ({"consent": consent} if consent else {})


def _refuse_milestone_that_nothing_names(body: Mapping[str, Any]) -> None:
    """A code or tag alone tells two leads of a file not apart, and no later row could mean one of them."""
    is_named = any(body.get(name) for name in ("player_id", "click_id", "transaction_id"))
    if body.get("type") in _MILESTONES and not is_named:
        raise MalformedEvent(
            "missing", "transaction_id is required where neither player_id nor click_id is filled.", "transaction_id"
        )


def _derived_id(reported: Reported, body: Mapping[str, Any]) -> str:
    """Return the id of an event that has none: of a transaction by its status, of anything else by its instant."""
    parts = [
        body["type"],
        body.get("status", ""),
        reported.player_id,
        reported.named_click,
        body.get("transaction_id", ""),
        body.get("deposit_transaction_id", ""),
    ]
    is_told_apart_by_time = not isinstance(reported, ReportedMilestone | ReportedMovement) and (
        "transaction_id" not in body and body["type"] != "registration"
    )
    if is_told_apart_by_time:
        parts += [reported.occurred_at.isoformat(), body.get("on_date", ""), body.get("mode", "")]
    return derived_event_id("import", *parts)
