"""A player's standing at his platform: the latest report of each matter counts, whatever order they come in."""

from datetime import datetime
from typing import Any

from conversions.domain.reported import ReportedPlayerStatus
from conversions.domain.subjects import credited_to, locked_player, player_id_of
from conversions.models import InboxEvent, Player, PlayerStatus
from tracker_project.common.prepared import fetch, insert, update

_Status = PlayerStatus.Status

# Column of the player: the statuses that set it, and those that clear it.
TRANSITIONS: dict[str, tuple[set[str], set[str]]] = {
    "verified_at": ({_Status.VERIFIED}, set()),
    "blocked_at": ({_Status.BLOCKED}, {_Status.UNBLOCKED}),
    "duplicate_at": ({_Status.DUPLICATE}, {_Status.NOT_DUPLICATE}),
    "self_excluded_at": ({_Status.SELF_EXCLUDED}, {_Status.RETURNED}),
}
_STATUSES_OF = """
    SELECT status.status, status.occurred_at
      FROM player_statuses status JOIN inbox_events event ON event.id = status.event_id
     WHERE status.player_id = %s ORDER BY status.occurred_at, event.event_id COLLATE "C"
"""


def place_player_status(reported: ReportedPlayerStatus, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a status' inbox event and return its answer.

    A self-excluded player is signalled to nobody from this commit on (`consent.refusal_to_signal`).
    """
    player = locked_player(event.platform, player_id_of(reported, event.platform), at=at)
    insert(PlayerStatus(player=player, status=reported.status, occurred_at=reported.occurred_at, event=event))
    _follow_statuses(player)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(player)}


def _follow_statuses(player: Player) -> None:
    statuses = fetch(_STATUSES_OF, [player.pk])
    for column, (sets, clears) in TRANSITIONS.items():
        since = None
        for status, occurred_at in statuses:
            if status in sets:
                since = since or occurred_at
            elif status in clears:
                since = None
        setattr(player, column, since)
    update(player, *TRANSITIONS)
