"""Installs of an app: each activity of a device once, credited to the click within its own window."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from attribution.domain.credit import Claim, Credit, credit_registration
from attribution.models import CreditOutcome
from conversions.domain.reported import ReportedInstall
from conversions.domain.subjects import credited_to, lock_click, locked_player
from conversions.models import Conversion, InboxEvent, Install, Player
from tracker_project.common.hints import hint_after_commit

CLICK_TO_INSTALL_WINDOW = timedelta(days=7)
REFUSED = (Install.Activity.REJECTED_INSTALL, Install.Activity.REJECTED_REATTRIBUTION)


def place_install(reported: ReportedInstall, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from an install's inbox event and return its answer.

    An install names no player, or the one whom the partner knows by the platform's id. Refused ones are kept as facts
    of their own and credit nobody; what came of the same click or player is reviewed anew.
    """
    if reported.activity in REFUSED:
        lock_click(event.platform_id, reported.click_id)
    known = (
        Install.objects.select_related("campaign", "creative", "partner")
        .filter(
            platform_id=event.platform_id,
            install_id=reported.install_id,
            activity=reported.activity,
            installed_at=reported.occurred_at,
        )
        .first()  # at most one, by constraint
    )
    install = known or _record_new(reported, event, at=at)
    return {"status": "recorded", "kind": event.kind, "install_id": install.pk, "credited_to": credited_to(install)}


def _record_new(reported: ReportedInstall, event: InboxEvent, *, at: datetime) -> Install:
    credit = _credit(reported)
    player = locked_player(event.platform, reported.player_id, at=at) if reported.player_id else None
    clicked_at = credit.clicked_at or reported.clicked_at
    install = Install(
        platform_id=event.platform_id,
        player=player,
        install_id=reported.install_id,
        activity=reported.activity,
        installed_at=reported.occurred_at,
        click_to_install_seconds=_seconds(clicked_at, reported.occurred_at),
        is_organic=reported.is_organic,
        media_source=reported.media_source,
        app_id=reported.app_id,
        country=reported.country,
        rejection_reason=reported.rejection_reason,
        is_test=reported.is_test,
        event=event,
        credit_outcome=credit.outcome,
        click_uuid=credit.click_uuid,
        clicked_at=clicked_at,
        link_id=credit.link_id,
        campaign_id=credit.campaign_id,
        creative_id=credit.creative_id,
        partner_id=credit.partner_id,
        source_id=credit.source_id,
        offer_id=credit.offer_id,
    )
    install.save(force_insert=True)
    if install.activity in REFUSED:
        _have_reviewed_again(install)
    return install


def refusals_of(conversions: Sequence[Conversion]) -> dict[int, tuple[str, ...]]:
    """Return by conversion why measurement partners refused installs of its player or of his click, in one query."""
    whose = Q(player__in=[conversion.player_id for conversion in conversions])
    whose |= Q(click_uuid__in=[conversion.click_uuid for conversion in conversions if conversion.click_uuid])
    refused = list(Install.objects.filter(whose, activity__in=REFUSED).order_by("pk"))
    return {conversion.pk: _reasons(conversion, refused) for conversion in conversions} if refused else {}


def _reasons(conversion: Conversion, refused: Sequence[Install]) -> tuple[str, ...]:
    his = [
        install
        for install in refused
        if install.platform_id == conversion.platform_id
        and (install.player_id == conversion.player_id or _is_same_click(install, conversion))
    ]
    return tuple(dict.fromkeys(install.rejection_reason or "without a reason" for install in his))


def _is_same_click(install: Install, conversion: Conversion) -> bool:
    return install.click_uuid is not None and install.click_uuid == conversion.click_uuid


def _have_reviewed_again(install: Install) -> None:
    """Send what was approved of the install's click or player back to review; what comes later is reviewed anyway."""
    whose = Q(pk=install.player_id)
    if install.click_uuid is not None:
        whose |= Q(click_uuid=install.click_uuid)
    players = Player.objects.filter(whose, platform_id=install.platform_id).order_by("pk")
    held = list(players.select_for_update(no_key=True).values_list("pk", flat=True))
    approved = Conversion.objects.filter(player__in=held, review_state=Conversion.Review.APPROVED)
    if approved.update(review_state=Conversion.Review.PENDING, is_valuable=False):
        hint_after_commit("conversion_recorded")


def _credit(reported: ReportedInstall) -> Credit:
    """Return the click's credit; none for a click more than seven days before, or after, the install."""
    credit = credit_registration(Claim(click_id=reported.click_id), registered_at=reported.occurred_at)
    if credit.outcome != CreditOutcome.CLICK or credit.clicked_at is None:
        return credit
    bare = Credit(outcome=CreditOutcome.OUTSIDE_WINDOW, click_uuid=credit.click_uuid, clicked_at=credit.clicked_at)
    if reported.occurred_at - credit.clicked_at > CLICK_TO_INSTALL_WINDOW:
        return bare
    # The partner refused it: the click stays visible, nobody is credited.
    return replace(bare, outcome=CreditOutcome.NO_CLAIM) if reported.activity in REFUSED else credit


def _seconds(clicked_at: datetime | None, installed_at: datetime) -> int | None:
    return None if clicked_at is None else round((installed_at - clicked_at).total_seconds())
