"""Signs of lead theft for review: the evidence about a conversion's player, and how often its taker shows such."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from conversions.models import Conversion, Player, TheftEvidence
from fraud.domain.rules import TheftSign

_LOOK_BACK = timedelta(days=30)


def theft_signs(conversions: Sequence[Conversion], *, at: datetime) -> dict[int, tuple[TheftSign, ...]]:
    """Return the signs about each conversion's player, by the conversion's number; one query where there are none."""
    players = {conversion.player_id for conversion in conversions}
    found = TheftEvidence.objects.filter(player__in=players).select_related("partner_before", "partner_after")
    by_player: dict[int, list[TheftEvidence]] = {}
    for evidence in found.order_by("pk"):
        by_player.setdefault(evidence.player_id, []).append(evidence)
    habits = {taker: _habit(taker, at=at) for taker in {each.partner_after_id for each in _all(by_player)}}
    return {
        conversion.pk: tuple(
            _sign(each, conversion, *habits[each.partner_after_id]) for each in by_player[conversion.player_id]
        )
        for conversion in conversions
        if conversion.player_id in by_player
    }


def _all(by_player: dict[int, list[TheftEvidence]]) -> list[TheftEvidence]:
    return [evidence for found in by_player.values() for evidence in found]


def _habit(taker: int, *, at: datetime) -> tuple[int, int]:
    """Return how many players of the last 30 days are a partner's, and how many of these show signs."""
    players = Player.objects.filter(partner=taker, registered_at__gte=at - _LOOK_BACK, is_test=False)
    signs = TheftEvidence.objects.filter(partner_after=taker, player__in=players)
    return players.count(), signs.values("player").distinct().count()


def _sign(evidence: TheftEvidence, conversion: Conversion, players: int, signs: int) -> TheftSign:
    return TheftSign(
        text=_in_words(evidence),
        taker=evidence.partner_after.name,
        is_paid=conversion.partner_id == evidence.partner_after_id,
        players=players,
        signs=signs,
    )


def _in_words(evidence: TheftEvidence) -> str:
    owner, taker = evidence.partner_before.name, evidence.partner_after.name
    probably = " (probably: by the visitor's key)" if evidence.is_probable else ""
    if evidence.kind == TheftEvidence.Kind.LATE_CLICK:
        return (
            f"{owner} had brought the player{probably}; he clicked {taker}'s link {evidence.seconds_before} s before "
            f"he registered, {evidence.seconds_after} s after {owner}'s."
        )
    if evidence.kind == TheftEvidence.Kind.CHANGED_TAG:
        return f"The player came with {owner}'s tag, which was overwritten by {taker}'s."
    return f"The registration came with {taker}'s tag, though {owner} had brought the player{probably}."
