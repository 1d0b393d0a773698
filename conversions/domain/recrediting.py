"""Look again who is credited with a player, when more becomes known of him or staff decide; and carry it on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction

from attribution.domain.credit import Credit, Decision
from attribution.domain.credit_rules import BUILT_IN
from attribution.domain.touches import click_facts, touch_of_link
from attribution.models import Click, CreditOutcome
from conversions.domain.crediting import (
    candidates_as_json,
    decide,
    end_credit_of_late_deposit,
    note_thefts,
    write_decision,
)
from conversions.domain.first_deposit import mark_first_deposit
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_misplaced_postbacks
from conversions.domain.recording import LOCKED_CONVERSIONS
from conversions.domain.subjects import copy_credit
from conversions.domain.touchpoints import players_concerned, standing_rows_of, touches_considered
from conversions.domain.visitor_touches import keep_visitor_touches
from conversions.models import (
    Conversion,
    CreditDecision,
    CreditIntervention,
    Milestone,
    MilestoneReport,
    Player,
    Touchpoint,
)
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.prepared import fetch

log = structlog.get_logger(__name__)

_BATCH = 100
# A registration's touches decided its credit when it was recorded: they change nothing while nothing else is known of
# the player, neither another touch nor a word of staff.
_SETTLE_THE_ONLY_ONES = """
    WITH only_ones AS (
        SELECT id FROM touchpoints AS due
         WHERE id = ANY(%s) AND is_due AND how = 'registration' AND player_id IS NOT NULL AND install_id = ''
           AND NOT EXISTS (SELECT FROM touchpoints AS his WHERE his.player_id = due.player_id
                                  AND (his.how <> 'registration' OR his.event_id <> due.event_id))
           AND NOT EXISTS (SELECT FROM touchpoints AS nobodys WHERE nobodys.platform_id = due.platform_id
                                  AND nobodys.click_uuid = due.click_uuid AND nobodys.player_id IS NULL)
           AND NOT EXISTS (SELECT FROM credit_interventions WHERE player_id = due.player_id)
           AND NOT EXISTS (SELECT FROM player_merges WHERE player_id = due.player_id OR other_id = due.player_id)
         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE touchpoints SET is_due = false FROM only_ones WHERE touchpoints.id = only_ones.id RETURNING touchpoints.id"""


def settle_due_touches(*, at: datetime, limit: int) -> int:
    """Look whom up to `limit` new touchpoints concern, oldest first, and return how many were settled.

    Workers may run side by side. A touchpoint that cannot be settled is logged, stays due and stops no other.
    """
    settled, after = 0, 0
    while settled < limit:
        due = Touchpoint.objects.filter(is_due=True, pk__gt=after).select_related("player", "event").order_by("pk")
        rows = list(due[: min(_BATCH, limit - settled)])
        if not rows:
            break
        keep_visitor_touches(rows)
        only_ones = {pk for (pk,) in fetch(_SETTLE_THE_ONLY_ONES, [[row.pk for row in rows]])}
        settled += sum(row.pk in only_ones or _settle(row, at=at) for row in rows)
        after = rows[-1].pk
    return settled


def settle_credit(player: Player, *, cause: CreditDecision.Cause, at: datetime) -> bool:
    """Decide a registered player's credit by all that is known of him; return whether it changed anything.

    Call with the player locked. Where the credit changes, his registration, deposits and milestones get it and are
    reviewed again; what was told where it does not belong any more is taken back. The decision is a new row: the
    ones before it stay.
    """
    if player.registered_at is None:
        return False
    return _settle_credit(player, standing_rows_of(player), registered_at=player.registered_at, cause=cause, at=at)


def _settle_credit(
    player: Player,
    rows: Sequence[Touchpoint],
    *,
    registered_at: datetime,
    cause: CreditDecision.Cause,
    at: datetime,
) -> bool:
    decision = _decision_of(player, rows, registered_at=registered_at)
    has_thefts = note_thefts(player, decision, registered_at=registered_at, at=at)
    if _is_in_force(decision, player):
        return False
    before = _credited(player)
    row = write_decision(player, _with_facts(decision), cause=cause, registered_at=registered_at, at=at)
    player.save()
    if _credited(player) != before or has_thefts:
        _carry_on(player, at=at)
        log.info("credit_changed", player=player.pk, credit_decision=row.pk, cause=cause)
    else:
        Conversion.objects.filter(player=player).update(credit_decision=row)
    return True


def _decision_without_staff(player: Player, rows: Sequence[Touchpoint], *, registered_at: datetime) -> Decision:
    """Return what the rules in force when the player registered say of all that is known of him."""
    touches = touches_considered(rows, player, registered_at=registered_at)
    return decide(player.platform.brand_id, touches, registered_at=registered_at)


def _settle(row: Touchpoint, *, at: datetime) -> bool:
    try:
        with transaction.atomic():
            due = Touchpoint.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
            if not due.filter(pk=row.pk, is_due=True).exists():
                return False
            for player in _locked(players_concerned(row)):
                if player.registered_at is not None:
                    rows = standing_rows_of(player)
                    _settle_credit(
                        player, rows, registered_at=player.registered_at, cause=CreditDecision.Cause.TOUCH, at=at
                    )
                    _adopt_milestones(player, rows)
            Touchpoint.objects.filter(pk=row.pk).update(is_due=False)
    except (OperationalError, InterfaceError):
        raise  # the database is the trouble, not the row
    except Exception:
        log.exception("touchpoint_not_settled", touchpoint=row.pk)
        return False
    return True


def _locked(players: Sequence[int]) -> list[Player]:
    """Return the players, each as he is once nobody else changes him, in one order for all workers."""
    locked = Player.objects.select_for_update(of=("self",), no_key=True).select_related("platform", "credit_decision")
    return list(locked.filter(pk__in=players).order_by("pk"))


def _adopt_milestones(player: Player, rows: Sequence[Touchpoint]) -> None:
    """Give a registered player the milestones that named nobody but hang together with him alone."""
    nobodys = {row.event_id: row for row in rows if row.player_id is None and row.how == Touchpoint.How.MILESTONE}
    reports = MilestoneReport.objects.filter(event__in=nobodys, milestone__player=None).select_related("milestone")
    for report in reports.order_by("pk"):
        if players_concerned(nobodys[report.event_id]) == [player.pk]:
            report.milestone.player = player
            copy_credit(report.milestone, player)
            report.milestone.is_test = report.milestone.is_test or player.is_test
            report.milestone.save()


def _decision_of(player: Player, rows: Sequence[Touchpoint], *, registered_at: datetime) -> Decision:
    decision = _decision_without_staff(player, rows, registered_at=registered_at)
    kinds = [CreditIntervention.Kind.RETAG, CreditIntervention.Kind.RELEASE]
    interventions = CreditIntervention.objects.filter(player=player, kind__in=kinds).select_related("link")
    latest = interventions.order_by("-pk").first()
    if latest is None or latest.kind == CreditIntervention.Kind.RELEASE:
        return decision
    return replace(decision, credit=_credit_by(latest), rule=BUILT_IN, window=None, reason=_by_staff(latest))


def _credit_by(retag: CreditIntervention) -> Credit:
    """Return the credit that a person gave: what a link stood for then, or a partner alone."""
    touch = None
    if retag.link is not None:
        touch = touch_of_link(retag.link, channel="", name="", at=retag.created_at)
    if touch is None:
        return Credit(outcome=CreditOutcome.STAFF, partner_id=retag.partner_after_id)
    return Credit(
        outcome=CreditOutcome.STAFF,
        link_id=touch.link_id,
        campaign_id=touch.campaign_id,
        creative_id=touch.creative_id,
        partner_id=touch.partner_id,
        source_id=touch.source_id,
        offer_id=touch.offer_id,
    )


def _by_staff(retag: CreditIntervention) -> str:
    return f"A person gave him to another whatever his touches say: {retag.reason}"[:500]


def _is_in_force(decision: Decision, player: Player) -> bool:
    """Say whether the decision is the player's already, with the same touches considered.

    The credit of players from before reasons were kept stands: only staff change it.
    """
    held = player.credit_decision
    if held is None:
        return decision.credit.outcome != CreditOutcome.STAFF
    credit = decision.credit
    return (held.outcome, held.click_uuid, held.link_id, held.campaign_id, held.partner_id, held.candidates) == (
        credit.outcome,
        credit.click_uuid,
        credit.link_id,
        credit.campaign_id,
        credit.partner_id,
        candidates_as_json(decision.candidates),
    )


def _with_facts(decision: Decision) -> Decision:
    """Return the decision with what its click carried, which touchpoints do not keep."""
    uuid = decision.credit.click_uuid
    click = Click.objects.filter(id=uuid).first() if uuid else None
    facts = click_facts(click) if click else {}
    return replace(decision, credit=replace(decision.credit, click_facts=facts))


def _credited(player: Player) -> tuple[Any, ...]:
    return (
        player.credit_outcome,
        player.click_uuid,
        player.link_id,
        player.campaign_id,
        player.partner_id,
        player.credit_ends_at,
    )


def _carry_on(player: Player, *, at: datetime) -> None:
    """Give all that the player did his credit; what counts for money is reviewed again, and told again."""
    conversions = list(LOCKED_CONVERSIONS.filter(player=player).order_by("pk"))
    for conversion in conversions:
        copy_credit(conversion, player)
        if conversion.kind == Conversion.Kind.DEPOSIT:
            end_credit_of_late_deposit(conversion, player, occurred_at=conversion.occurred_at)
            conversion.is_first_deposit = False
        conversion.is_valuable = False
        conversion.review_state = Conversion.Review.PENDING
        conversion.save()
        withdraw_misplaced_postbacks(conversion, at=at)
    if any(conversion.kind == Conversion.Kind.DEPOSIT for conversion in conversions):
        mark_first_deposit(player)
        write_lifetime_value(player, at=at)
    for milestone in Milestone.objects.filter(player=player).order_by("pk"):
        copy_credit(milestone, player)
        milestone.save()
    hint_after_commit("conversion_recorded")
