"""A platform's own count of a day, posted."""

from datetime import date
from decimal import Decimal

import pytest

from conversions.domain.sandbox import open_sandbox
from conversions.models import DayReport, IntakeRequest
from tests.conversions.api.posting import error_of, post
from tests.conversions.builders import deposit
from tests.world import make_platform

pytestmark = pytest.mark.django_db

TOTALS = {
    "event_id": "day-1",
    "on_date": "2026-11-22",
    "counted_at": "2026-11-23T02:00:00Z",
    "registrations": 0,
    "deposits": 2,
    "deposit_amounts": {"EUR": "150.00"},
    "deposit_ids": ["t-1", "t-2"],
}


def test_totals_are_recorded_and_answered_with_what_differs():
    platform = make_platform()
    deposit(platform)

    response = post(platform, "totals", TOTALS)

    assert (response.status_code, response.json()) == (
        201,
        {
            "status": "recorded",
            "differences": [
                {"figure": "deposits", "currency": None, "you": "2", "we": "1"},
                {"figure": "deposit_amounts", "currency": "EUR", "you": "150", "we": "100"},
            ],
        },
    )
    report = DayReport.objects.get()
    assert (report.on_date, report.deposits, report.deposit_ids, report.first_deposits, report.origin) == (
        date(2026, 11, 22),
        2,
        ["t-1", "t-2"],
        None,
        "api",
    )
    assert list(report.amounts.values_list("currency", "amount")) == [("EUR", Decimal(150))]


def test_totals_count_the_ids_where_no_number_is_given():
    post(make_platform(), "totals", {name: value for name, value in TOTALS.items() if name != "deposits"})

    assert DayReport.objects.get().deposits == 2


def test_totals_repeat_is_answered_200_and_kept_once():
    platform = make_platform()
    post(platform, "totals", TOTALS)

    response = post(platform, "totals", TOTALS)

    assert response.status_code == 200
    assert DayReport.objects.count() == 1


def test_totals_that_came_late_are_kept_and_do_not_stand():
    platform = make_platform()
    post(platform, "totals", TOTALS)

    response = post(platform, "totals", TOTALS | {"event_id": "day-0", "counted_at": "2026-11-23T01:00:00Z"})

    assert (response.status_code, response.json()["status"]) == (201, "superseded")


def test_totals_are_kept_without_their_ids():
    post(make_platform(), "totals", TOTALS | {"player_email": "ann@mail.example"})

    request = IntakeRequest.objects.get()
    assert request.content == [TOTALS | {"deposit_ids": "2 ids", "deposit_amounts": {"EUR": "150.00"}}]
    assert request.dropped == ["player_email:email"]


def test_totals_signed_by_the_sandbox_s_secret_go_to_the_sandbox():
    platform = make_platform()
    sandbox = open_sandbox(platform)

    post(platform, "totals", TOTALS, secret=sandbox.secret)

    assert DayReport.objects.get().platform == sandbox


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"deposits": 3}, (400, "contradiction", "deposits")),
        ({"deposits": "2"}, (400, "wrong_type", "deposits")),
        ({"deposits": True}, (400, "wrong_type", "deposits")),
        ({"registrations": -1}, (400, "bad_count", "registrations")),
        ({"registrations": 10**10}, (400, "bad_count", "registrations")),
        ({"deposit_ids": "t-1"}, (400, "wrong_type", "deposit_ids")),
        ({"deposit_ids": ["t-1", 2]}, (400, "wrong_type", "deposit_ids")),
        ({"deposit_ids": ["t-1", "t-1"]}, (400, "doubled", "deposit_ids")),
        ({"deposit_amounts": {"EUR": 150}}, (400, "wrong_type", "deposit_amounts")),
        ({"deposit_amounts": {"EUR": "-1"}}, (400, "bad_amount", "deposit_amounts")),
        ({"deposit_amounts": {"eur": "1"}}, (400, "unknown_currency", "deposit_amounts")),
        ({"deposit_amounts": ["EUR"]}, (400, "wrong_type", "deposit_amounts")),
        ({"on_date": "22.11.2026"}, (400, "bad_date", "on_date")),
        ({"counted_at": "2999-01-01T00:00:00Z"}, (400, "in_the_future", "counted_at")),
        ({"event_id": ""}, (400, "wrong_length", "event_id")),
    ],
)
def test_totals_that_say_nothing_clear_are_refused_and_kept_as_refused(changes, expected):
    response = post(make_platform(), "totals", TOTALS | changes, webhook_id="msg-1")

    assert error_of(response) == expected
    assert DayReport.objects.count() == 0
    assert IntakeRequest.objects.get().status == 400


def test_totals_without_any_figure_are_refused():
    response = post(make_platform(), "totals", {name: TOTALS[name] for name in ("event_id", "on_date", "counted_at")})

    assert error_of(response) == (400, "missing", "deposits")


def test_totals_with_the_same_id_and_other_figures_are_refused():
    platform = make_platform()
    post(platform, "totals", TOTALS)

    response = post(platform, "totals", TOTALS | {"registrations": 5})

    assert error_of(response) == (409, "totals_conflict", "registrations")


def test_totals_need_a_signature_that_fits():
    other = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="

    assert error_of(post(make_platform(), "totals", TOTALS, secret=other)) == (401, "bad_signature", None)


def test_totals_of_a_hundred_thousand_ids_are_taken():
    ids = [f"transaction-{number:08}" for number in range(100_000)]

    response = post(make_platform(), "totals", TOTALS | {"deposits": 100_000, "deposit_ids": ids})

    assert response.status_code == 201
    assert DayReport.objects.get().deposits == 100_000
