"""Celery's side of fraud."""

from celery import shared_task
from django.utils import timezone

from fraud.domain.reviewing import review_pending_conversions
from tracker_project.common.hints import gather

BATCH = 200


@shared_task(name="fraud.review_pending_conversions")
def review_pending() -> None:
    gather("fraud.review_pending_conversions")
    # What comes meanwhile has a hint of its own: rows that are worked on together cost a fraction of single ones.
    while review_pending_conversions(at=timezone.now(), limit=BATCH) >= BATCH:
        pass
