"""A player's touchpoints: kept with the event that names them, and found again by whatever links them to him."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from attribution.domain.touches import Claim, Touch, read_touches
from attribution.models import Channel
from conversions.models import CreditIntervention, InboxEvent, Player, Touchpoint
from tracker_project.common.prepared import columns_of, fetch, insert_missing, made

_COPIED = ("click_uuid", "link_id", "campaign_id", "creative_id", "partner_id", "source_id", "offer_id")
_TOUCHPOINT = columns_of(Touchpoint)
_KNOWN = f"""
    SELECT {", ".join(_TOUCHPOINT)} FROM touchpoints
     WHERE player_id = %(player)s
        OR (player_id IS NULL AND platform_id = %(platform)s AND click_uuid = ANY(%(clicks)s))"""  # noqa: S608
_MERGES_OF = """
    SELECT player_id, other_id FROM player_merges
     WHERE (player_id = ANY(%(players)s) OR other_id = ANY(%(players)s)) AND undone_at IS NULL"""
_JOINED_AND_SEPARATED = """
    SELECT channel, name, kind FROM credit_interventions
     WHERE player_id = ANY(%s) AND kind IN ('join', 'separate') ORDER BY id"""
# A chain of devices and clicks longer than this is no longer one person's.
_HOPS = 5


def keep_touches(
    touches: Iterable[Touch],
    *,
    event: InboxEvent,
    player: Player | None,
    how: Touchpoint.How,
    install_id: str = "",
) -> list[Touchpoint]:
    """Store what an event says of how a player was touched; a worker looks later whom it concerns.

    Call in the event's transaction; the same touch of the same event is stored once.
    """
    rows = [new_row(touch, player=player, event=event, how=how, install_id=install_id) for touch in touches]
    if rows:
        insert_missing(*rows)
    return rows


def keep_named_touches(claim: Claim, *, event: InboxEvent, player: Player | None, how: Touchpoint.How) -> None:
    """Store what an event beside the registration names; does nothing for one that names nothing."""
    keep_touches(read_touches(claim, at=event.occurred_at), event=event, player=player, how=how)


def keep_later_click(click_id: str, *, event: InboxEvent, player: Player) -> None:
    """Store the click that a deposit names, where it is another than the one that the player is credited by."""
    is_known = player.click_uuid is not None and click_id[:32].lower() == player.click_uuid.hex
    if not click_id or is_known:
        return
    touches = read_touches(Claim(click_id=click_id), at=event.occurred_at)
    ours = [touch for touch in touches if touch.click_uuid is not None]
    keep_touches(ours, event=event, player=player, how=Touchpoint.How.DEPOSIT)


def new_row(
    touch: Touch, *, player: Player | None, event: InboxEvent, how: Touchpoint.How, install_id: str = ""
) -> Touchpoint:
    """Return a touchpoint of an event, not stored yet."""
    return Touchpoint(
        platform_id=event.platform_id,
        player=player,
        event=event,
        how=how,
        channel=touch.channel,
        name=touch.name,
        occurred_at=touch.occurred_at,
        named_at=event.occurred_at,
        problem=touch.problem,
        install_id=install_id,
        **{name: getattr(touch, name) for name in _COPIED},
    )


def touches_considered(rows: Iterable[Touchpoint], player: Player, *, registered_at: datetime) -> list[Touch]:
    """Return the touchpoints that had been named when the player registered: what is said later is only shown.

    An install without a click only links a device to a player.
    """
    known = [row for row in rows if row.channel != Channel.INSTALL or row.name]
    return [
        _touch_from(row, player)
        for row in known
        if row.how == Touchpoint.How.STAFF or _is_named(row, player) or row.named_at <= registered_at
    ]


def _is_named(row: Touchpoint, player: Player) -> bool:
    """Say whether the player's own registration names it, and not that of somebody merged with him."""
    return row.how == Touchpoint.How.REGISTRATION and row.player_id == player.pk


