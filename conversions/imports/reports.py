"""Rejection reports of measurement partners: each row an install refused as fraud, or an event in the app refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from conversions.dialects.dialect import IgnoredEvent, derived_event_id
from conversions.dialects.reading import MalformedEvent
from conversions.dialects.registry import parse
from conversions.domain.installs import REFUSED
from conversions.domain.reported import (
    Reported,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedRegistration,
)
from conversions.models import Import, InboxEvent

# AppsFlyer's columns that are not simply their Push field in capitals and blanks.
_APPSFLYER_NAMES = {f"sub_param_{number}": f"af_sub{number}" for number in range(1, 6)} | {
    "fraud_reason": "blocked_reason",
    "fraud_sub_reason": "blocked_sub_reason",
    "operating_system": "platform",
}
_REASONS = (
    "rejected_reason", "reject_reason", "blocked_reason", "blocked_sub_reason", "rejected_reason_value",
    "blocked_reason_value",
)  # fmt: skip
_LONGEST_REASON = 100


def appsflyer_name(column: str) -> str:
    """Return the Push field that a column of a raw data report is."""
    return _APPSFLYER_NAMES.get(column, column)


def adjust_name(column: str) -> str:
    """Return the placeholder that a column of Adjust's raw data is; a partner's own parameters keep their name."""
    return column.strip("{}[]")


def parse_appsflyer_row(cells: Mapping[str, str], file: Import, *, at: datetime) -> Reported:
    """Return the refusal that a row of blocked or post-attribution fraud reports; raises as dialects do.

    An install becomes a refused one; a registration, deposit or milestone in the app becomes its rejection.
    """
    fields = {name: text for name, text in cells.items() if text}
    fields.setdefault("event_name", "install")
    reason = _reason(fields)
    if fields["event_name"].casefold() in ("install", "reinstall", "re-attribution", "re-engagement"):
        fields["is_rejected"] = "1"
        return _parsed(fields, file, at)
    fields = {name: text for name, text in fields.items() if name not in _REASONS and name != "is_rejected"}
    return _rejection_of(_parsed(fields, file, at), reason)


def parse_adjust_row(cells: Mapping[str, str], file: Import, *, at: datetime) -> Reported:
    """Return the refused install or reattribution that a row of raw data reports; every other row is ignored."""
    fields = {name: text for name, text in cells.items() if text}
    reported = _parsed(fields, file, at)
    if isinstance(reported, ReportedInstall) and reported.activity in REFUSED:
        return reported
    raise IgnoredEvent("no refusal")


def _parsed(fields: Mapping[str, str], file: Import, at: datetime) -> Reported:
    if file.endpoint is None:
        raise MalformedEvent("missing", "A report needs the endpoint in whose dialect it is read.", "")
    return parse(dict(fields), file.endpoint, at=at)


def _rejection_of(reported: Reported, reason: str) -> ReportedMovement:
    """Return the rejection of an event that the partner refused after it had reported it."""
    event_id = derived_event_id("refused", reported.event_id)
    rejection = ReportedMovement(
        kind=InboxEvent.Kind.REJECTION,
        event_id=event_id,
        occurred_at=reported.occurred_at,
        player_id=reported.player_id,
        is_test=reported.is_test,
        is_time_ours=reported.is_time_ours,
        reason=reason or "refused by the measurement partner",
    )
    if isinstance(reported, ReportedRegistration):
        return replace(rejection, click_id=reported.named_click, rejects="registration")
    if isinstance(reported, ReportedDeposit | ReportedMilestone) and reported.transaction_id:
        return replace(rejection, deposit_transaction_id=reported.transaction_id)
    raise IgnoredEvent("an event that is not recorded when it is good")


def _reason(fields: Mapping[str, str]) -> str:
    """Return the partner's reason with its detail, such as “bots: fake_device”."""
    said = list(dict.fromkeys(fields[name] for name in _REASONS if fields.get(name)))
    return ": ".join(said[:2])[:_LONGEST_REASON]
