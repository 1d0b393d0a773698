"""Whom an event is about: the player it names, or the one who came by the click it names."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import Model, Q

from attribution.click_ids import ClickId, ForgedClickId, MalformedClickId, read_click_id
from campaigns.models import Campaign, Creative, Offer, Partner
from conversions.domain.inbox import Unplaced
from conversions.domain.reported import Reported, ReportedRegistration
from conversions.models import Conversion, InboxEvent, Platform, Player, Touchpoint
from conversions.models.players import Credited
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.prepared import Answer, ask, columns_of, fetch, insert, made, run
from tracker_project.common.turns import Rows

# The rows that a fact copies from its player come with him, so that each is read once.
_CREDITED: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "campaign": (Campaign, ("id", "name", "currency", "time_zone")),
    "creative": (Creative, ("id", "name")),
    "partner": (Partner, ("id", "tag")),
    "offer": (Offer, ("id", "revenue", "currency")),
}
CREDITED_ROWS = tuple(_CREDITED)
_PLAYER = columns_of(Player)
_CREDITED_COLUMNS = ", ".join(f"{row}.{name}" for row, (_, names) in _CREDITED.items() for name in names)
_JOIN_CREDITED = """
      LEFT JOIN campaigns AS campaign ON campaign.id = players.campaign_id
      LEFT JOIN creatives AS creative ON creative.id = players.creative_id
      LEFT JOIN partners AS partner ON partner.id = players.partner_id
      LEFT JOIN offers AS offer ON offer.id = players.offer_id"""
_CREDITED_TO = f"""
    SELECT {_CREDITED_COLUMNS}
      FROM (VALUES (%s::bigint, %s::bigint, %s::bigint, %s::bigint))
           AS players (campaign_id, creative_id, partner_id, offer_id) {_JOIN_CREDITED}"""  # noqa: S608
_LOCK_PLAYER = f"""
    SELECT {", ".join(f"players.{name}" for name in _PLAYER)}, {_CREDITED_COLUMNS}
      FROM players {_JOIN_CREDITED}
     WHERE players.platform_id = %s AND players.player_id = %s
       FOR NO KEY UPDATE OF players"""  # noqa: S608
_CREDITED_VALUES = ("credit_outcome", "click_uuid", "clicked_at", "link_id", "source_id")


def player_id_of(reported: Reported, platform: Platform) -> str:
    """Return the platform's id of the player that an event is about.

    Where the platform sends click ids alone, a registration makes a player who is called after his click, and what
    follows finds him by it. Raises `Unplaced` when the event names nobody whom we can find.
    """
    if reported.player_id:
        return reported.player_id
    click_id = proven_click_id(reported.named_click)
    # His own click may be another than the one that is credited.
    named = Touchpoint.objects.filter(platform=platform, click_uuid=click_id.uuid, how=Touchpoint.How.REGISTRATION)
    came_by_it = Q(click_uuid=click_id.uuid) | Q(pk__in=list(named.values_list("player_id", flat=True)))
    known = list(
        Player.objects.filter(came_by_it | Q(player_id=name_by_click(click_id)), platform=platform)
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


def ask_for_player(platform: Platform, player_id: str) -> Answer:
    """Lock the player as `locked_player` does, together with what is asked next; it takes the answer."""
    return ask(_LOCK_PLAYER, [platform.pk, player_id])


def locked_player(
    platform: Platform, player_id: str, *, at: datetime, asked: Answer | None = None, new_key: int | None = None
) -> Player:
    """Return the player, made if he is new, locked until the transaction ends: his events go one by one.

    `asked` is what `ask_for_player` returned, where that was done before. With a `new_key` that was drawn for him a new
    player is not inserted yet: the caller does, once all of him is known.
    """
    known = _locked(platform, player_id) if asked is None else _player_of(asked.rows, platform)
    if known is None:
        player = Player(pk=new_key, platform=platform, player_id=player_id, is_test=platform.is_sandbox, created_at=at)
        if new_key is None:
            insert(player)
        return player
    # Whoever waited for the lock got the player as he is now, and the rows joined to him as they were before.
    is_stale = any(getattr(known, f"{name}_id") and name not in known._state.fields_cache for name in CREDITED_ROWS)
    return (_locked(platform, player_id) if is_stale else None) or known


def _locked(platform: Platform, player_id: str) -> Player | None:
    return _player_of(fetch(_LOCK_PLAYER, [platform.pk, player_id]), platform)


def _player_of(rows: Rows, platform: Platform) -> Player | None:
    if not rows:
        return None
    values = iter(rows[0])
    player = made(Player, _PLAYER, list(islice(values, len(_PLAYER))))
    player.platform = platform
    _set_credited_rows(player, values)
    return player


def read_credited_rows(player: Player) -> None:
    """Read the rows that a player (whose credit was decided just now) is credited with, all at once."""
    keys = [getattr(player, f"{name}_id") for name in CREDITED_ROWS]
    _set_credited_rows(player, iter(fetch(_CREDITED_TO, keys)[0]))


def _set_credited_rows(player: Player, values: Iterator[Any]) -> None:
    for name, (model, columns) in _CREDITED.items():
        part = list(islice(values, len(columns)))
        if part[0] is not None:
            setattr(player, name, made(model, columns, part))


def copy_credit(fact: Credited, player: Player) -> None:
    """Give a fact (unsaved) the credit of its player."""
    for name in (*CREDITED_ROWS, *_CREDITED_VALUES):
        setattr(fact, name, getattr(player, name))
    if isinstance(fact, Conversion):
        fact.credit_decision_id = player.credit_decision_id


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
    run("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [platform_id, key])


def lock_click(platform_id: int, text: str) -> None:
    """Let events that name one click of ours go one by one; take it before the player. Does nothing for other texts."""
    try:
        click_id = read_click_id(text, settings.CLICK_ID_KEYS)
    except (MalformedClickId, ForgedClickId):
        return
    lock_key(platform_id, f"click:{click_id.uuid.hex}")


def waiting_for_click(click_hex: str) -> str:
    return f"click:{click_hex}"


def waiting_for_player(player_id: str) -> str:
    return f"player:{player_id}"


def waiting_for_transaction(transaction_id: str) -> str:
    return f"transaction:{transaction_id}"


def waiting_for_name(name: str) -> str:
    return f"name:{name.casefold()}"


def wake_waiting_events(platform_id: int, *waits_for: str, at: datetime) -> None:
    """Have the quarantined events that wait for one of these looked at now; call in the transaction that brings it."""

    def hint(woken: Rows) -> None:
        if woken:
            hint_after_commit("event_waits")

    run(
        """UPDATE inbox_events SET next_match_at = %s
            WHERE platform_id = %s AND state = 'quarantined' AND waits_for = ANY(%s) RETURNING id""",
        [at, platform_id, list(waits_for)],
        hint,
    )


def wake_unnamed_events(platform_id: int, *, at: datetime) -> int:
    """Have the events whose names nobody had mapped looked at now, and return how many; call when the names change."""
    waiting = InboxEvent.objects.filter(
        platform_id=platform_id, state=InboxEvent.State.QUARANTINED, waits_for__startswith="name:"
    )
    woken = waiting.update(next_match_at=at)
    if woken:
        hint_after_commit("event_waits")
    return woken
