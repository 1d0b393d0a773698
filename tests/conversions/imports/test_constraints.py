"""The database refuses what no import may be, whoever writes it."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conversions.models import Import, ImportRow
from tests.conversions.builders import LATER, make_endpoint
from tests.conversions.imports.files import the_uploader
from tests.world import make_platform

pytestmark = pytest.mark.django_db


def make_import(**columns: Any) -> Import:
    defaults: dict[str, Any] = {
        "layout": "events",
        "state": "previewing",
        "file_name": "list.csv",
        "digest": "0" * 64,
        "size_bytes": 1,
        "uploaded_at": LATER,
    }
    columns.setdefault("platform", None)
    columns["platform"] = columns["platform"] or make_platform()
    if "uploaded_by" not in columns:
        columns["uploaded_by"] = the_uploader()
    return Import.objects.create(**defaults | columns)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("import_state_is_known", {"state": "lost"}),
        ("import_digest_is_sha256", {"digest": "abc"}),
        ("import_of_a_report_names_its_endpoint", {"layout": "appsflyer"}),
        ("import_names_who_brought_it", {"uploaded_by": None}),
        ("recorded_import_was_confirmed", {"state": "imported"}),
        ("recorded_import_was_confirmed", {"state": "imported", "confirmed_at": LATER}),
        ("undone_import_has_person_and_reason", {"undo_reason": "why"}),
    ],
)
def test_import_constraints(constraint: str, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_import(**columns)


def test_undone_import_needs_its_reason() -> None:
    alice = the_uploader()
    of = {"state": "undone", "confirmed_at": LATER, "confirmed_by": alice, "undone_by": alice, "undo_asked_at": LATER}

    with pytest.raises(IntegrityError, match="undone_import_has_person_and_reason"), transaction.atomic():
        make_import(**of)


def test_import_of_our_template_names_no_endpoint() -> None:
    endpoint = make_endpoint("adjust")

    with pytest.raises(IntegrityError, match="import_of_a_report_names_its_endpoint"), transaction.atomic():
        make_import(endpoint=endpoint, platform=endpoint.platform)


def test_one_import_per_file_of_a_platform() -> None:
    platform = make_platform()
    make_import(platform=platform)
    make_import(platform=make_platform())

    with pytest.raises(IntegrityError, match="one_import_per_file"), transaction.atomic():
        make_import(platform=platform)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("unreadable_import_row_says_why", {"verdict": "unreadable"}),
        ("recorded_import_row_has_its_event", {"outcome": "new"}),
        ("undone_import_row_was_recorded", {"undo": "undone", "undo_detail": "void"}),
        ("undone_import_row_was_recorded", {"undo": "kept", "outcome": "conflict"}),
    ],
)
def test_import_row_constraints(constraint: str, columns: dict[str, Any]) -> None:
    file = make_import()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ImportRow.objects.create(file=file, number=2, subject=2, **columns)


def test_each_line_is_one_row() -> None:
    file = make_import()
    ImportRow.objects.create(file=file, number=2, subject=2)

    with pytest.raises(IntegrityError, match="one_import_row_per_line"), transaction.atomic():
        ImportRow.objects.create(file=file, number=2, subject=2)
