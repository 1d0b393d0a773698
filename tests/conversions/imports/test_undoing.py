"""Undo: what only the import reported is taken back by further events; what stays says why; nothing is deleted."""

from typing import Any

import pytest

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission
from conversions.models import Conversion, CustomerLtv, DailyActivity, InboxEvent, Milestone, Player
from fraud.domain.reviewing import review_pending_conversions
from tests.affiliates.builders import make_partner_account
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.conversions.imports.files import lines, record, row, undo
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

REGISTRATION = "registration,2026-11-22T13:00:00Z,p-1,,,,,"
DEPOSIT = "deposit,2026-11-22T14:00:00Z,p-1,t-1,,confirmed,100.00,EUR"


def undone(file: Any) -> list[tuple[str, str]]:
    """Return what became of undoing each row that had recorded something."""
    rows = file.rows.exclude(undo="").order_by("number")
    return list(rows.values_list("undo", "undo_detail"))


def test_undo_takes_back_what_the_import_alone_reported() -> None:
    file = undo(record(lines(REGISTRATION, DEPOSIT), make_platform()))

    assert undone(file) == [
        ("undone", "The registration is rejected and counts for nothing."),
        ("undone", "The deposit is void."),
    ]
    assert (file.state, file.counts, file.undo_reason) == ("undone", {"undone": 2}, "the wrong month")
    assert InboxEvent.objects.count() == 4
    assert CustomerLtv.objects.get().deposits == 0


def test_undo_takes_the_commission_back() -> None:
    account = make_partner_account()
    click = make_click(make_link(partner=account.partner))
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency,click_id"
    rows = [
        f"registration,2026-11-22T13:00:00Z,p-1,,,,,{click.click_id}",
        "deposit,2026-11-22T14:00:00Z,p-1,t-1,confirmed,100,EUR,",
    ]
    file = record(lines(*rows, header=header), make_platform())
    review_pending_conversions(at=LATER, limit=10)
    book_due_commissions(at=LATER, limit=10)
    booked = Commission.objects.get()

    undo(file)
    book_due_commissions(at=LATER, limit=10)

    booked.refresh_from_db()
    assert booked.reversed_at is not None


def test_deposit_that_the_platform_reported_too_stays() -> None:
    platform = make_platform()
    file = record(lines(DEPOSIT), platform)
    deposit(platform)

    file = undo(file)

    assert undone(file) == [("kept", "The platform reported the same deposit since: it stays.")]
    assert the_deposit().status == "confirmed"


def test_status_that_the_import_changed_stays() -> None:
    platform = make_platform()
    deposit(platform, status="pending")

    file = undo(record(lines(DEPOSIT), platform))

    assert undone(file) == [
        (
            "kept",
            "It changed a deposit that others reported too; it stays confirmed, as statuses never go back.",
        )
    ]


def test_deposit_charged_back_since_stays() -> None:
    platform = make_platform()
    file = record(lines(DEPOSIT), platform)
    record(lines("chargeback,2026-11-23T14:00:00Z,,,t-1,,,"), platform)

    file = undo(file)

    assert undone(file) == [("kept", "The platform reported the same deposit since: it stays.")]


def test_registration_of_a_player_with_deposits_of_the_platform_stays() -> None:
    platform = make_platform()
    file = record(lines(REGISTRATION), platform)
    deposit(platform)

    file = undo(file)

    assert undone(file) == [
        ("kept", "The platform reported deposits of this player: he exists, and his registration stays.")
    ]


