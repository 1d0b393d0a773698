"""Whom an event is about: the player it names, or the one who came by the click it names."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from attribution.click_ids import ClickId, ForgedClickId, MalformedClickId, read_click_id
from conversions.domain.inbox import Unplaced
from conversions.domain.reported import Reported, ReportedRegistration
from conversions.models import InboxEvent, Platform, Player
from conversions.models.players import Credited
from tracker_project.common.hints import hint_after_commit

# The rows that a fact copies from its player come with him, so that each is read once.
CREDITED_ROWS = ("campaign", "creative", "partner", "offer")
_CREDITED_VALUES = ("credit_outcome", "click_uuid", "clicked_at", "link_id", "source_id")


def player_id_of(reported: Reported, platform: Platform) -> str:
    """Return the platform's id of the player that an event is about.

    Where the platform sends click ids alone, a registration makes a player who is called after his click, and what
    follows finds him by it. Raises `Unplaced` when the event names nobody whom we can find.
    """
    if reported.player_id:
        return reported.player_id
    click_id = proven_click_id(reported.named_click)
    known = list(
        Player.objects.filter(Q(click_uuid=click_id.uuid) | Q(player_id=name_by_click(click_id)), platform=platform)
        .order_by("pk")
        .values_list("player_id", flat=True)[:2]
    )
    if len(known) > 1:
        raise Unplaced("several_players")
    if known:
        return known[0]
    if isinstance(reported, ReportedRegistration):
        return name_by_click(click_id)
    raise Unplaced("unknown_player", waits_for=waiting_for_click(click_id.uuid.hex))


def proven_click_id(text: str) -> ClickId:
    """Return the click id that `text` writes; raises `Unplaced` when it is none that we issued."""
    if not text:
        raise Unplaced("names_nobody")
    try:
        return read_click_id(text, settings.CLICK_ID_KEYS)
    except MalformedClickId:
        raise Unplaced("malformed_click_id") from None
    except ForgedClickId:
        raise Unplaced("forged_click_id") from None


def locked_player(platform: Platform, player_id: str, *, at: datetime) -> Player:
    """Return the player, made if he is new, locked until the transaction ends: his events go one by one."""
    players = Player.objects.select_for_update(of=("self",), no_key=True).select_related(*CREDITED_ROWS)
    known = players.filter(platform=platform, player_id=player_id).first()  # at most one, by constraint
    if known is None:
        return Player.objects.create(platform=platform, player_id=player_id, is_test=platform.is_sandbox, created_at=at)
    # Whoever waited for the lock got the player as he is now, and the rows joined to him as they were before.
    is_stale = any(getattr(known, f"{name}_id") and getattr(known, name) is None for name in CREDITED_ROWS)
    return players.get(pk=known.pk) if is_stale else known


def copy_credit(fact: Credited, player: Player) -> None:
    """Give a fact (unsaved) the credit of its player."""
    for name in (*CREDITED_ROWS, *_CREDITED_VALUES):
        setattr(fact, name, getattr(player, name))


def credited_to(fact: Credited) -> dict[str, Any] | None:
    """Return who is credited as the answer of a webhook names it, or None."""
    campaign, creative, partner = fact.campaign, fact.creative, fact.partner
    if campaign is None and partner is None:
        return None
    return {
        "campaign": campaign.name if campaign else None,
        "campaign_id": campaign.pk if campaign else None,
        "creative": creative.name if creative else None,
        "partner": partner.tag if partner else None,
    }


def name_by_click(click_id: ClickId) -> str:
    """Return how a player is called whose platform sends click ids alone."""
    return f"click-{click_id.uuid.hex}"


def lock_key(platform_id: int, key: str) -> None:
    """Let events about one key go one by one until the transaction ends, also while there is no row to lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [platform_id, key])


def lock_click(platform_id: int, text: str) -> None:
    """Let events that name one click of ours go one by one; take it before the player. Does nothing for other texts."""
    try:
        click_id = read_click_id(text, settings.CLICK_ID_KEYS)
    except (MalformedClickId, ForgedClickId):
        return
    lock_key(platform_id, f"click:{click_id.uuid.hex}")


def waiting_for_click(click_hex: str) -> str:
    return f"click:{click_hex}"


def waiting_for_transaction(transaction_id: str) -> str:
    return f"transaction:{transaction_id}"


def waiting_for_name(name: str) -> str:
    return f"name:{name.casefold()}"


def wake_waiting_events(platform_id: int, *waits_for: str, at: datetime) -> None:
    """Have the quarantined events that wait for one of these looked at now; call in the transaction that brings it."""
    waiting: QuerySet[InboxEvent] = InboxEvent.objects.filter(
        platform_id=platform_id, state=InboxEvent.State.QUARANTINED, waits_for__in=waits_for
    )
    if waiting.update(next_match_at=at):
        hint_after_commit("event_waits")


def wake_unnamed_events(platform_id: int, *, at: datetime) -> int:
    """Have the events whose names nobody had mapped looked at now, and return how many; call when the names change."""
    waiting = InboxEvent.objects.filter(
        platform_id=platform_id, state=InboxEvent.State.QUARANTINED, waits_for__startswith="name:"
    )
    woken = waiting.update(next_match_at=at)
    if woken:
        hint_after_commit("event_waits")
    return woken
