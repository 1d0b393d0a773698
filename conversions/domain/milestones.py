"""Signups, leads, sales and qualifications: one row a fact, its status by all reports, credited like its player."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from attribution.domain.credit import Credit, credit_registration
from attribution.models import CreditOutcome
from conversions.domain.inbox import Unplaced, refuse_other_terms
from conversions.domain.reported import ReportedMilestone, plain_amount
from conversions.domain.statuses import effective_status
from conversions.domain.subjects import (
    copy_credit,
    credited_to,
    lock_click,
    lock_key,
    locked_player,
    player_id_of,
    proven_click_id,
    waiting_for_click,
    waiting_for_transaction,
    wake_waiting_events,
)
from conversions.domain.touchpoints import keep_named_touches
from conversions.models import Endpoint, InboxEvent, Milestone, MilestoneReport, Player, Touchpoint

# An amount and its currency, or neither.
_Revenue = tuple[Decimal | None, str | None]
# What a milestone has of its reports.
_FOLLOWING = "status occurred_at first_event_id received_at goal is_test revenue currency".split()
_EACH_ITS_OWN = {Endpoint.Duplicates.NEW, Endpoint.Duplicates.TAGGED}


def place_milestone(reported: ReportedMilestone, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a milestone's inbox event and return its answer.

    It needs no player: a click, code or tag is enough to credit it. Where a player is known the milestone has his
    credit, whichever came first. Raises `ConversionConflict` for a known one with another revenue.
    """
    lock_click(event.platform_id, reported.click_id)
    player = _player_of(reported, event, at=at)
    key = _key(reported, player)
    lock_key(event.platform_id, key)
    milestone = _known_milestone(reported, event, key)
    if milestone is None or _duplicates(event) in _EACH_ITS_OWN:
        milestone = _record_new(reported, event, key, player, first=milestone)
        if reported.transaction_id:
            wake_waiting_events(event.platform_id, waiting_for_transaction(reported.transaction_id), at=at)
    else:
        revenue = reported.revenue.amount if reported.revenue else None
        report_milestone_status(milestone, reported.status, event, revenue=revenue)
    keep_named_touches(reported.claim, event=event, player=player, how=Touchpoint.How.MILESTONE)
    return milestone_answer(milestone)


def report_milestone_status(
    milestone: Milestone, status: str, event: InboxEvent, *, revenue: Decimal | None = None
) -> None:
    """Add a report to a known milestone and let its status, instant and revenue follow all of them."""
    MilestoneReport.objects.create(
        milestone=milestone, event=event, status=status, revenue=revenue, occurred_at=event.occurred_at
    )
    _follow_reports(milestone, duplicates=_duplicates(event))


def _duplicates(event: InboxEvent) -> str:
    return event.endpoint.duplicates if event.endpoint else ""


def _revenue_of(reports: Sequence[MilestoneReport], duplicates: str, held: _Revenue) -> _Revenue:
    """Return what a milestone's reports say that it brings, in whatever order they came.

    A pending and a confirmed report of one sale are one revenue: of several statuses the furthest is added up.
    """
    said = [report for report in reports if report.revenue is not None]
    if not said or duplicates not in (Endpoint.Duplicates.EDIT, Endpoint.Duplicates.INCREMENT):
        return held
    latest = said[-1]
    currency: str = latest.event.terms["currency"]
    if duplicates == Endpoint.Duplicates.EDIT:
        return latest.revenue, currency
    standing = [report.status for report in said if report.status != Milestone.Status.REJECTED]
    counted = effective_status(standing) if standing else Milestone.Status.REJECTED
    revenues: list[Decimal] = [report.revenue for report in said if report.status == counted]
    return sum(revenues, Decimal(0)), currency


def _follow_reports(milestone: Milestone, *, duplicates: str) -> None:
    """Set all that a milestone has of its reports by all of them, so that their order does not matter."""
    reports = sorted(
        milestone.reports.select_related("event"), key=lambda report: (report.occurred_at, report.event.event_id)
    )
    said = [report.event.terms for report in reports]
    milestone.status = effective_status([report.status for report in reports])
    milestone.occurred_at = reports[0].occurred_at
    milestone.first_event_id = reports[0].event.event_id
    milestone.received_at = min(report.event.received_at for report in reports)
    milestone.goal = next((terms["goal"] for terms in said if terms.get("goal")), "")
    milestone.is_test = milestone.is_test or any(terms.get("is_test") for terms in said)
    milestone.revenue, milestone.currency = _revenue_of(reports, duplicates, (milestone.revenue, milestone.currency))
    milestone.save(update_fields=_FOLLOWING)


def milestone_answer(milestone: Milestone) -> dict[str, Any]:
    """Return what the sender of a milestone is answered."""
    return {
        "status": "recorded",
        "kind": milestone.kind,
        "milestone_id": milestone.pk,
        "credited_to": credited_to(milestone),
    }


