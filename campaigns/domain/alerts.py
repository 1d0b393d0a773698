"""Alerts to buyers: budgets and caps nearly used or reached, licences and permissions about to end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from campaigns.domain.budgets import BudgetStanding, budget_standings, campaigns_with_budgets
from campaigns.domain.limits import CapStanding, caps_of_running_campaigns, standings_of
from campaigns.models import Campaign, CampaignAlert, Cap, Licence, PlatformPermission
from tracker_project.common.money import format_amount

# How many days before a licence's or permission's last day buyers are told, each once.
STAGES = (30, 7, 1)
Kind = CampaignAlert.Kind


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is to be told of a campaign: once for its subject on `day`, or (None) once for ever."""

    campaign_id: int
    kind: Kind
    subject: str
    text: str
    day: date | None = None


def raise_alerts(*, at: datetime) -> list[CampaignAlert]:
    """Tell what there is to tell at `at` and return the alerts that are new.

    One that stands is not told again, but its text follows: how far a cap was overshot shows late. Idempotent; where
    another run is at it this one leaves it to that.
    """
    alerts = [*_budget_alerts(at), *_cap_alerts(at), *_licence_alerts(at), *_permission_alerts(at)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('campaign_alerts'))")
        return _tell(alerts, at=at) if cursor.fetchone()[0] else []


def see_alert(alert: CampaignAlert, *, at: datetime) -> CampaignAlert:
    """Note that a person has seen an alert; a second time changes nothing."""
    CampaignAlert.objects.filter(pk=alert.pk, seen_at=None).update(seen_at=at)
    alert.refresh_from_db(fields=["seen_at"])
    return alert


def _tell(alerts: Sequence[Alert], *, at: datetime) -> list[CampaignAlert]:
    told = _told(alerts)
    new, changed = [], []
    for alert in alerts:
        day = alert.day or at.date()
        on_day = told.get((alert.campaign_id, alert.kind, alert.subject), {})
        known = on_day.get(day) if alert.day else next(iter(on_day.values()), None)
        if known is None:
            new.append(
                CampaignAlert(
                    campaign_id=alert.campaign_id,
                    kind=alert.kind,
                    subject=alert.subject,
                    day=day,
                    text=alert.text,
                    created_at=at,
                )
            )
        elif known.text != alert.text:
            known.text = alert.text
            changed.append(known)
    CampaignAlert.objects.bulk_update(changed, ["text"])
    return CampaignAlert.objects.bulk_create(new)


def _told(alerts: Sequence[Alert]) -> dict[tuple[int, str, str], dict[date, CampaignAlert]]:
    """Return what was told already by campaign, kind and subject, and by day."""
    told: dict[tuple[int, str, str], dict[date, CampaignAlert]] = defaultdict(dict)
    rows = CampaignAlert.objects.filter(
        campaign__in={alert.campaign_id for alert in alerts}, subject__in={alert.subject for alert in alerts}
    )
    for row in rows.order_by("day"):
        told[row.campaign_id, row.kind, row.subject][row.day] = row
    return told


def _budget_alerts(at: datetime) -> Iterator[Alert]:
    for standing in budget_standings(list(campaigns_with_budgets()), at=at):
        is_near = standing.percent >= standing.campaign.alert_percent
        if standing.is_reached or is_near:
            yield Alert(
                campaign_id=standing.campaign.pk,
                kind=Kind.BUDGET_REACHED if standing.is_reached else Kind.BUDGET_SHARE,
                subject=f"{'budget' if standing.day is None else 'daily budget'} of {standing.budget.normalize():f}",
                day=standing.day,
                text=_budget_text(standing),
            )


def _budget_text(standing: BudgetStanding) -> str:
    campaign = standing.campaign
    spent = format_amount(standing.spent, campaign.currency)
    budget = f"{format_amount(standing.budget, campaign.currency)} {campaign.currency}"
    what = "the whole budget" if standing.day is None else f"the budget of {standing.day:%-d %b %Y}"
    if not standing.is_reached:
        return f"{standing.percent} % of {what} is spent: {spent} of {budget}."
    stops = standing.day is not None and campaign.stops_at_budget
    follows = "visitors go to the fallback" if stops else "visitors are still sent on"
    return f"All of {what} is spent: {spent} of {budget}; {follows}."


def _cap_alerts(at: datetime) -> Iterator[Alert]:
    standings = [standing for standing in standings_of(list(caps_of_running_campaigns()), at=at) if standing.cap.limit]
    near = [standing for standing in standings if standing.is_reached or standing.percent >= 1]
    campaigns = _campaigns_of_offers({standing.cap.offer_id for standing in near if standing.cap.offer_id})
    for standing in near:
        for campaign in _campaigns_of(standing.cap, campaigns):
            if standing.is_reached or standing.percent >= campaign.alert_percent:
                yield Alert(
                    campaign_id=campaign.pk,
                    kind=Kind.CAP_REACHED if standing.is_reached else Kind.CAP_SHARE,
                    subject=f"cap {standing.cap.pk} of {standing.cap.limit}",
                    day=standing.day,
                    text=_cap_text(standing),
                )


def _campaigns_of(cap: Cap, by_offer: dict[int, list[Campaign]]) -> list[Campaign]:
    if cap.offer_id is not None:
        return by_offer.get(cap.offer_id, [])
    campaign = cap.campaign if cap.campaign is not None else cap.flow.campaign if cap.flow is not None else None
    return [campaign] if campaign is not None else []