def _touch_from(row: Touchpoint, player: Player) -> Touch:
    return Touch(
        channel=row.channel,
        name=row.name,
        occurred_at=row.occurred_at,
        problem=row.problem,
        is_named=_is_named(row, player),
        is_probable=row.how == Touchpoint.How.VISITOR,
        **{name: getattr(row, name) for name in _COPIED},
    )


def rows_known_at_registration(player: Player, touches: Sequence[Touch]) -> list[Touchpoint]:
    """Return the touchpoints that are the player's, or nobody's by the clicks that he names: one query.

    What hangs together by more than one step is left to the worker.
    """
    clicks = [touch.click_uuid for touch in touches if touch.click_uuid]
    rows = fetch(_KNOWN, {"player": player.pk, "platform": player.platform_id, "clicks": clicks})
    return [made(Touchpoint, _TOUCHPOINT, row) for row in rows]


def rows_of(player: Player) -> list[Touchpoint]:
    """Return all touchpoints that are the player's: his own, those of players merged with him, and those of nobody
    that share a click or an install with them."""
    players = {player.pk, *merged_with(player)}
    return _rows_of(player, players, _separated(players))


def _rows_of(player: Player, players: Collection[int], separated: Collection[tuple[str, str]]) -> list[Touchpoint]:
    own = list(Touchpoint.objects.filter(player__in=players).order_by("pk"))
    found = {row.pk: row for row in own}
    fresh = [row for row in own if (row.channel, row.name) not in separated]
    for _ in range(_HOPS):
        linked = _linked(player.platform_id, fresh).filter(player=None).exclude(pk__in=found)
        fresh = [row for row in linked if (row.channel, row.name) not in separated]
        if not fresh:
            break
        found |= {row.pk: row for row in fresh}
    return list(found.values())


def standing_rows_of(player: Player) -> list[Touchpoint]:
    """Return the player's touchpoints without those that staff separated from him."""
    players = {player.pk, *merged_with(player)}
    separated = _separated(players)
    return [row for row in _rows_of(player, players, separated) if (row.channel, row.name) not in separated]


def players_concerned(row: Touchpoint) -> list[int]:
    """Return the numbers of the players whose credit a touchpoint may change, in order."""
    seen, fresh = {row.pk}, [row]
    players: set[int] = set()
    for _ in range(_HOPS):
        players |= {each.player_id for each in fresh if each.player_id is not None}
        nobodys = [each for each in fresh if each.player_id is None]
        fresh = list(_linked(row.platform_id, nobodys).exclude(pk__in=seen)) if nobodys else []
        if not fresh:
            break
        seen |= {each.pk for each in fresh}
    return sorted(_with_merged(players))


def merged_with(player: Player) -> set[int]:
    """Return the numbers of the players who are one person with this one."""
    return _with_merged({player.pk}) - {player.pk}


def _with_merged(players: set[int]) -> set[int]:
    pairs = fetch(_MERGES_OF, {"players": list(players)})
    return players | {pk for pair in pairs for pk in pair}


def _separated(players: Iterable[int]) -> set[tuple[str, str]]:
    """Return the channels and names of the touches that a person separated from these players, and did not rejoin."""
    latest = {(channel, name): kind for channel, name, kind in fetch(_JOINED_AND_SEPARATED, [list(players)])}
    return {touch for touch, kind in latest.items() if kind == CreditIntervention.Kind.SEPARATE}


def _linked(platform_id: int, rows: Collection[Touchpoint]) -> QuerySet[Touchpoint]:
    """Return what shares a click, an install or an event with `rows`; a visitor's key alone links nothing further."""
    clicks: set[UUID] = {row.click_uuid for row in rows if row.click_uuid and row.how != Touchpoint.How.VISITOR}
    installs = {row.install_id for row in rows if row.install_id}
    events = {row.event_id for row in rows if row.event_id is not None}
    linked = Q(click_uuid__in=clicks) | Q(install_id__in=installs) | Q(event__in=events)
    return Touchpoint.objects.filter(linked, platform_id=platform_id).order_by("pk")
