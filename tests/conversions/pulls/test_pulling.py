"""Rounds of reports: every window once, nothing twice, broken off anywhere, and plain words when a partner refuses."""

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from conversions.domain import pulling
from conversions.models import Import, Install, ReportPull
from conversions.pulls import appsflyer
from tests.conversions.imports.files import work
from tests.conversions.imports.reports import ADJUST_COLUMNS, adjust_csv, adjust_row, appsflyer_csv, appsflyer_row
from tests.conversions.pulls.builders import TODAY, TOKEN, make_adjust_pull, make_appsflyer_pull, pull
from tests.outside.report_rules import AppsFlyerReports, Bucket, serving

pytestmark = pytest.mark.django_db(transaction=True)

INSTALLED_ON = date(2026, 11, 22)
FILE = "abc123_2026-11-22T130000_00ff.csv.gz"


@pytest.fixture
def partner(settings: Any) -> Iterator[AppsFlyerReports]:
    """AppsFlyer with one blocked install of an app."""
    header, row = appsflyer_csv(appsflyer_row()).decode("utf-8-sig").splitlines()
    partner = AppsFlyerReports(tokens={"com.casino.app": TOKEN}, today=TODAY.date(), header=header)
    partner.rows["blocked_installs_report"] = [(INSTALLED_ON, row)]
    with serving(partner) as address:
        settings.APPSFLYER_REPORTS_URL = address
        yield partner


@pytest.fixture
def bucket(settings: Any) -> Iterator[Bucket]:
    bucket = Bucket(name="raw-data", region="eu-west-1", access_key="AKIATESTS", secret=TOKEN)
    bucket.files[FILE] = gzip.compress(adjust_csv(adjust_row(), adjust_row(activity_kind="session")))
    with serving(bucket) as address:
        settings.ADJUST_BUCKETS_URL = address
        yield bucket


def the_pull() -> ReportPull:
    return ReportPull.objects.get()


def test_round_records_what_was_refused(partner: AppsFlyerReports) -> None:
    make_appsflyer_pull()

    pull()
    work()

    assert Install.objects.get().rejection_reason == "ctit_anomalies"
    assert [(file.file_name, file.state, file.counts) for file in Import.objects.all()] == [
        ("blocked_installs_report 2026-11-01 to 2026-11-25", "imported", {"new": 1})
    ]
    held = the_pull()
    assert (held.pulled_until, held.position, held.trouble) == (TODAY.date(), {}, "")
    assert held.next_pull_at == TODAY + timedelta(hours=6)


def test_next_round_asks_again_for_what_the_partner_restates(partner: AppsFlyerReports) -> None:
    make_appsflyer_pull(pulled_until=TODAY.date())

    pull()

    assert partner.windows == [
        ("blocked_installs_report", "2026-11-22", "2026-11-25"),
        ("blocked_in_app_events_report", "2026-11-22", "2026-11-25"),
        ("detection", "2026-11-01", "2026-11-25"),
        ("fraud-post-inapps", "2026-11-01", "2026-11-25"),
    ]


def test_second_round_of_the_same_leaves_nothing_behind(partner: AppsFlyerReports) -> None:
    make_appsflyer_pull()
    pull()
    work()

    pull(at=TODAY + timedelta(hours=6))
    work()

    assert (Import.objects.count(), Install.objects.count()) == (1, 1)
    assert the_pull().last_pulled_at == TODAY + timedelta(hours=6)


def test_windows_keep_within_the_days_that_the_partner_allows(partner: AppsFlyerReports) -> None:
    make_appsflyer_pull(starts_on=date(2026, 1, 1))

    pull()

    events = [window[1:] for window in partner.windows if window[0] == "blocked_in_app_events_report"]
    assert events == [("2026-08-28", "2026-09-26"), ("2026-09-27", "2026-10-26"), ("2026-10-27", "2026-11-25")]


def test_report_that_was_cut_off_is_asked_for_in_smaller_windows(partner: AppsFlyerReports, monkeypatch: Any) -> None:
    rows = [appsflyer_row(AppsFlyer_ID=f"160000000000{day}-1") for day in range(4)]
    lines = appsflyer_csv(*rows).decode("utf-8-sig").splitlines()[1:]
    partner.rows["blocked_installs_report"] = [(date(2026, 11, 2 + 6 * n), line) for n, line in enumerate(lines)]
    partner.row_limit = 2
    monkeypatch.setattr(appsflyer, "MOST_ROWS", 2)
    monkeypatch.setattr(appsflyer, "_request", _asking_for_200_000(appsflyer._request))
    make_appsflyer_pull()

    pull()
    work()

    assert Install.objects.count() == 4


def _asking_for_200_000(request: Any) -> Any:
    """The partner's limit is lowered for the test, what is asked for is not."""

    def ask(*args: Any) -> Any:
        asked = request(*args)
        return type(asked)(
            method="GET",
            url=asked.url.replace("maximum_rows=2&", "maximum_rows=200000&"),
            headers=asked.headers,
        )

    return ask


