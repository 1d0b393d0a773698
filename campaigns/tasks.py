"""Celery's side of campaigns."""

from celery import shared_task
from django.utils import timezone

from campaigns.domain.alerts import raise_alerts
from campaigns.domain.budgets import fold_campaign_spends, write_cost_spends
from campaigns.domain.limits import fold_cap_uses


@shared_task(name="campaigns.write_cost_spends")
def write_spends() -> None:
    write_cost_spends(at=timezone.now())


@shared_task(name="campaigns.raise_alerts")
def alert_buyers() -> None:
    raise_alerts(at=timezone.now())


@shared_task(name="campaigns.fold_counters")
def fold_counters() -> None:
    now = timezone.now()
    fold_cap_uses(at=now)
    fold_campaign_spends(at=now)
