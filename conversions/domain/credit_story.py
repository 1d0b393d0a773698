"""How a player came, in plain words and in order: touches, registration, decisions, what staff changed, deposits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from attribution.domain.credit import Verdict
from attribution.domain.credit_rules import BUILT_IN
from attribution.domain.credit_shares import MODELS
from attribution.domain.credit_words import span_in_words
from attribution.models import Channel, CreditOutcome
from campaigns.models import Campaign, Partner, TrackingLink
from conversions.domain.touchpoints import rows_of, standing_rows_of
from conversions.models import Conversion, CreditDecision, CreditIntervention, Player, PlayerMerge, Touchpoint

_VERDICTS = {
    Verdict.CREDITED: "He is credited to this.",
    Verdict.UNUSABLE: "It leads to nobody.",
    Verdict.TOO_OLD: "It was too old when he registered.",
    Verdict.PROBABLE: "Probably the same person: it is only shown.",
    Verdict.NOT_CREDITED: "The rule does not credit this channel.",
    Verdict.LATE_CLICK: "It came too short before the registration to take him from the partner who was there.",
    Verdict.OTHER_PARTNER: "Another partner was first and keeps him.",
    Verdict.WEAKER: "A stronger channel is credited.",
    Verdict.OVERRIDDEN: "A later touch is credited.",
    Verdict.LATER: "An earlier touch is credited.",
    Verdict.FORGED: "The registration's click id was forged: nobody is credited.",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happened, for a timeline; `mark` is credited, passed, registered, deposit, decided or staff."""

    at: datetime
    title: str
    detail: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One touch and what each model for reading gives it, as a percentage by model."""

    title: str
    at: datetime
    percents: list[Decimal]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A player's way in order, and his touches' shares by `models`."""

    steps: list[Step]
    shared: list[Shared]
    models: list[str] = field(default_factory=lambda: [title for title, _ in MODELS.values()])


@dataclass(frozen=True, kw_only=True)
class _Names:
    campaigns: dict[int, str]
    partners: dict[int, str]
    links: dict[int, str]

    def touch(self, channel: str, name: str, *, campaign: int | None, partner: int | None, link: int | None) -> str:
        label = Channel(channel).label
        if channel in (Channel.PROMO_CODE, Channel.PARTNER_TAG):
            label += f" “{name}”"
        if campaign is not None:
            label += f" of {self.campaigns.get(campaign, 'a campaign')}"
        if partner is not None:
            label += f", partner {self.partners.get(partner, '?')}"
        if link is not None:
            label += f", link {self.links.get(link, '?')}"
        return label


def tell_credit(player: Player) -> Story:
    """Return how a player came and why he is credited so."""
    rows = rows_of(player)
    decisions = list(player.credit_decisions.select_related("rule").order_by("pk"))
    latest = decisions[-1] if decisions else None
    candidates = latest.candidates if latest else []
    names = _names(rows, candidates)
    steps = [
        *_touches(player, rows, candidates, names),
        *_decisions(player, decisions),
        *_interventions(player),
        *_deposits(player),
    ]
    return Story(steps=sorted(steps, key=lambda step: step.at), shared=_shared(candidates, names))


def touch_title(row: Touchpoint) -> str:
    """Return a touchpoint in words."""
    names = _names([row], [])
    return names.touch(row.channel, row.name, campaign=row.campaign_id, partner=row.partner_id, link=row.link_id)


def _names(rows: Iterable[Touchpoint], candidates: Iterable[dict[str, Any]]) -> _Names:
    campaigns = {row.campaign_id for row in rows} | {each["campaign"] for each in candidates}
    partners = {row.partner_id for row in rows} | {each["partner"] for each in candidates}
    links = {row.link_id for row in rows} | {each["link"] for each in candidates}
    return _Names(
        campaigns=dict(Campaign.objects.filter(pk__in=_known(campaigns)).values_list("pk", "name")),
        partners=dict(Partner.objects.filter(pk__in=_known(partners)).values_list("pk", "name")),
        links=dict(TrackingLink.objects.filter(pk__in=_known(links)).values_list("pk", "code")),
    )


def _known(numbers: Iterable[int | None]) -> set[int]:
    return {number for number in numbers if number is not None}


def _touches(
    player: Player, rows: Sequence[Touchpoint], candidates: Sequence[dict[str, Any]], names: _Names
) -> list[Step]:
    verdicts = {(each["channel"], each["name"]): Verdict(each["verdict"]) for each in candidates}
    standing = {row.pk for row in standing_rows_of(player)}
    steps, told = [], set()
    for row in sorted(rows, key=lambda row: (row.how != Touchpoint.How.REGISTRATION, row.pk)):
        key = (row.channel, row.name)
        if key in told:
            continue
        told.add(key)
        verdict = verdicts.get(key)
        detail = (
            f"{row.get_how_display().capitalize()}. {_verdict(player, row, verdict, is_standing=row.pk in standing)}"
        )
        title = names.touch(row.channel, row.name, campaign=row.campaign_id, partner=row.partner_id, link=row.link_id)
        is_credited = verdict == Verdict.CREDITED and player.credit_outcome != CreditOutcome.STAFF
        mark = "credited" if is_credited and row.pk in standing else "passed"
        steps.append(Step(at=row.occurred_at, title=title, detail=detail, mark=mark))
    return steps


def _verdict(player: Player, row: Touchpoint, verdict: Verdict | None, *, is_standing: bool) -> str:
    if not is_standing:
        return "Staff separated it from him."
    if row.channel == Channel.INSTALL and not row.name:
        return "It names no click of ours: it only tells whose device it is."
    if row.problem:
        return f"{CreditOutcome(row.problem).label}."
    if verdict == Verdict.CREDITED and player.credit_outcome == CreditOutcome.STAFF:
        return "The rule would credit this; a person decided otherwise."
    if verdict is not None:
        return _VERDICTS[verdict]
    if player.registered_at is None:
        return "Credit is given when he registers."
    if is_reengagement(player, row):
        return "A re-engagement: it came after a long pause. Credit stays as it is."
    return "Known after he registered: credit stays as it is."


