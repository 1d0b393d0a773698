"""Installs of an app: each activity of a device once, credited to the click within its own window."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from attribution.domain.credit import Credit, credit_of
from attribution.domain.credit_rules import rules_in_force
from attribution.domain.touches import Touch, read_click
from attribution.models import Channel, CreditOutcome
from conversions.domain.app_tracking import note_install
from conversions.domain.reported import ReportedInstall
from conversions.domain.subjects import credited_to, lock_click, locked_player
from conversions.domain.touchpoints import keep_touches
from conversions.models import Conversion, InboxEvent, Install, Player, Touchpoint
from tracker_project.common.hints import hint_after_commit

REFUSED = (Install.Activity.REJECTED_INSTALL, Install.Activity.REJECTED_REATTRIBUTION)
# An install that was refused, or taken away again, says nothing of who brought the player.
_TOUCHES = {Install.Activity.INSTALL, Install.Activity.REINSTALL, Install.Activity.REATTRIBUTION}


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
    credit = _credit(reported, event.platform.brand_id)
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
    _keep_touch(install, credit, event)
    note_install(install)
    if install.activity in REFUSED:
        _have_reviewed_again(install)
    return install


def _keep_touch(install: Install, credit: Credit, event: InboxEvent) -> None:
    """Let an install stand for its click with whoever is known by it, by its device or by the platform's id."""
    if install.activity not in _TOUCHES or (install.player is None and credit.click_uuid is None):
        return
    touch = Touch(
        channel=Channel.INSTALL,
        name=credit.click_uuid.hex if credit.click_uuid else "",
        occurred_at=install.installed_at,
        problem="" if credit.outcome == CreditOutcome.CLICK else credit.outcome,
        click_uuid=credit.click_uuid,
        link_id=credit.link_id,
        campaign_id=credit.campaign_id,
        creative_id=credit.creative_id,
        partner_id=credit.partner_id,
        source_id=credit.source_id,
        offer_id=credit.offer_id,
    )
    how = Touchpoint.How.INSTALL
    keep_touches([touch], event=event, player=install.player, how=how, install_id=install.install_id)


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


def _credit(reported: ReportedInstall, brand_id: int) -> Credit:
    """Return the click's credit; none for a click that is older than the rule in force allows."""
    if not reported.click_id:
        return Credit(outcome=CreditOutcome.NO_CLAIM)
    touch = read_click(reported.click_id, at=reported.occurred_at)
    bare = Credit(outcome=CreditOutcome.OUTSIDE_WINDOW, click_uuid=touch.click_uuid, clicked_at=touch.clicked_at)
    if touch.problem:
        return replace(bare, outcome=touch.problem)
    at = reported.occurred_at
    rules = rules_in_force(brand_id=brand_id, campaign_ids=[touch.campaign_id], at=at)
    if at - touch.occurred_at > timedelta(hours=rules.rule_for(touch.campaign_id).install_hours):
        return bare
    # The partner refused it: the click stays visible, nobody is credited.
    return replace(bare, outcome=CreditOutcome.NO_CLAIM) if reported.activity in REFUSED else credit_of(touch)


def _seconds(clicked_at: datetime | None, installed_at: datetime) -> int | None:
    return None if clicked_at is None else round((installed_at - clicked_at).total_seconds())
