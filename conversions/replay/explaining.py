"""Differences that need nobody's attention, each with its reason: what was known then and is not known now."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.models import Q

from attribution.domain.credit import click_facts
from attribution.models import Channel, Click, Impression
from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.models import CreditIntervention, Player, PlayerMerge, Touchpoint
from conversions.replay.comparing import CREDIT_COLUMNS, Difference
from tracker_project.common.money import Money

_COUNTED = ("deposits", "deposits_amount", "reversed_deposits", "reversed_amount", "unconverted_deposits")


def look_again() -> None:
    """Forget what was looked up for an earlier replay: rows may have changed since."""
    for known in _LOOKED_UP:
        known.cache_clear()


def explain(difference: Difference) -> str:
    """Return why a difference is right, "" where nothing explains it."""
    return next((reason for reason, holds in _REASONS.items() if holds(difference)), "")


def _staff_decided_meanwhile(difference: Difference) -> bool:
    """Which touches a player had when an event came is as staff had it then, and their last word is replayed alone."""
    is_whose = difference.table == "milestones" and difference.column in {*CREDIT_COLUMNS, "player"}
    return (is_whose or difference.table == "theft_evidence") and _has_touches_by_staff(difference.player)


def _visitors_click_is_gone(difference: Difference) -> bool:
    """Other clicks of a visitor are found by the clicks themselves: without them, neither they nor what they show."""
    if (difference.table, difference.column, difference.facts.get("how")) == ("touchpoints", "", "visitor"):
        return _has_a_click_gone(difference.player)
    if difference.column == "click_uuid":
        return _is_visitors_click_gone(difference.player, difference.stored)
    follows = difference.table == "theft_evidence" and bool(difference.facts)
    follows |= (difference.table, difference.column) == ("players", "decision")
    return follows and _has_visitors_click_gone(difference.player)


def _click_is_gone(difference: Difference) -> bool:
    """Credit cannot be given again by a click that is no longer stored; that it was this click must still agree."""
    is_credit = difference.column in CREDIT_COLUMNS or difference.column == "click_facts"
    if difference.column == "click_uuid" or not (is_credit or difference.table == "revenues"):
        return False
    click = difference.facts.get("click_uuid") or _click_of(difference.player)
    return click is not None and not _is_click_stored(str(click))


def _facts_came_later(difference: Difference) -> bool:
    """A click that was stored after its registration gives the player its facts when he is reviewed, or never."""
    if (difference.table, difference.column) != ("players", "click_facts"):
        return False
    stored, rebuilt = json.loads(difference.stored), json.loads(difference.rebuilt)
    return not stored or (not rebuilt and stored == _facts_of(difference.facts["click_uuid"]))


def _click_was_cleared(difference: Difference) -> bool:
    if (difference.table, difference.column) != ("players", "click_facts"):
        return False
    stored, rebuilt = json.loads(difference.stored), json.loads(difference.rebuilt)
    return bool(rebuilt.get("kind") == Click.Kind.TEST and stored | {"kind": Click.Kind.TEST} == rebuilt)


def _offer_paid_otherwise(difference: Difference) -> bool:
    """What an offer brings is changed by people; a first deposit keeps what held when it came."""
    if difference.table != "revenues":
        return False
    return not difference.facts or _is_a_conversion(difference.facts)


def _is_an_empty_value(difference: Difference) -> bool:
    """Whose credit changed before he deposited had a row of nothing once; it says as much as none."""
    is_missing = (difference.table, difference.rebuilt) == ("customer_ltv", "no row")
    return is_missing and not any(difference.facts[name] for name in _COUNTED)


_REASONS: dict[str, Callable[[Difference], bool]] = {
    "Staff had joined, separated or merged the player's touches when it came.": _staff_decided_meanwhile,
    "Other clicks of the same visitor are no longer stored.": _visitors_click_is_gone,
    "The click is no longer stored, and the credit that was given for it stands.": _click_is_gone,
    "The click was stored after the registration.": _facts_came_later,
    "The click was marked as a test since.": _click_was_cleared,
    "The offer brought something else when the deposit came.": _offer_paid_otherwise,
    "A lifetime value of a player who never deposited, which is nothing.": _is_an_empty_value,
}


@cache
def _is_click_stored(uuid: str) -> bool:
    return Click.objects.filter(id=uuid).exists()


@cache
def _has_touches_by_staff(name: str) -> bool:
    player = _player_of(name)
    if player is None:
        return False
    kinds = [CreditIntervention.Kind.JOIN, CreditIntervention.Kind.SEPARATE]
    has_merges = PlayerMerge.objects.filter(Q(player=player) | Q(other=player)).exists()
    return has_merges or CreditIntervention.objects.filter(player=player, kind__in=kinds).exists()


@cache
def _has_a_click_gone(name: str) -> bool:
    return any(not _is_stored(row) for row in _touches_of(name))


@cache
def _has_visitors_click_gone(name: str) -> bool:
    is_visitors = [row.how == Touchpoint.How.VISITOR for row in _touches_of(name)]
    return any(is_visitors) and _has_a_click_gone(name)


@cache
def _is_visitors_click_gone(name: str, uuid: str) -> bool:
    visitors = [str(row.click_uuid) for row in _touches_of(name) if row.how == Touchpoint.How.VISITOR]
    return uuid in visitors and not _is_click_stored(uuid)


def _touches_of(name: str) -> list[Touchpoint]:
    player = _player_of(name)
    hows = [Touchpoint.How.REGISTRATION, Touchpoint.How.VISITOR]
    return list(Touchpoint.objects.filter(player=player, how__in=hows).order_by("pk")) if player else []


def _is_stored(row: Touchpoint) -> bool:
    if row.channel == Channel.VIEW:
        return Impression.objects.filter(id=row.name).exists()
    return row.click_uuid is None or _is_click_stored(str(row.click_uuid))


def _player_of(name: str) -> Player | None:
    platform, _, player_id = name.partition("/")
    return Player.objects.filter(platform__slug=platform, player_id=player_id).first()  # at most one, by constraint


@cache
def _facts_of(uuid: str | None) -> dict[str, Any]:
    click = Click.objects.filter(id=uuid).first() if uuid else None  # at most one, by its key
    return click_facts(click) if click else {}


@cache
def _click_of(name: str) -> str | None:
    player = _player_of(name)
    return str(player.click_uuid) if player and player.click_uuid else None


def _is_a_conversion(revenue: dict[str, Any]) -> bool:
    """Say whether a revenue follows from its own origin by a rate that stood in our table at its day."""
    money = Money(amount=Decimal(revenue["original_amount"]), currency=revenue["original_currency"])
    on = date.fromisoformat(revenue["exchange_rate_on"])
    try:
        converted = convert(money, revenue["currency"], on=on)
    except NoExchangeRate:
        return False
    return (converted.amount, converted.exchange_rate) == (
        Decimal(revenue["amount"]),
        Decimal(revenue["exchange_rate"]),
    )


_LOOKED_UP = (
    _is_click_stored,
    _has_touches_by_staff,
    _has_a_click_gone,
    _has_visitors_click_gone,
    _is_visitors_click_gone,
    _facts_of,
    _click_of,
)
