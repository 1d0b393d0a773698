"""Imports in the admin: who may do what, and what he reads at each step."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from conversions.imports.template import NAMES
from conversions.models import Conversion, Import, Platform, ReportPull
from tests.conversions.builders import make_endpoint
from tests.conversions.imports.files import lines, preview, record
from tests.conversions.imports.reports import adjust_csv, adjust_row
from tests.conversions.pulls.builders import TOKEN, make_appsflyer_pull
from tests.world import make_platform

pytestmark = pytest.mark.django_db

ROWS = ["registration,2026-11-22T13:00:00Z,p-1,,,,,", "deposit,2026-11-22T14:00:00Z,p-1,t-1,,confirmed,x,EUR"]
LIST = "/admin/conversions/import/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    return client_of(User.objects.create_superuser("alice"))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff(*rights: str) -> Client:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return client_of(user)


def text_of(response: Any) -> str:
    return str(response.content.decode())


def form(of_platform: Platform | None = None, content: bytes | str = lines(*ROWS), **fields: Any) -> dict[str, Any]:
    raw = content.encode() if isinstance(content, str) else content
    of: dict[str, Any] = {
        "layout": "events",
        "decimal_mark": ".",
        "date_order": "iso",
        "time_zone": "UTC",
        "encoding": "",
    }
    if of_platform is not None:
        of["platform"] = of_platform.pk
    return of | {"file": SimpleUploadedFile("offline.csv", raw)} | fields


def page(file: Import, step: str = "change") -> str:
    return f"{LIST}{file.pk}/{step}/"


def test_upload_leads_to_a_preview_with_each_bad_cell_and_records_nothing(alice: Client) -> None:
    response = alice.post(f"{LIST}add/", form(make_platform()), follow=True)

    shown = text_of(response)
    assert "Waits for confirmation." in shown
    assert "New: 1, cannot be read: 1." in shown
    assert "Write the amount as 1234.50, without currency or thousands sign." in shown
    assert not Conversion.objects.exists()


def test_confirm_asks_first_and_then_records(alice: Client) -> None:
    alice.post(f"{LIST}add/", form(make_platform()))
    file = Import.objects.get()

    asked = text_of(alice.get(page(file, "confirm")))
    shown = text_of(alice.post(page(file, "confirm"), follow=True))

    file.refresh_from_db()
    assert "Rows that cannot be read are left out (1)." in asked
    assert "Recorded." in shown
    assert (file.state, str(file.confirmed_by), Conversion.objects.count()) == ("imported", "alice", 1)


def test_undo_wants_a_reason_and_says_what_became_of_it(alice: Client) -> None:
    file = record(lines(ROWS[0]), make_platform())

    without = text_of(alice.post(page(file, "undo"), {"reason": ""}))
    shown = text_of(alice.post(page(file, "undo"), {"reason": "the wrong month"}, follow=True))

    file.refresh_from_db()
    assert "This field is required." in without
    assert "Undone: 1." in shown
    assert (file.state, file.undo_reason, str(file.undone_by)) == ("undone", "the wrong month", "alice")


def test_same_file_again_leads_to_the_first_and_says_so(alice: Client) -> None:
    platform = make_platform()
    alice.post(f"{LIST}add/", form(platform))

    response = alice.post(f"{LIST}add/", form(platform), follow=True)

    assert "This very file was uploaded on" in text_of(response)
    assert response.redirect_chain[0][0] == page(Import.objects.get())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"platform": ""}, "Say whose players the list is about."),
        ({"layout": "adjust"}, "Choose an endpoint in the dialect of the partner whose report this is."),
        ({"content": b"kind\nx\n"}, "The header has no column type and none occurred_at."),
        ({"content": "type,occurred_at\nMalmö,x\n".encode("cp1252")}, "or choose Windows-1252"),
    ],
)
def test_upload_says_what_is_wrong(alice: Client, fields: dict[str, Any], sentence: str) -> None:
    response = alice.post(f"{LIST}add/", form(make_platform(), **fields))

    assert sentence in text_of(response)
    assert not Import.objects.exists()


def test_report_is_uploaded_for_its_endpoint(alice: Client) -> None:
    endpoint = make_endpoint("adjust")

    alice.post(f"{LIST}add/", form(content=adjust_csv(adjust_row()), layout="adjust", endpoint=endpoint.pk))

    file = Import.objects.get()
    assert (file.endpoint, file.platform, file.counts) == (endpoint, endpoint.platform, {"new": 1})


@pytest.mark.parametrize(
    ("rights", "may"),
    [
        ([], [403, 403, 403, 403]),
        (["view_import"], [200, 403, 403, 403]),
        (["view_import", "add_import"], [200, 200, 403, 403]),
        (["view_import", "confirm_import"], [200, 403, 200, 403]),
        (["view_import", "undo_import"], [200, 403, 403, 200]),
    ],
)
def test_looking_uploading_confirming_and_undoing_are_rights_of_their_own(rights: list[str], may: list[int]) -> None:
    waiting = preview(lines(ROWS[0]), make_platform())
    recorded = record(lines(ROWS[0]), make_platform())
    bob = staff(*rights)

    addresses = [page(waiting), f"{LIST}add/", page(waiting, "confirm"), page(recorded, "undo")]

    assert [bob.get(address).status_code for address in addresses] == may


def test_buttons_are_those_that_the_state_allows(alice: Client) -> None:
    waiting = text_of(alice.get(page(preview(lines(ROWS[0]), make_platform()))))
    recorded = text_of(alice.get(page(record(lines(ROWS[0]), make_platform()))))

    assert ["Record them…" in waiting, "Discard…" in waiting, "Undo…" in waiting] == [True, True, False]
    assert ["Record them…" in recorded, "Discard…" in recorded, "Undo…" in recorded] == [False, False, True]


def test_template_is_empty_and_is_taken_back(alice: Client) -> None:
    text = alice.get(f"{LIST}template.csv").content.decode("utf-8-sig")
    book = load_workbook(io.BytesIO(alice.get(f"{LIST}template.xlsx").content))

    assert set(text.strip().split(",")) == NAMES
    assert [cell.value for cell in book["Events"][1]] == text.strip().split(",")
    assert {row[0].value for row in book["Columns"]} == {"Column", *NAMES}


def test_rows_are_listed_and_downloaded_with_what_became_of_them(alice: Client) -> None:
    file = record(lines(*ROWS), make_platform())

    listed = text_of(alice.get("/admin/conversions/importrow/", {"file__id__exact": file.pk}))
    downloaded = b"".join(alice.get(f"{LIST}{file.pk}/rows.csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]

    assert "Registration, confirmed; credited to nobody." in listed
    assert downloaded.splitlines()[2].startswith("3,,,,unreadable,,unreadable,,amount,")


def test_row_page_says_what_to_mend_in_which_column(alice: Client) -> None:
    file = preview(lines(*ROWS), make_platform())
    bad = file.rows.get(problem_column="amount")

    shown = text_of(alice.get(f"/admin/conversions/importrow/{bad.pk}/change/"))

    assert "What to mend" in shown
    assert "Write the amount as 1234.50, without currency or thousands sign." in shown
    assert "detail" not in [word.lower() for word in shown.split()]


def test_page_of_a_large_import_asks_no_more_than_that_of_a_small_one(
    alice: Client, django_assert_max_num_queries: Any
) -> None:
    small = preview(lines(*ROWS), make_platform())
    alice.get(page(small))
    many = [f"registration,2026-11-22T13:00:00Z,p-{number},,,,," for number in range(40)]
    large = preview(lines(*many), make_platform())

    with django_assert_max_num_queries(25) as small_queries:
        alice.get(page(small))
    with django_assert_max_num_queries(25) as large_queries:
        alice.get(page(large))

    assert len(large_queries) == len(small_queries) + 1  # nothing of it needs a look: its first rows are shown


def pull_form(**fields: Any) -> dict[str, Any]:
    of = {"app_id": "com.casino.app", "is_active": "on", "starts_on": "2026-11-01", "token_to_set": TOKEN,
          "bucket": "", "region": "", "access_key": "", "prefix": ""}  # fmt: skip
    return of | fields


def test_pull_keeps_its_token_and_never_shows_it(alice: Client) -> None:
    endpoint = make_endpoint("appsflyer")
    alice.post("/admin/conversions/reportpull/add/", pull_form(endpoint=endpoint.pk))
    pull = ReportPull.objects.get()

    changed = pull_form(endpoint=endpoint.pk, token_to_set="", starts_on="2026-11-02")
    alice.post(f"/admin/conversions/reportpull/{pull.pk}/change/", changed)

    pull.refresh_from_db()
    assert (pull.token, str(pull.starts_on)) == (TOKEN, "2026-11-02")
    assert TOKEN not in text_of(alice.get(f"/admin/conversions/reportpull/{pull.pk}/change/"))


@pytest.mark.parametrize(
    ("dialect", "fields", "sentence"),
    [
        ("appsflyer", {"token_to_set": ""}, "Paste the token: nothing can be fetched without it."),
        ("appsflyer", {"bucket": "raw-data"}, "AppsFlyer&#x27;s reports need no bucket: leave it empty."),
        ("adjust", {}, "Adjust names refused devices only in the files that it uploads to a bucket."),
        ("appsflyer", {"app_id": "com/../x"}, "Letters, digits, points, - and _ only."),
    ],
)
def test_pull_says_what_is_missing(alice: Client, dialect: str, fields: dict[str, Any], sentence: str) -> None:
    endpoint = make_endpoint(dialect)

    response = alice.post("/admin/conversions/reportpull/add/", pull_form(endpoint=endpoint.pk, **fields))

    assert sentence in text_of(response)
    assert not ReportPull.objects.exists()


def test_pull_now_makes_it_due(alice: Client) -> None:
    pull = make_appsflyer_pull()
    before = pull.next_pull_at

    alice.post(f"/admin/conversions/reportpull/{pull.pk}/pull/")

    pull.refresh_from_db()
    assert pull.next_pull_at > before
