"""When a platform that states values anew may be told of a correction: never before it has confirmed what it corrects.

A correction of what the platform does not know would count as another conversion.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from conversions.domain.outbox import restatement
from conversions.domain.predicted_value import predictions_that_moved
from conversions.models import Conversion, DailyActivity, Destination, Postback
from conversions.postbacks.adapter import NothingToTell
from conversions.postbacks.google import MAX_AGE
from conversions.postbacks.google_ads import LAST_CORRECTION
from tracker_project.common.hints import hint_after_commit

# Google Ads knows a conversion for adjustments after so long.
FIRST_ADJUSTMENT = timedelta(hours=24)
# A prediction moves a little with each day; bidding learns nothing from that.
TOLD_ANEW_FROM = Decimal("0.2")
_UNDECIDED = (Postback.State.PENDING, Postback.State.ACCEPTED)


class Wait(NamedTuple):
    """Why a correction must wait, and until when where that is known."""

    reason: str
    until: datetime | None = None


def reason_to_wait(correction: Postback, *, at: datetime) -> Wait | None:
    """Return why a correction must wait, if it must; raises `NothingToTell` when it must not be sent at all."""
    if correction.destination.kind not in Destination.RESTATING:
        return None
    others = list(
        Postback.objects.filter(
            destination=correction.destination_id, conversion=correction.conversion_id, dedup_id=correction.dedup_id
        )
        .exclude(pk=correction.pk)
        .order_by("pk")
    )
    if any(other.pk > correction.pk and other.state != Postback.State.CANCELLED for other in others):
        raise NothingToTell("A later correction takes its place.")
    if any(other.state in _UNDECIDED for other in others):
        return Wait("It waits until Google has confirmed what was told before.")
    told = [other for other in others if not other.is_correction and other.state == Postback.State.DONE]
    if not told:
        raise NothingToTell("Google never confirmed the conversion: a correction could count as another one.")
    if correction.destination.kind == Destination.Kind.GOOGLE_ADS:
        adjustable_at = max(row.finished_at or at for row in told) + FIRST_ADJUSTMENT
        if at < adjustable_at:
            return Wait("Google takes adjustments a day after the conversion.", adjustable_at)
    return None


def state_net_revenue_anew(*, at: datetime, limit: int) -> int:
    """Owe a restatement where a platform was told a player's NGR and his reports changed since; return how many.

    At most one an hour for each player, and `limit` a call. The value itself is read when it is sent.
    """
    corrections = Postback.objects.filter(
        destination=OuterRef("destination"), conversion=OuterRef("conversion"), is_correction=True
    )
    latest = corrections.order_by("-created_at").values("created_at")[:1]
    reports = DailyActivity.objects.filter(
        player=OuterRef("conversion__player"), is_test=False, updated_at__gt=OuterRef("told_at")
    )
    told = (
        Postback.objects.filter(
            Q(destination__kind=Destination.Kind.GOOGLE)
            | Q(destination__kind=Destination.Kind.GOOGLE_ADS, conversion__occurred_at__gt=at - LAST_CORRECTION),
            destination__value_kind=Destination.Value.NGR,
            destination__is_active=True,
            state=Postback.State.DONE,
            is_correction=False,
            conversion__kind=Conversion.Kind.DEPOSIT,
            conversion__status=Conversion.Status.CONFIRMED,
            conversion__reversed_at=None,
            conversion__player__clicked_at__gt=at - MAX_AGE,
        )
        .annotate(told_at=Coalesce(Subquery(latest), F("finished_at")))
        .filter(Exists(reports))
        .select_related("destination", "conversion")
        .order_by("told_at", "pk")[:limit]
    )
    return _owe_restatements(told, "ngr", at=at)


def state_predictions_anew(*, at: datetime, limit: int) -> int:
    """Owe a restatement where what a player will be worth was told and moved by a fifth since; return how many.

    At most one an hour for each player, and `limit` a call. The new prediction is kept with the restatement.
    """
    since: dict[str, datetime] = {
        Destination.Kind.GOOGLE: at - MAX_AGE,
        Destination.Kind.GOOGLE_ADS: at - LAST_CORRECTION,
    }
    moved = predictions_that_moved(since=since, share=TOLD_ANEW_FROM, at=at, limit=limit)
    told = Postback.objects.filter(pk__in=moved).select_related("destination", "conversion__player").order_by("pk")
    return _owe_restatements(told, "predicted", at=at)


def _owe_restatements(told: Iterable[Postback], what: str, *, at: datetime) -> int:
    rows = [restatement(row, f"{what}:{at:%Y-%m-%dT%H}", at=at) for row in told]
    Postback.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        hint_after_commit("postback_written")
    return len(rows)