def _cap_text(standing: CapStanding) -> str:
    cap = standing.cap
    of = f" of the offer “{cap.offer}”" if cap.offer else f" of the flow “{cap.flow}”" if cap.flow else ""
    named = f"The cap of {cap.limit:,} {cap.get_event_display().lower()} {cap.get_period_display()}{of}"
    on = f" on {standing.day:%-d %b %Y}" if standing.day else ""
    if not standing.is_reached:
        return f"{named} is {standing.percent} % used{on}: {standing.uses:,} so far."
    over = f", {standing.overshoot:,} too many" if standing.overshoot else ""
    return f"{named} was reached{on}: {standing.uses:,} so far{over}."


def _licence_alerts(at: datetime) -> Iterator[Alert]:
    ending = list(
        Licence.objects.filter(valid_until__range=_ending_days(at), offer__is_licensed_only=True)
        .select_related("offer")
        .order_by("id")
    )
    campaigns = _campaigns_of_offers({licence.offer_id for licence in ending})
    others = list(Licence.objects.filter(offer__in={licence.offer_id for licence in ending}).order_by("id"))
    for licence in ending:
        if not any(_goes_on(other, after=licence) for other in others):
            text = (
                f"The licence {licence.jurisdiction} {licence.number} of the offer “{licence.offer}” "
                f"{_ends(licence.valid_until, at)}: after that no visitor from {licence.place} reaches it."
            )
            for campaign in campaigns[licence.offer_id]:
                yield _ending_alert(campaign, Kind.LICENCE_ENDS, f"licence {licence.pk}", licence.valid_until, text, at)


def _goes_on(other: Licence, *, after: Licence) -> bool:
    """Say whether `other` covers the place of `after` from the day after its last one on."""
    until = after.valid_until
    return (
        until is not None
        and other.offer_id == after.offer_id
        and other.country == after.country
        and other.region in ("", after.region)
        and other.city.casefold() in ("", after.city.casefold())
        and other.valid_from <= until + timedelta(days=1)
        and (other.valid_until is None or other.valid_until > until)
    )


def _permission_alerts(at: datetime) -> Iterator[Alert]:
    ending = list(
        PlatformPermission.objects.filter(valid_until__range=_ending_days(at))
        .select_related("account", "offer")
        .order_by("id")
    )
    accounts = {permission.account_id for permission in ending}
    others = list(PlatformPermission.objects.filter(account__in=accounts).order_by("id"))
    campaigns = _running().filter(advertising_account__in=accounts).order_by("id")
    by_offer = _campaigns_of_offers({permission.offer_id for permission in ending if permission.offer_id})
    for permission in ending:
        if any(_permits_on(other, after=permission) for other in others):
            continue
        reach = {campaign.pk for campaign in by_offer[permission.offer_id]} if permission.offer_id else None
        offer = f" for the offer “{permission.offer}”" if permission.offer else ""
        domain = f" on {permission.domain}" if permission.domain else ""
        text = (
            f"The permission of {permission.account} to advertise{offer}{domain} in {permission.country} "
            f"{_ends(permission.valid_until, at)}."
        )
        for campaign in campaigns:
            if campaign.advertising_account_id == permission.account_id and (reach is None or campaign.pk in reach):
                subject = f"permission {permission.pk}"
                yield _ending_alert(campaign, Kind.PERMISSION_ENDS, subject, permission.valid_until, text, at)


def _permits_on(other: PlatformPermission, *, after: PlatformPermission) -> bool:
    """Say whether `other` permits what `after` does from the day after its last one on."""
    until = after.valid_until
    return (
        until is not None
        and other.account_id == after.account_id
        and other.country == after.country
        and other.domain in ("", after.domain)
        and other.offer_id in (None, after.offer_id)
        and other.valid_from <= until + timedelta(days=1)
        and (other.valid_until is None or other.valid_until > until)
    )


def _ending_days(at: datetime) -> tuple[date, date]:
    """Return the last days of what is told of now: from yesterday (it has just ended) to 30 days ahead, in UTC."""
    return at.date() - timedelta(days=1), at.date() + timedelta(days=STAGES[0])


def _ending_alert(campaign: Campaign, kind: Kind, subject: str, until: date | None, text: str, at: datetime) -> Alert:
    if until is None:
        raise ValueError(f"{subject} has no end")
    left = (until - at.date()).days
    stage = min((stage for stage in STAGES if stage >= left), default=STAGES[0]) if left >= 0 else -1
    when = "over" if stage < 0 else f"{stage} days before"
    return Alert(campaign_id=campaign.pk, kind=kind, subject=f"{subject} until {until}, {when}", text=text)


def _ends(until: date | None, at: datetime) -> str:
    if until is None:
        raise ValueError("what has no end is not told of")
    return f"{'ended' if until < at.date() else 'ends'} on {until:%-d %b %Y}"


def _running() -> QuerySet[Campaign]:
    return Campaign.objects.filter(status=Campaign.Status.ACTIVE)


def _campaigns_of_offers(offers: Iterable[int]) -> dict[int, list[Campaign]]:
    """Return the active campaigns that send visitors to each offer, by themselves or through an active flow."""
    found: dict[int, list[Campaign]] = defaultdict(list)
    wanted = set(offers)
    if not wanted:
        return found
    through_flows = Q(flows__is_active=True, flows__flow_offers__offer__in=wanted)
    running = _running().filter(Q(offer__in=wanted) | through_flows).distinct().order_by("id")
    sent: dict[int, set[int]] = defaultdict(set)
    pairs = Campaign.objects.filter(pk__in=[campaign.pk for campaign in running], flows__is_active=True)
    for campaign_id, offer_id in pairs.values_list("id", "flows__flow_offers__offer"):
        sent[campaign_id].add(offer_id)
    for campaign in running:
        for offer_id in sorted(wanted & (sent[campaign.pk] | {campaign.offer_id})):
            found[offer_id].append(campaign)
    return found
