"""Work in pieces: killed anywhere it goes on, two workers share it, and no row counts twice."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from conversions.domain.imports import working
from conversions.domain.imports.deciding import (
    NotDecidable,
    ReasonMissing,
    confirm_import,
    discard_import,
    undo_import,
)
from conversions.domain.imports.effects import record_row
from conversions.domain.imports.working import LEASE, claim, work_on_imports
from conversions.models import Anomaly, Conversion, Import, ImportRow, InboxEvent, StatusReport
from conversions.tasks import import_files
from tests.conversions.builders import LATER, deposit, register
from tests.conversions.imports.files import (
    lines,
    outcomes,
    preview,
    record,
    row,
    stage,
    the_uploader,
    verdicts,
    work,
)
from tests.world import make_platform

pytestmark = pytest.mark.django_db

MANY = lines(
    *(
        line
        for number in range(1, 31)
        for line in (
            f"registration,2026-11-22T13:00:00Z,p-{number},,,,,",
            f"deposit,2026-11-22T14:00:00Z,p-{number},t-{number},,confirmed,100.00,EUR",
        )
    )
)


def confirmed(content: str) -> Import:
    file = preview(content, make_platform())
    confirm_import(file, actor=the_uploader(), at=LATER)
    return file


def die_after(monkeypatch: Any, name: str, calls: int) -> None:
    """Have a step of the work kill the worker, before it does its own, once it was done some times."""
    done: list[str] = []
    step = getattr(working, name)

    def dying(*args: Any, **named: Any) -> Any:
        if len(done) == calls:
            raise SystemExit
        done.append(name)
        return step(*args, **named)

    monkeypatch.setattr(working, name, dying)


@pytest.mark.parametrize("rows_before", [0, 17, 59])
def test_recording_that_is_killed_goes_on_and_counts_each_row_once(monkeypatch: Any, rows_before: int) -> None:
    file = confirmed(MANY)
    with monkeypatch.context() as patch:
        die_after(patch, "_record_one", rows_before)
        with pytest.raises(SystemExit):
            work()

    work_on_imports(clock=lambda: LATER + timedelta(hours=1) + LEASE, for_seconds=1)

    file.refresh_from_db()
    assert (file.state, file.counts) == ("imported", {"new": 60})
    assert (Conversion.objects.count(), StatusReport.objects.count()) == (60, 60)


def test_preview_that_is_killed_goes_on_and_records_nothing(monkeypatch: Any) -> None:
    file = stage(MANY, make_platform())
    with monkeypatch.context() as patch:
        die_after(patch, "_preview_subject", 7)
        with pytest.raises(SystemExit):
            work()

    work_on_imports(clock=lambda: LATER + timedelta(hours=1) + LEASE, for_seconds=1)

    file.refresh_from_db()
    assert (file.state, file.counts, InboxEvent.objects.count()) == ("previewed", {"new": 60}, 0)


def test_work_stops_when_its_time_is_over_and_shows_how_far_it_is() -> None:
    file = confirmed(MANY)
    ticks = iter(range(1000))

    work_on_imports(clock=lambda: LATER + timedelta(seconds=next(ticks)), for_seconds=4)

    file.refresh_from_db()
    assert (file.state, file.leased_until) == ("importing", None)
    assert file.counts == {"": 10, "new": 50}


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_import_record_each_row_once() -> None:
    file = confirmed(MANY)
    failures: list[BaseException] = []

    def work_all() -> None:
        try:
            mine = Import.objects.select_related("platform__brand", "endpoint").get(pk=file.pk)
            working.work_on(mine, clock=lambda: LATER, until=LATER + timedelta(seconds=1))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert outcomes(file) == ["new"] * 60
    assert (Conversion.objects.count(), StatusReport.objects.count()) == (60, 60)


def test_claimed_import_is_left_to_its_worker_until_the_lease_ends() -> None:
    file = stage(MANY, make_platform())
    at = datetime.fromisoformat("2026-11-25T13:00:00Z")

    held, second, late = claim(file, at=at), claim(file, at=at), claim(file, at=at + LEASE)

    assert [held is not None, second, late is not None] == [True, None, True]


def test_import_waits_while_it_is_only_previewed() -> None:
    file = preview(MANY, make_platform())

    work()

    assert outcomes(file) == [""] * 60


def test_task_works_on_what_waits() -> None:
    file = stage(lines("registration,2026-11-22T13:00:00Z,p-1,,,,,"), make_platform())

    import_files()

    assert verdicts(file) == ["new"]


def test_events_of_an_import_and_of_webhooks_are_one() -> None:
    platform = make_platform()
    register(platform)
    deposit(platform, status="pending")
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency,event_id"
    rows = [
        "registration,2026-11-22T13:00:00Z,p-1,,,,,",
        "deposit,2026-11-22T14:00:00Z,p-1,t-1,pending,100.00,EUR,dep-1",
        "deposit,2026-11-22T14:00:00Z,p-1,t-1,pending,100.00,EUR,",
        "deposit,2026-11-22T14:30:00Z,p-1,t-1,confirmed,100.00,EUR,",
        "deposit,2026-11-22T14:30:00Z,p-1,t-1,confirmed,99.00,EUR,mine",
    ]

    file = record(lines(*rows, header=header), platform)

    assert outcomes(file) == ["known", "repeat", "known", "transition", "conflict"]
    assert row(file, 5).outcome_detail == "Deposit turns from pending to confirmed."
    assert row(file, 6).outcome_detail == (
        "amount is 99 here and 100 in what was recorded before. The first stands; correct the row or ask."
    )
    assert [(anomaly.field, anomaly.reported) for anomaly in Anomaly.objects.all()] == [("amount", "99")]


def test_row_under_an_event_id_of_another_report_is_told_so():
    platform = make_platform()
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency,event_id"
    rows = [
        "registration,2026-11-22T13:00:00Z,p-1,,,,,",
        "deposit,2026-11-22T14:00:00Z,p-1,t-1,confirmed,100.00,EUR,dep-1",
        "deposit,2026-11-22T15:00:00Z,p-1,t-1,void,100.00,EUR,dep-1",
    ]

    file = record(lines(*rows, header=header), platform)

    assert row(file, 4).outcome_detail == (
        "This event id was reported before with another status: confirmed, here void. Give a new event its own."
    )


def test_same_rows_in_another_file_are_repeats() -> None:
    platform = make_platform()
    rows = ["registration,2026-11-22T13:00:00Z,p-1,,,,,", "deposit,2026-11-22T14:00:00Z,p-1,t-1,,confirmed,100,EUR"]
    record(lines(*rows), platform)

    again = record(lines(*reversed(rows)), platform)

    assert outcomes(again) == ["repeat", "repeat"]
    assert Conversion.objects.count() == 2


def test_decisions_are_taken_once_and_in_order() -> None:
    file = stage(MANY, make_platform())
    alice = the_uploader()

    with pytest.raises(NotDecidable, match="preview is being made"):
        confirm_import(file, actor=alice, at=LATER)
    work()
    confirm_import(file, actor=alice, at=LATER)
    with pytest.raises(NotDecidable, match="being recorded"):
        discard_import(file, actor=alice, at=LATER)
    with pytest.raises(NotDecidable, match="being recorded"):
        undo_import(file, reason="wrong", actor=alice, at=LATER)
    with pytest.raises(ReasonMissing):
        undo_import(file, reason=" ", actor=alice, at=LATER)


def test_discarding_ends_a_preview_that_is_under_way(monkeypatch: Any) -> None:
    file = stage(MANY, make_platform())
    with monkeypatch.context() as patch:
        die_after(patch, "_preview_subject", 3)
        with pytest.raises(SystemExit):
            work()

    discard_import(file, actor=the_uploader(), at=LATER)
    work_on_imports(clock=lambda: LATER + timedelta(hours=2), for_seconds=1)

    file.refresh_from_db()
    assert (file.state, file.rows.count()) == ("discarded", 0)


def test_row_on_which_the_tracker_fails_stops_no_other(monkeypatch: Any) -> None:
    def failing(row: ImportRow, *, at: datetime) -> Any:
        effect = record_row(row, at=at)
        if row.number == 3:
            raise ArithmeticError
        return effect

    monkeypatch.setattr(working, "record_row", failing)
    rows = [f"registration,2026-11-22T13:00:00Z,p-{number},,,,," for number in (1, 2, 3)]

    file = record(lines(*rows), make_platform())

    assert (verdicts(file), outcomes(file)) == (["new", "unreadable", "new"], ["new", "unreadable", "new"])
    assert row(file, 3).problem.startswith("The tracker failed on this row and recorded nothing of it")
    assert Conversion.objects.count() == 2
