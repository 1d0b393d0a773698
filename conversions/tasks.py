"""Celery's side of conversions."""

from celery import shared_task
from django.utils import timezone

from campaigns.models import Cap
from conversions.domain.caps import count_capped_conversions
from conversions.domain.confirmation import confirm_accepted_postbacks
from conversions.domain.delivery_health import watch_deliveries
from conversions.domain.dispatch import deliver_due_postbacks
from conversions.domain.imports.working import work_on_imports
from conversions.domain.intake import match_waiting_events
from conversions.domain.notices import send_due_notices
from conversions.domain.predicted_value import write_value_curves
from conversions.domain.pulling import pull_due_reports
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reporting_currency import convert_waiting_deposits
from conversions.domain.requests import count_dropped_fields, forget_old_requests
from conversions.domain.restatement import state_net_revenue_anew, state_predictions_anew
from conversions.domain.source_health import forget_old_hours, watch_sources
from tracker_project.common.hints import gather

_MATCHED_AT_A_TIME = 500
_COUNTED_AT_A_TIME = 1000
_RESTATED_AT_A_TIME = 1000
_TOUCHES_AT_A_TIME = 1000
# Others wait behind whoever works longer.
_IMPORTING_SECONDS = 45
_PULLING_SECONDS = 120


@shared_task(name="conversions.deliver_due_postbacks")
def deliver_postbacks() -> None:
    deliver_due_postbacks(clock=timezone.now)


@shared_task(name="conversions.confirm_accepted_postbacks")
def confirm_postbacks() -> None:
    confirm_accepted_postbacks(clock=timezone.now)


@shared_task(name="conversions.state_net_revenue_anew")
def state_net_revenue() -> None:
    state_net_revenue_anew(at=timezone.now(), limit=_RESTATED_AT_A_TIME)


@shared_task(name="conversions.state_predictions_anew")
def state_predictions() -> None:
    state_predictions_anew(at=timezone.now(), limit=_RESTATED_AT_A_TIME)


@shared_task(name="conversions.write_value_curves")
def write_curves() -> None:
    write_value_curves(at=timezone.now())


@shared_task(name="conversions.watch_deliveries")
def watch() -> None:
    watch_deliveries(at=timezone.now())


@shared_task(name="conversions.send_due_notices")
def send_notices() -> None:
    send_due_notices(clock=timezone.now)


@shared_task(name="conversions.match_waiting_events")
def match_waiting() -> None:
    gather("conversions.match_waiting_events")
    match_waiting_events(at=timezone.now(), limit=_MATCHED_AT_A_TIME)


@shared_task(name="conversions.settle_due_touches")
def settle_touches() -> None:
    settle_due_touches(at=timezone.now(), limit=_TOUCHES_AT_A_TIME)


@shared_task(name="conversions.work_on_imports")
def import_files() -> None:
    gather("conversions.work_on_imports")
    work_on_imports(clock=timezone.now, for_seconds=_IMPORTING_SECONDS)


@shared_task(name="conversions.pull_reports")
def pull_reports() -> None:
    gather("conversions.pull_reports")
    pull_due_reports(clock=timezone.now, for_seconds=_PULLING_SECONDS)


@shared_task(name="conversions.count_dropped_fields")
def count_dropped() -> None:
    while count_dropped_fields(limit=_COUNTED_AT_A_TIME) == _COUNTED_AT_A_TIME:
        pass


@shared_task(name="conversions.forget_old_requests")
def forget_requests() -> None:
    forget_old_requests(at=timezone.now())


@shared_task(name="conversions.watch_sources")
def watch_intake() -> None:
    watch_sources(at=timezone.now())


@shared_task(name="conversions.forget_old_hours")
def forget_hours() -> None:
    forget_old_hours(at=timezone.now())


@shared_task(name="conversions.convert_waiting_deposits")
def convert_waiting() -> None:
    convert_waiting_deposits(at=timezone.now())


@shared_task(name="conversions.count_capped_conversions")
def count_capped() -> None:
    count_capped_conversions(at=timezone.now(), period=Cap.Period.DAY)


@shared_task(name="conversions.count_capped_conversions_in_all")
def count_capped_in_all() -> None:
    count_capped_conversions(at=timezone.now(), period=Cap.Period.TOTAL)