def is_reengagement(player: Player, row: Touchpoint) -> bool:
    """Say whether a touch brought a player back after the pause that his rule calls one."""
    rule = (player.credit_decision.rule if player.credit_decision else None) or BUILT_IN
    if player.registered_at is None or rule.reengagement_days is None or row.occurred_at <= player.registered_at:
        return False
    deposits = Conversion.objects.filter(player=player, kind=Conversion.Kind.DEPOSIT, occurred_at__lt=row.occurred_at)
    last = deposits.order_by("-occurred_at").values_list("occurred_at", flat=True).first() or player.registered_at
    return row.occurred_at - last >= timedelta(days=rule.reengagement_days)


def _decisions(player: Player, decisions: Sequence[CreditDecision]) -> list[Step]:
    steps = []
    for decision in decisions:
        if decision.cause == CreditDecision.Cause.REGISTRATION and player.registered_at is not None:
            steps.append(Step(at=player.registered_at, title="Registered", detail=decision.reason, mark="registered"))
        else:
            title = f"Credit looked at again: {decision.get_cause_display().lower()}"
            steps.append(Step(at=decision.decided_at, title=title, detail=decision.reason, mark="decided"))
    if not decisions and player.registered_at is not None:
        detail = f"{player.get_credit_outcome_display()}. Reasons were not kept yet."
        steps.append(Step(at=player.registered_at, title="Registered", detail=detail, mark="registered"))
    return steps


def _interventions(player: Player) -> list[Step]:
    steps = []
    for each in interventions_told().filter(player=player).order_by("pk"):
        title = f"{each.get_kind_display()} by {each.actor.get_username()}"
        steps.append(Step(at=each.created_at, title=title, detail=intervention_in_words(each), mark="staff"))
    merges = PlayerMerge.objects.filter(Q(player=player) | Q(other=player))
    for merge in merges.select_related("player", "other", "actor", "undone_by").order_by("pk"):
        other = merge.other if merge.player_id == player.pk else merge.player
        title = f"Merged with player {other} by {merge.actor.get_username()}"
        steps.append(Step(at=merge.merged_at, title=title, detail=merge.reason, mark="staff"))
        if merge.undone_at is not None and merge.undone_by is not None:
            title = f"Kept apart from player {other} again by {merge.undone_by.get_username()}"
            steps.append(Step(at=merge.undone_at, title=title, detail=merge.undo_reason, mark="staff"))
    return steps


def interventions_told() -> QuerySet[CreditIntervention]:
    """Return all interventions with what is told of each: `campaign_before` and `campaign_after` by name, or None."""
    decisions = CreditDecision.objects.filter(player=OuterRef("player")).order_by("-pk")
    after = decisions.filter(decided_at__lte=OuterRef("created_at"))
    before = after.exclude(decided_at=OuterRef("created_at"), cause=CreditDecision.Cause.STAFF)
    interventions: QuerySet[CreditIntervention] = CreditIntervention.objects.annotate(
        campaign_before=Subquery(before.values("campaign__name")[:1]),
        campaign_after=Subquery(after.values("campaign__name")[:1]),
    )
    return interventions.select_related("player", "actor", "partner_before", "partner_after")


def credited_in_words(campaign: str | None, partner: Partner | None) -> str:
    """Return who is credited: a campaign, its partner or a partner alone."""
    if campaign is None:
        return f"partner {partner}" if partner else "nobody"
    return f"{campaign} (partner {partner})" if partner else f"{campaign} (no partner)"


def intervention_in_words(each: Any) -> str:
    """Return what one of `interventions_told` changed, and why."""
    before = credited_in_words(each.campaign_before, each.partner_before)
    after = credited_in_words(each.campaign_after, each.partner_after)
    moved = f"From {before} to {after}" if before != after else f"Stays with {after}"
    touch = f" {Channel(each.channel).label.lower()}" if each.channel else ""
    return f"{moved}.{' Touch:' + touch + '.' if touch else ''} Reason: {each.reason}"


def _deposits(player: Player) -> list[Step]:
    deposits = Conversion.objects.filter(player=player, kind=Conversion.Kind.DEPOSIT)
    first = deposits.filter(is_first_deposit=True).first()  # at most one, by constraint
    if first is None:
        return []
    since = first.occurred_at - player.registered_at if player.registered_at else None
    when = "before" if since and since < timedelta(0) else "after"
    detail = f"{span_in_words(_whole(abs(since)))} {when} the registration. " if since else ""
    late = first.credit_outcome == CreditOutcome.LATE_DEPOSIT
    detail += "It came too long after the registration: nobody is credited." if late else "It has the player's credit."
    return [Step(at=first.occurred_at, title="First deposit", detail=detail, mark="deposit")]


def _whole(span: timedelta) -> timedelta:
    """Return a span without the small units that do not matter beside the large ones."""
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)):
        if abs(span) >= 2 * unit:
            return span // unit * unit
    return span


def _shared(candidates: Sequence[dict[str, Any]], names: _Names) -> list[Shared]:
    return [
        Shared(
            title=names.touch(
                each["channel"], each["name"], campaign=each["campaign"], partner=each["partner"], link=each["link"]
            ),
            at=datetime.fromisoformat(each["occurred_at"]),
            percents=[Decimal(each["shares"][model]) * 100 for model in MODELS],
        )
        for each in candidates
        if each["shares"]
    ]
