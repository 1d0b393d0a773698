"""Celery's side of attribution."""

from celery import shared_task
from django.utils import timezone

from attribution.domain.partitions import ensure_click_partitions
from attribution.domain.pre_clicks import settle_pre_clicks as settle


@shared_task(name="attribution.ensure_click_partitions")
def make_partitions() -> None:
    ensure_click_partitions(at=timezone.now())


@shared_task(name="attribution.settle_pre_clicks")
def settle_pre_clicks() -> None:
    settle(at=timezone.now())
