"""What an import records: the same as webhooks, once, whatever was there and however often it is killed."""

import pytest

from conversions.models import Conversion
from tests.conversions.builders import the_deposit
from tests.conversions.imports.files import lines, outcomes, preview, record, row, undo, verdicts
from tests.world import make_platform

pytestmark = pytest.mark.django_db

REGISTRATION = "registration,2026-11-22T13:00:00Z,p-1,,,,,"
DEPOSIT = "deposit,2026-11-22T14:00:00Z,p-1,t-1,,confirmed,100.00,EUR"
REFUND = "refund,2026-11-22T15:00:00Z,p-1,,t-1,,,"


def test_preview_says_what_each_row_would_record_and_records_nothing() -> None:
    file = preview(lines(REGISTRATION, DEPOSIT, REFUND, DEPOSIT), make_platform())

    assert file.state == "previewed"
    assert verdicts(file) == ["new", "new", "transition", "repeat"]
    assert row(file, 4).verdict_detail == "Deposit turns from confirmed to refunded."
    assert file.counts == {"new": 2, "transition": 1, "repeat": 1}
    assert not Conversion.objects.exists()


def test_import_records_what_the_preview_said() -> None:
    file = record(lines(REGISTRATION, DEPOSIT, REFUND, DEPOSIT), make_platform())

    assert file.state == "imported"
    assert outcomes(file) == ["new", "new", "transition", "repeat"]
    assert (the_deposit().status, the_deposit().is_first_deposit) == ("refunded", True)


def test_undo_voids_deposits_and_rejects_registrations() -> None:
    file = undo(record(lines(REGISTRATION, DEPOSIT), make_platform()))

    assert (file.state, file.counts) == ("undone", {"undone": 2})
    assert the_deposit().status == "void"
    assert Conversion.objects.get(kind="registration").status == "rejected"