def test_used_up_quota_is_waited_for_and_the_round_goes_on_where_it_stood(partner: AppsFlyerReports) -> None:
    partner.calls["detection"] = 24
    make_appsflyer_pull()

    pull()
    stopped = the_pull()
    partner.calls.clear()
    partner.windows.clear()
    pull(at=stopped.next_pull_at)

    assert stopped.trouble == "AppsFlyer's quota of reports is used up for today."
    assert stopped.next_pull_at == datetime(2026, 11, 26, 0, 5, tzinfo=UTC)
    assert partner.windows[:2] == [
        ("detection", "2026-11-01", "2026-11-25"),
        ("fraud-post-inapps", "2026-11-01", "2026-11-25"),
    ]


@pytest.mark.parametrize(
    ("columns", "trouble"),
    [
        (
            {"token": "wrong"},
            "AppsFlyer does not accept the token (401): paste a V2 API token of an account admin.",
        ),
        ({"app_id": "123"}, "AppsFlyer knows no such app (404): an iOS app's id begins with “id”."),
    ],
)
def test_refusal_is_said_in_plain_words_and_tried_less_and_less(
    partner: AppsFlyerReports, columns: dict[str, Any], trouble: str
) -> None:
    make_appsflyer_pull(**columns)

    pull()
    first = the_pull()
    pull(at=first.next_pull_at)

    second = the_pull()
    assert (second.trouble, second.tries, second.leased_until) == (trouble, 2, None)
    assert second.next_pull_at - first.next_pull_at == 2 * (first.next_pull_at - TODAY)


def test_round_that_is_killed_goes_on_behind_what_it_kept(partner: AppsFlyerReports, monkeypatch: Any) -> None:
    make_appsflyer_pull()
    keep = pulling._keep

    def die_after_the_first(*args: Any, **named: Any) -> None:
        keep(*args, **named)
        raise SystemExit

    monkeypatch.setattr(pulling, "_keep", die_after_the_first)
    with pytest.raises(SystemExit):
        pull()
    monkeypatch.setattr(pulling, "_keep", keep)
    partner.windows.clear()

    pull(at=TODAY + pulling.LEASE)
    work()

    assert "blocked_installs_report" not in [window[0] for window in partner.windows]
    assert (Import.objects.count(), Install.objects.count()) == (1, 1)


def test_two_workers_fetch_a_report_once(partner: AppsFlyerReports) -> None:
    row = make_appsflyer_pull()
    ReportPull.objects.filter(pk=row.pk).update(leased_until=TODAY + timedelta(minutes=1))

    pull()

    assert partner.windows == []


def test_answer_that_is_no_report_is_trouble_and_not_a_crash(settings: Any) -> None:
    make_appsflyer_pull()
    partner = AppsFlyerReports(tokens={"com.casino.app": TOKEN}, today=TODAY.date(), header="something,else")
    with serving(partner) as address:
        settings.APPSFLYER_REPORTS_URL = address
        pull()

    assert the_pull().trouble.startswith("The header has no column appsflyer_id")


def test_adjust_reads_refused_installs_from_the_bucket(bucket: Bucket) -> None:
    make_adjust_pull()

    pull()
    work()

    assert Install.objects.get().rejection_reason == "anonymous_traffic"
    file = Import.objects.get()
    assert (file.file_name, file.rows_count, file.rows_passed_over) == (FILE, 1, 1)


def test_adjust_reads_each_file_once_however_late_it_comes(bucket: Bucket) -> None:
    make_adjust_pull()
    pull()
    late = {f"abc123_2026-11-23T{hour}0000_00ff.csv.gz": gzip.compress(adjust_csv()) for hour in (10, 11, 12)}
    bucket.files |= late

    pull(at=TODAY + timedelta(hours=6))
    pull(at=TODAY + timedelta(hours=12))

    assert bucket.read == [FILE, *late]


def test_adjust_says_when_the_bucket_refuses_the_key(bucket: Bucket) -> None:
    make_adjust_pull(token="another")

    pull()

    assert the_pull().trouble == "The bucket does not accept the key (403): it must be allowed to list and to read."


def test_damaged_file_is_trouble_and_not_a_crash(bucket: Bucket) -> None:
    bucket.files[FILE] = gzip.compress(",".join(ADJUST_COLUMNS).encode())[:20]
    make_adjust_pull()

    pull()

    assert the_pull().trouble == "The file is damaged: it cannot be unpacked. Fetch or save it again."


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("report_pull_names_app_and_token", {"token": ""}),
        ("report_pull_bucket_is_whole", {"bucket": "raw-data"}),
    ],
)
def test_report_pull_constraints(constraint: str, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_appsflyer_pull(**columns)


def test_app_is_fetched_by_one_pull() -> None:
    endpoint = make_appsflyer_pull().endpoint

    with pytest.raises(IntegrityError, match="one_report_pull_per_endpoint_and_app"), transaction.atomic():
        make_appsflyer_pull(endpoint=endpoint)


def test_token_is_encrypted_at_rest() -> None:
    make_appsflyer_pull()

    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM report_pulls")
        assert TOKEN not in cursor.fetchone()[0]
