"""Celery's side of attribution."""

from celery import shared_task
from django.utils import timezone

from attribution.domain.partitions import ensure_click_partitions


@shared_task(name="attribution.ensure_click_partitions")
def make_partitions() -> None:
    ensure_click_partitions(at=timezone.now())
