"""AppsFlyer's raw data by its Pull API: what was blocked, and what was found to be fraud after it had been attributed.

Rules as of AppsFlyer's help centre: raw data of the last 90 days, at most 31 days a call for events in the app, 24
calls a day and app for installs and 12 for events, at most 200,000 rows a call unless a million are asked for.
"""

from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import quote, urlencode

from django.conf import settings

from conversions.models import ReportPull
from conversions.pulls.source import NotFetched, Piece, TooManyRows, fetch_body, next_utc_day
from tracker_project.common.egress import Answer, OutgoingRequest

KEPT_DAYS = 90
MOST_DAYS = 30
MOST_ROWS = 200_000
# How far back each report is asked for again. What is blocked at once is final after a few days; what is found
# afterwards changes until the 7th of the month after the install's.
REPORTS = {
    "blocked_installs_report": 3,
    "blocked_in_app_events_report": 3,
    "detection": 38,
    "fraud-post-inapps": 38,
}
_ADDITIONAL = "blocked_reason,blocked_reason_value,blocked_sub_reason,rejected_reason,rejected_reason_value"
_REFUSED = {
    HTTPStatus.UNAUTHORIZED: "AppsFlyer does not accept the token (401): paste a V2 API token of an account admin.",
    HTTPStatus.FORBIDDEN: "AppsFlyer says that the account has no raw data or no Protect360 (403).",
    HTTPStatus.NOT_FOUND: "AppsFlyer knows no such app (404): an iOS app's id begins with “id”.",
}


def pieces(pull: ReportPull, *, at: datetime) -> list[Piece]:
    """Return what a round begun at `at` fetches: each report, in windows of at most 30 days."""
    today = at.date()
    earliest = max(pull.starts_on, today - timedelta(days=KEPT_DAYS - 1))
    found = []
    for report, overlap in REPORTS.items():
        since = max(earliest, (pull.pulled_until or earliest) - timedelta(days=overlap))
        while since <= today:
            until = min(since + timedelta(days=MOST_DAYS - 1), today)
            found.append(_piece(pull, report, since, until, at))
            since = until + timedelta(days=1)
    return found


def _piece(pull: ReportPull, report: str, since: date, until: date, at: datetime) -> Piece:
    return Piece(name=f"{report} {since} to {until}", fetch=partial(_fetch, pull, report, since, until, at))


def _fetch(pull: ReportPull, report: str, since: date, until: date, at: datetime) -> bytes:
    answer, body = fetch_body(_request(pull, report, since, until))
    if answer.status != HTTPStatus.OK:
        raise _refusal(answer, at)
    if body.count(b"\n") > MOST_ROWS:
        raise _too_many(pull, report, since, until, at)
    return body


def _request(pull: ReportPull, report: str, since: date, until: date) -> OutgoingRequest:
    asked = {
        "from": since.isoformat(),
        "to": until.isoformat(),
        "timezone": "UTC",
        "maximum_rows": MOST_ROWS,
        "additional_fields": _ADDITIONAL,
    }
    path = f"/api/raw-data/export/app/{quote(pull.app_id, safe='')}/{report}/v5"
    return OutgoingRequest(
        method="GET",
        url=f"{settings.APPSFLYER_REPORTS_URL}{path}?{urlencode(asked)}",
        headers={"Authorization": f"Bearer {pull.token}", "Accept": "text/csv"},
    )


def _refusal(answer: Answer, at: datetime) -> NotFetched:
    said = answer.body[:2000].decode(errors="replace").lower()
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or "limit" in said:
        return NotFetched("AppsFlyer's quota of reports is used up for today.", retry_at=next_utc_day(at))
    known = _REFUSED.get(HTTPStatus(answer.status)) if answer.status in HTTPStatus._value2member_map_ else None
    return NotFetched(known or f"AppsFlyer answered {answer.status}.")


def _too_many(pull: ReportPull, report: str, since: date, until: date, at: datetime) -> Exception:
    if since == until:
        return NotFetched(f"{report} has more than {MOST_ROWS:,} rows on {since}: fetch the day by hand, in parts.")
    middle = since + (until - since) / 2
    return TooManyRows(
        [_piece(pull, report, since, middle, at), _piece(pull, report, middle + timedelta(days=1), until, at)]
    )
