"""Differences that need nobody's attention, each with its reason: what was known then and is not known now."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.models import Q

from attribution.domain.credit import click_facts
from attribution.models import Click
from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.models import CreditIntervention, Player, PlayerMerge
from conversions.replay.comparing import CREDIT_COLUMNS, Difference
from tracker_project.common.money import Money

_OF_TOUCHES = {"touchpoints", "theft_evidence", "revenues"}


def explain(difference: Difference) -> str:
    """Return why a difference is right, "" where nothing explains it."""
    return next((reason for reason, holds in _REASONS.items() if holds(difference)), "")


def _staff_decided(difference: Difference) -> bool:
    """What people decided of a player's touches is not in the inbox: who is credited with him may be another."""
    is_credit = difference.column in {*CREDIT_COLUMNS, "click_facts", "credit_ends_at", "decision"}
    return (is_credit or difference.table in _OF_TOUCHES) and _is_decided_by_staff(difference.player)


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


_REASONS: dict[str, Callable[[Difference], bool]] = {
    "Staff decided on the player's credit or touches.": _staff_decided,
    "The click is no longer stored, and the credit that was given for it stands.": _click_is_gone,
    "The click was stored after the registration.": _facts_came_later,
    "The click was marked as a test since.": _click_was_cleared,
    "The offer brought something else when the deposit came.": _offer_paid_otherwise,
}


@cache
def _is_click_stored(uuid: str) -> bool:
    return Click.objects.filter(id=uuid).exists()


@cache
def _is_decided_by_staff(name: str) -> bool:
    platform, _, player_id = name.partition("/")
    player = Player.objects.filter(platform__slug=platform, player_id=player_id).first()  # at most one, by constraint
    if player is None:
        return False
    has_merges = PlayerMerge.objects.filter(Q(player=player) | Q(other=player)).exists()
    return has_merges or CreditIntervention.objects.filter(player=player).exists()


@cache
def _facts_of(uuid: str | None) -> dict[str, Any]:
    click = Click.objects.filter(id=uuid).first() if uuid else None  # at most one, by its key
    return click_facts(click) if click else {}


@cache
def _click_of(name: str) -> str | None:
    platform, _, player_id = name.partition("/")
    players = Player.objects.filter(platform__slug=platform, player_id=player_id)
    uuid = players.values_list("click_uuid", flat=True).first()  # at most one, by constraint
    return str(uuid) if uuid else None


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