def _player_of(reported: ReportedMilestone, event: InboxEvent, *, at: datetime) -> Player | None:
    """Return the player, locked; None where only a click, code or tag is named and nobody registered by it yet."""
    if not reported.player_id and not reported.click_id:
        if reported.promo_code or reported.partner_tag:
            return None
        raise Unplaced("names_nobody")
    try:
        player_id = player_id_of(reported, event.platform)
    except Unplaced as unplaced:
        if unplaced.waits_for or unplaced.reason == "several_players":
            return None  # the click itself is ours and is credited
        raise
    return locked_player(event.platform, player_id, at=at)


def _key(reported: ReportedMilestone, player: Player | None) -> str:
    """Return what makes the milestone one: its transaction, else the click that it names, else whom it is about."""
    if reported.transaction_id:
        return f"t:{reported.transaction_id}"
    if reported.click_id and player is None:
        return f"c:{proven_click_id(reported.click_id).uuid.hex}"
    if player is not None:
        return _key_of_player(reported, player)
    return f"e:{reported.event_id}"


def _key_of_player(reported: ReportedMilestone, player: Player) -> str:
    try:
        return f"c:{proven_click_id(reported.click_id).uuid.hex}"
    except Unplaced:  # he is known by his id, whatever stands for a click
        return f"p:{player.player_id}"


def _known_milestone(reported: ReportedMilestone, event: InboxEvent, key: str) -> Milestone | None:
    known = (
        Milestone.objects.select_for_update(of=("self",), no_key=True)
        .select_related("campaign", "creative", "partner")
        .filter(platform_id=event.platform_id, kind=reported.kind, key=key)
        .first()  # at most one, by constraint
    )
    if known is None:
        return None
    if _duplicates(event):
        _refuse_to_add_currencies(known, reported, _duplicates(event))
        return known
    held: dict[str, str | None] = {"amount": None, "currency": None}
    if known.revenue is not None:
        held = {"amount": plain_amount(known.revenue), "currency": str(known.currency)}
    refuse_other_terms("transaction_conflict", held=held, reported=reported.terms())
    return known


def _refuse_to_add_currencies(known: Milestone, reported: ReportedMilestone, duplicates: str) -> None:
    is_added = duplicates == Endpoint.Duplicates.INCREMENT and known.currency is not None
    if is_added and reported.revenue is not None:
        held = {"currency": str(known.currency)}
        refuse_other_terms("transaction_conflict", held=held, reported={"currency": reported.revenue.currency})


def _record_new(
    reported: ReportedMilestone, event: InboxEvent, key: str, player: Player | None, *, first: Milestone | None
) -> Milestone:
    milestone = Milestone(
        platform_id=event.platform_id,
        player=player,
        kind=reported.kind,
        key=f"{key}#{event.pk}" if first else key,
        occurrence=_occurrence(event, first),
        status=reported.status,
        revenue=reported.revenue.amount if reported.revenue else None,
        currency=reported.revenue.currency if reported.revenue else None,
        goal=reported.goal,
        occurred_at=reported.occurred_at,
        first_event_id=event.event_id,
        received_at=event.received_at,
        is_test=reported.is_test or (player is not None and player.is_test),
    )
    if player is not None and player.registered_at is not None:
        copy_credit(milestone, player)
    else:
        _credit(milestone, _own_credit(reported, player))
    milestone.save(force_insert=True)
    for rejection in _earlier_rejections(milestone):
        MilestoneReport.objects.create(
            milestone=milestone, event=rejection.event, status=rejection.status, occurred_at=rejection.occurred_at
        )
    report_milestone_status(milestone, reported.status, event, revenue=milestone.revenue)
    return milestone


def _occurrence(event: InboxEvent, first: Milestone | None) -> str:
    if _duplicates(event) != Endpoint.Duplicates.TAGGED:
        return Milestone.Occurrence.UNKNOWN
    return Milestone.Occurrence.REPEATED if first else Milestone.Occurrence.NEW


def _own_credit(reported: ReportedMilestone, player: Player | None) -> Credit:
    credit = credit_registration(reported.claim, registered_at=reported.occurred_at)
    if player is None and credit.outcome == CreditOutcome.UNKNOWN_LINK:
        raise Unplaced("unknown_link", waits_for=waiting_for_click(proven_click_id(reported.click_id).uuid.hex))
    return credit


def _earlier_rejections(milestone: Milestone) -> list[MilestoneReport]:
    """Return what took back the other steps of the same transaction before this one was heard of."""
    reports = MilestoneReport.objects.filter(
        milestone__platform_id=milestone.platform_id,
        milestone__key=milestone.key.partition("#")[0],
        event__kind__in=[InboxEvent.Kind.REJECTION, InboxEvent.Kind.REFUND, InboxEvent.Kind.CHARGEBACK],
    ).select_related("event")
    return list({report.event_id: report for report in reports}.values())


def _credit(milestone: Milestone, credit: Credit) -> None:
    milestone.credit_outcome = credit.outcome
    milestone.click_uuid = credit.click_uuid
    milestone.clicked_at = credit.clicked_at
    milestone.link_id = credit.link_id
    milestone.campaign_id = credit.campaign_id
    milestone.creative_id = credit.creative_id
    milestone.partner_id = credit.partner_id
    milestone.source_id = credit.source_id
    milestone.offer_id = credit.offer_id
