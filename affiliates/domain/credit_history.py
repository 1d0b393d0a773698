"""What changed about a partner's players against the rules: given to him, taken from him, signs of lead theft."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from campaigns.models import Partner
from conversions.domain.credit_story import credited_in_words, interventions_told
from conversions.models import TheftEvidence

_SHOWN = 20
_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class PartnerChange:
    """One player whom staff gave to a partner or took from him."""

    at: datetime
    title: str
    player: str
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PartnerHistory:
    """The latest changes, newest first, and how many signs of theft there are by and against the partner."""

    changes: list[PartnerChange]
    is_cut: bool
    took: int
    lost: int
    days: int = _DAYS


def partner_history(partner: Partner, *, at: datetime) -> PartnerHistory:
    """Return a partner's history; both partners of a change have it in theirs."""
    since = at - timedelta(days=_DAYS)
    concerned = Q(partner_before=partner) | Q(partner_after=partner)
    latest = list(interventions_told().filter(concerned).order_by("-pk")[: _SHOWN + 1])
    evidence = TheftEvidence.objects.filter(occurred_at__gte=since)
    return PartnerHistory(
        changes=[_change(each, partner) for each in latest[:_SHOWN]],
        is_cut=len(latest) > _SHOWN,
        took=evidence.filter(partner_after=partner).count(),
        lost=evidence.filter(partner_before=partner).count(),
    )


def _change(each: Any, partner: Partner) -> PartnerChange:
    if each.partner_before_id == each.partner_after_id:
        title = f"{each.get_kind_display()}, and stayed his:"
    elif each.partner_after_id == partner.pk:
        title = f"Given to him by staff, from {credited_in_words(each.campaign_before, each.partner_before)}:"
    else:
        title = f"Taken from him by staff, to {credited_in_words(each.campaign_after, each.partner_after)}:"
    return PartnerChange(
        at=each.created_at,
        title=title,
        player=each.player.player_id,
        actor=each.actor.get_username(),
        reason=each.reason,
    )
