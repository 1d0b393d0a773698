"""Celery's side of attribution."""

from celery import shared_task
from django.utils import timezone

from attribution.domain.partitions import ensure_click_partitions
from attribution.domain.pre_clicks import delete_old_pre_clicks
from attribution.domain.visitor_keys import keep_visitor_keys


@shared_task(name="attribution.ensure_click_partitions")
def make_partitions() -> None:
    ensure_click_partitions(at=timezone.now())


@shared_task(name="attribution.keep_visitor_keys")
def keep_keys() -> None:
    keep_visitor_keys(at=timezone.now())


@shared_task(name="attribution.delete_old_pre_clicks")
def delete_pre_clicks() -> None:
    delete_old_pre_clicks(at=timezone.now())
