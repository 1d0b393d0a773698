"""Record a verified postback once; whatever contradicts the first report is kept beside it and refused."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from conversions.apple.reported import ReportedPostback
from conversions.models import AppPostback, AppPostbackConflict
from tracker_project.common.database import broken_constraint

log = structlog.get_logger(__name__)

_KNOWN_POSTBACK = {"one_app_postback_per_transaction_and_window", "one_app_postback_per_identifier"}


class ContradictingPostback(Exception):
    """A postback of this identity was recorded before and said `field` otherwise: the first report stands."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} differs from what was recorded before")
        self.field = field


def record_app_postback(reported: ReportedPostback, *, at: datetime) -> AppPostback:
    """Return the row of a verified postback, made now or by an earlier report of the same.

    Raises `ContradictingPostback`, after keeping what was said, when the earlier report differs.
    """
    postback = AppPostback(**reported.columns(), received_at=at)
    try:
        with transaction.atomic():
            postback.save(force_insert=True)
    except IntegrityError as error:
        if broken_constraint(error) not in _KNOWN_POSTBACK:
            raise
        return _repeat(reported, at=at)
    log.info("app_postback_recorded", app_postback=postback.pk, framework=postback.framework)
    return postback


def _repeat(reported: ReportedPostback, *, at: datetime) -> AppPostback:
    held = _held(reported)
    for field, value in reported.terms().items():
        if getattr(held, field) != value:
            _keep_conflict(held, field, value, at=at)
            raise ContradictingPostback(field)
    return held


def _held(reported: ReportedPostback) -> AppPostback:
    same = AppPostback.objects.filter(framework=reported.framework, postback_id=reported.postback_id)
    if reported.framework == AppPostback.Framework.ADATTRIBUTIONKIT:
        return same.get()
    return same.get(window=reported.window)


def _keep_conflict(held: AppPostback, field: str, value: object, *, at: datetime) -> None:
    """Keep each thing that was said once, however often: a stranger may repeat a postback with values of his own."""
    conflict = AppPostbackConflict(
        postback=held, field=field, held=getattr(held, field), reported=value, received_at=at
    )
    AppPostbackConflict.objects.bulk_create([conflict], ignore_conflicts=True)
    log.warning("app_postback_conflict", app_postback=held.pk, field=field)