def test_corrections_stay_and_say_why() -> None:
    platform = make_platform()
    register(platform)
    deposit(platform)
    deposit(platform, "dep-2", transaction_id="t-2")
    deposit(platform, "dep-3", transaction_id="t-3")
    rows = [
        "refund,2026-11-23T14:00:00Z,,,t-1,,,",
        "chargeback,2026-11-23T14:00:00Z,,,t-2,,,",
        "rejection,2026-11-23T14:00:00Z,,,t-3,,,",
        "withdrawal,2026-11-23T14:00:00Z,p-1,w-1,,,5,EUR",
    ]

    file = undo(record(lines(*rows), platform))

    assert undone(file) == [
        ("kept", "A refund is final: the deposit stays refunded, as statuses never go back."),
        ("kept", "A chargeback is final: the deposit stays charged back, as statuses never go back."),
        ("kept", "A rejection is final: statuses never go back."),
        ("kept", "A withdrawal has no opposite: ask the platform to correct it."),
    ]
    assert file.counts == {"kept": 4}


def test_lead_is_rejected_and_one_that_waits_is_discarded() -> None:
    rows = ["lead,2026-11-22T13:00:00Z,p-1,l-1,,,5,EUR", "refund,2026-11-23T14:00:00Z,,,t-9,,,"]

    file = undo(record(lines(*rows), make_platform()))

    assert undone(file) == [
        ("undone", "The lead is rejected."),
        ("undone", "It waited in the quarantine and was discarded."),
    ]
    assert Milestone.objects.get().status == "rejected"
    assert InboxEvent.objects.get(kind="refund").state == "discarded"


@pytest.mark.parametrize(
    ("status", "undo_word", "column"),
    [("blocked", "undone", "blocked_at"), ("duplicate", "undone", "duplicate_at"), ("verified", "kept", ""),
     ("self_excluded", "kept", "")],
)  # fmt: skip
def test_player_status_is_turned_round_where_it_may(status: str, undo_word: str, column: str) -> None:
    file = undo(record(lines(f"player_status,2026-11-22T13:00:00Z,p-1,,,{status},,"), make_platform()))

    player = Player.objects.get()
    assert [undo for undo, _ in undone(file)] == [undo_word]
    assert getattr(player, column or "blocked_at") is None
    assert (player.self_excluded_at is not None) == (status == "self_excluded")


@pytest.mark.parametrize("mode", ["total", "delta"])
def test_activity_is_restated_as_before(mode: str) -> None:
    header = "type,occurred_at,player_id,currency,on_date,mode,ngr,event_id"
    platform = make_platform()
    record(lines(f"activity,2026-11-22T13:00:00Z,p-1,EUR,2026-11-22,{mode},10,a", header=header), platform)

    undo(record(lines(f"activity,2026-11-22T14:00:00Z,p-1,EUR,2026-11-22,{mode},-25.5,b", header=header), platform))

    assert DailyActivity.objects.get().ngr == 10


def test_undo_passes_over_what_recorded_nothing() -> None:
    platform = make_platform()
    register(platform)
    rows = [REGISTRATION, DEPOSIT, "deposit,2026-11-22T14:00:00Z,p-1,t-2,,confirmed,x,EUR"]

    file = undo(record(lines(*rows), platform))

    assert [row(file, number).undo for number in (2, 3, 4)] == ["", "undone", ""]
    assert Conversion.objects.get(kind="registration").status == "confirmed"


def test_undone_file_recorded_again_is_all_repeats() -> None:
    platform = make_platform()
    undo(record(lines(DEPOSIT), platform))

    again = record(lines("", DEPOSIT), platform)

    assert [row(again, 3).outcome, the_deposit().status] == ["repeat", "void"]


def test_row_that_repeats_an_event_of_the_platform_is_not_taken_for_ours() -> None:
    platform = make_platform()
    deposit(platform, status="pending")
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency,event_id"
    rows = [
        "deposit,2026-11-22T14:00:00Z,p-1,t-1,pending,100,EUR,dep-1",
        "deposit,2026-11-22T14:30:00Z,p-1,t-1,confirmed,100,EUR,",
    ]

    file = undo(record(lines(*rows, header=header), platform))

    assert [row(file, 2).undo, row(file, 3).undo, the_deposit().status] == ["", "kept", "confirmed"]
