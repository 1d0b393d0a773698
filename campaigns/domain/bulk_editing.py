"""One change to many campaigns: all of them or none."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns.domain.exchange import NoExchangeRate, convert
from campaigns.domain.soundness import faults_of, refuse_broken
from campaigns.models import Campaign, Offer
from tracker_project.common.money import Money, minor_digits, round_money


class CampaignsRefused(Exception):
    """The change suits some campaigns not; `errors` has the reasons by campaign name. Nothing was changed."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class CampaignChanges:
    """The columns to set on every campaign, and lines to add to its notes."""

    columns: dict[str, Any] = field(default_factory=dict)
    added_notes: str = ""

    @property
    def are_none(self) -> bool:
        return not self.columns and not self.added_notes


def edit_campaigns(campaigns: Iterable[int], changes: CampaignChanges, *, at: datetime) -> int:
    """Change those campaigns (by id) and return how many there are; raise `CampaignsRefused` and change none."""
    with transaction.atomic():
        rows = list(Campaign.objects.select_for_update(no_key=True).filter(pk__in=set(campaigns)).order_by("pk"))
        errors = {row.name: _change(row, changes, at=at) for row in rows}
        for campaign, faults in faults_of(row.pk for row in rows if row.status == Campaign.Status.ACTIVE).items():
            errors[campaign.name] += faults
        refused = {name: sentences for name, sentences in errors.items() if sentences}
        if refused:
            raise CampaignsRefused(refused)
        refuse_broken(row.pk for row in rows)
    return len(rows)


def set_status(campaigns: Iterable[int], status: str) -> int:
    """Give those campaigns (by id) a status, all or none; return how many had another. Raises `CampaignBroken`."""
    ids = set(campaigns)
    with transaction.atomic():
        changed = Campaign.objects.filter(pk__in=ids).exclude(status=status).update(status=status)
        refuse_broken(ids)
    return changed


def daily_budget_errors(campaign: Campaign) -> list[str]:
    """Return what does not go together in a campaign's daily budget, pacing and stop."""
    errors = []
    if campaign.daily_budget is None and campaign.pacing != Campaign.Pacing.NONE:
        errors.append("Pacing spreads a daily budget over the day: set one, or let visitors come as they come.")
    if campaign.daily_budget is None and campaign.stops_at_budget:
        errors.append("There is no daily budget to stop at: set one, or do not stop.")
    if campaign.daily_budget is not None and campaign.daily_budget != _rounded(campaign.daily_budget, campaign):
        errors.append(f"{campaign.currency} has {minor_digits(campaign.currency)} digits after the point.")
    return errors


def missing_rate(offer: Offer, currency: str, *, at: datetime) -> str:
    """Return why an offer's money cannot be counted in a campaign's currency, or "" where it can.

    It would stop the booking of the campaign's first deposits.
    """
    try:
        convert(Money(amount=offer.revenue, currency=offer.currency), currency, on=at.date())
    except NoExchangeRate as missing:
        return (
            f"The offer counts in {offer.currency}, the campaign in {currency}, and no exchange rate of "
            f"{missing.currency} is known: add one under Exchange rates first."
        )
    return ""


def _change(campaign: Campaign, changes: CampaignChanges, *, at: datetime) -> list[str]:
    for name, value in changes.columns.items():
        setattr(campaign, name, value)
    if changes.added_notes:
        campaign.notes = f"{campaign.notes.rstrip()}\n{changes.added_notes}".strip()
    errors = daily_budget_errors(campaign)
    if campaign.offer and "offer" in changes.columns:
        errors += filter(None, [missing_rate(campaign.offer, campaign.currency, at=at)])
    try:
        campaign.full_clean()
    except ValidationError as error:
        return errors + error.messages
    campaign.save()
    return errors


def _rounded(amount: Decimal, campaign: Campaign) -> Decimal:
    return round_money(amount, campaign.currency)
