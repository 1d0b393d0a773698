"""Installs of an app: each activity of a device once, credited to the click within its own window."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from attribution.domain.credit import Claim, Credit, credit_registration
from attribution.models import CreditOutcome
from conversions.domain.app_tracking import note_install
from conversions.domain.reported import ReportedInstall
from conversions.domain.subjects import credited_to, locked_player
from conversions.models import InboxEvent, Install

CLICK_TO_INSTALL_WINDOW = timedelta(days=7)


def place_install(reported: ReportedInstall, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from an install's inbox event and return its answer.

    An install names no player, or the one whom the partner knows by the platform's id. Refused ones are kept as facts
    of their own and credit nobody.
    """
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
        app_system=reported.app_system,
        att_status=reported.att_status,
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
    note_install(install)
    return install


def _credit(reported: ReportedInstall) -> Credit:
    """Return the click's credit; none for a click more than seven days before, or after, the install."""
    credit = credit_registration(Claim(click_id=reported.click_id), registered_at=reported.occurred_at)
    if credit.outcome != CreditOutcome.CLICK or credit.clicked_at is None:
        return credit
    bare = Credit(outcome=CreditOutcome.OUTSIDE_WINDOW, click_uuid=credit.click_uuid, clicked_at=credit.clicked_at)
    if reported.occurred_at - credit.clicked_at > CLICK_TO_INSTALL_WINDOW:
        return bare
    is_refused = reported.activity in (Install.Activity.REJECTED_INSTALL, Install.Activity.REJECTED_REATTRIBUTION)
    # The partner refused it: the click stays visible, nobody is credited.
    return replace(bare, outcome=CreditOutcome.NO_CLAIM) if is_refused else credit


def _seconds(clicked_at: datetime | None, installed_at: datetime) -> int | None:
    return None if clicked_at is None else round((installed_at - clicked_at).total_seconds())
