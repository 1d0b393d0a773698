"""Celery's side of affiliates."""

from celery import shared_task
from django.utils import timezone

from affiliates.domain.booking import book_due_commissions
from tracker_project.common.hints import gather

BATCH = 200


@shared_task(name="affiliates.book_due_commissions")
def book_due() -> None:
    gather("affiliates.book_due_commissions")
    # What comes meanwhile has a hint of its own: rows that are worked on together cost a fraction of single ones.
    while book_due_commissions(at=timezone.now(), limit=BATCH) >= BATCH:
        pass
