"""What platforms say of their days, in the admin: a table, a day, an upload."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversions.models import DayReport, Platform
from tests.conversions.builders import deposit, register
from tests.conversions.domain.test_day_reports import DAY, say
from tests.world import NOON, make_platform

pytestmark = pytest.mark.django_db

LIST = "/admin/conversions/dayreport/"
TOTALS = b"day,registrations,first_deposits,deposits,EUR\r\n2026-11-21,3,1,2,150.00\r\n2026-11-22,0,,1,100\r\n"
IDS = (
    b"\xef\xbb\xbfday;kind;id;amount;currency\n2026-11-22;registration;p-1;;\n"
    b"2026-11-22;deposit;t-1;100.00;EUR\n2026-11-22;deposit;t-9;0.10;EUR\n"
)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON.replace(hour=23), tick=True):
        yield


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    return client_of(User.objects.create_superuser("alice"))


@pytest.fixture
def bob() -> Client:
    """Bob is on the staff and may only look."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_dayreport"))
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def upload(client: Client, platform: Platform, content: bytes) -> Any:
    file = SimpleUploadedFile("totals.csv", content, content_type="text/csv")
    return client.post(f"{LIST}upload/", {"platform": platform.pk, "file": file}, follow=True)


def reported() -> list[tuple[date, int | None, int | None, int | None, bool]]:
    days = DayReport.objects.order_by("on_date", "pk")
    return list(days.values_list("on_date", "registrations", "first_deposits", "deposits", "is_current"))


def test_upload_of_totals_records_each_day(alice):
    response = upload(alice, make_platform(), TOTALS)

    assert "2 days recorded." in response.content.decode()
    assert reported() == [(date(2026, 11, 21), 3, 1, 2, True), (date(2026, 11, 22), 0, None, 1, True)]
    report = DayReport.objects.get(on_date=date(2026, 11, 21))
    assert (report.origin, str(report.uploaded_by)) == ("upload", "alice")
    assert list(report.amounts.values_list("currency", "amount")) == [("EUR", Decimal(150))]


def test_upload_page_is_headed_by_what_it_is_for(alice):
    shown = alice.get(f"{LIST}upload/").content.decode()

    head = shown[shown.index("<h1") : shown.index("</h1>")]
    assert "Upload their totals" in head


def test_upload_of_ids_counts_them_and_adds_amounts_up(alice):
    upload(alice, make_platform(), IDS)

    report = DayReport.objects.get()
    assert (report.registrations, report.deposits, report.first_deposits) == (1, 2, None)
    assert (report.registration_ids, report.deposit_ids) == (["p-1"], ["t-1", "t-9"])
    assert list(report.amounts.values_list("currency", "amount")) == [("EUR", Decimal("100.10"))]


def test_upload_of_the_same_file_twice_changes_nothing(alice):
    platform = make_platform()
    upload(alice, platform, TOTALS)

    response = upload(alice, platform, TOTALS)

    assert "nothing was changed" in response.content.decode()
    assert DayReport.objects.count() == 2


def test_upload_of_corrected_totals_keeps_the_former(alice):
    platform = make_platform()
    upload(alice, platform, TOTALS)

    response = upload(alice, platform, TOTALS.replace(b"2026-11-22,0", b"2026-11-22,7"))

    assert "1 day recorded; 1 said what stood already." in response.content.decode()
    assert reported()[1:] == [(date(2026, 11, 22), 0, None, 1, False), (date(2026, 11, 22), 7, None, 1, True)]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"day,registrations\n", "no rows below"),
        (b"\n \n", "no rows below"),
        (b"date,registrations\n2026-11-22,1\n", "must name the columns"),
        (b"day,players\n2026-11-22,1\n", "“players” is neither"),
        (
            b"day,registrations\n2026-11-22,1\n2026-11-22,2\n",
            "Line 3: 2026-11-22 stands in line 2 already; leave one of the two out.",
        ),
        (b"day,registrations\n22.11.2026,1\n", "Line 2: day is “22.11.2026”; write it as in 2026-11-22."),
        (
            b"day,registrations\n2026-11-22,1.5\n",
            "Line 2: registrations is “1.5”; write a whole number without separators.",
        ),
        (b"day,EUR\n2026-11-22,1.555\n", "Line 2: EUR is “1.555”; EUR has 2 digits after the point."),
        (b'day,EUR\n2026-11-22,"1,5\n', "The file is no CSV from line 2 on"),
        (b"day,EUR,EUR\n2026-11-22,1,1\n", "Two columns have the same name."),
        (b"day,EUR\n2026-11-22\n", "Line 2: it has another number of cells than the first line (1, not 2)"),
        (b"day,EUR\n2999-11-22,1\n", "Line 2: day is “2999-11-22”, which is still to come."),
        (b"day,EUR\n1999-11-22,1\n", "Line 2: day is “1999-11-22”, which is too long ago."),
        (b"day,EUR\n,1\n", "Line 2: day is missing; write it as in 2026-11-22."),
        (b"day,EUR\n2026-11-22,\n", "Line 2: it says nothing of its day; fill in a count, or leave the line out."),
        (b"day,EUR\n2026-11-22,1\n\n20261122,2\n", "Line 4: 2026-11-22 stands in line 2 already"),
        (b"day,kind,id\n2026-11-22,ftd,t-1\n", "Line 2: kind is “ftd”; write registration, first_deposit, deposit."),
        (b"day,kind,id\n2026-11-22,deposit," + b"9" * 201, "Line 2: id must have 1 to 200 characters."),
        (b"day,kind,id\n2026-11-22,deposit,\n", "Line 2: id is required."),
        (
            b"day,kind,id\n2026-11-22,deposit,t-1\n2026-11-22,deposit,t-1\n",
            "Line 3: “t-1” stands in line 2 already; leave one of the two out.",
        ),
        (
            b"day,kind,id,amount,currency\n2026-11-22,deposit,t-1,5,eur\n",
            "Line 2: “eur” is no currency; write its ISO 4217 code, as in EUR.",
        ),
        (b"day,kind,id,name\n2026-11-22,deposit,t-1,Ann\n", "“name” is none of"),
        ("day,registrations\n2026-11-22,ä\n".encode("latin-1"), "not UTF-8"),
        (b"\x00\x01\n\x02\n", "must name the columns"),
    ],
)
def test_upload_that_cannot_be_read_records_nothing_and_says_why(alice, content, error):
    response = upload(alice, make_platform(), content)

    assert error in " ".join(response.context["errors"])
    assert "Nothing was recorded." in response.content.decode()
    assert DayReport.objects.count() == 0


def test_upload_names_every_bad_line_at_once_with_all_that_is_wrong_in_it(alice):
    content = (
        b"day,registrations,deposits,EUR\n22.11.2026,x,1,1\n\n2026-11-20,1,1,1.00\n"
        b'2026-11-21,1,1,"1,5"\n2026-11-22,1,y,1.555\n2026-11-23,1\n'
    )

    response = upload(alice, make_platform(), content)

    assert response.context["errors"] == [
        "Line 2: day is “22.11.2026”; write it as in 2026-11-22. "
        "registrations is “x”; write a whole number without separators.",
        "Line 5: EUR is “1,5”; write an amount as digits with an optional point, such as 120.00.",
        "Line 6: deposits is “y”; write a whole number without separators. "
        "EUR is “1.555”; EUR has 2 digits after the point.",
        "Line 7: it has another number of cells than the first line (2, not 4); "
        "put quotes around a cell that holds a separator.",
    ]
    assert not DayReport.objects.exists()


def test_upload_names_every_bad_line_of_ids_at_once(alice):
    content = (
        b"day,kind,id,amount,currency\n2026-11-22,ftd,,,\n2026-13-22,deposit,t-1,1,EUR\n"
        b"2026-11-22,deposit,t-2,1.2.3,EUR\n2026-11-22,deposit,t-3,1,EUR\n2026-11-22,deposit,t-3,1,EUR\n"
    )

    response = upload(alice, make_platform(), content)

    assert response.context["errors"] == [
        "Line 2: kind is “ftd”; write registration, first_deposit, deposit. id is required.",
        "Line 3: day is “2026-13-22”; write it as in 2026-11-22.",
        "Line 4: amount is “1.2.3”; write an amount as digits with an optional point, such as 120.00.",
        "Line 6: “t-3” stands in line 5 already; leave one of the two out.",
    ]


@pytest.mark.parametrize(
    ("bad", "named", "last"),
    [
        (20, 20, "Line 21: registrations is “x”; write a whole number without separators."),
        (21, 21, "1 more line cannot be read either."),
        (1500, 21, "1,480 more lines cannot be read either."),
    ],
)
def test_upload_names_the_first_bad_lines_and_counts_the_others(alice, bad, named, last):
    days = (date(2020, 1, 1) + timedelta(days=number) for number in range(bad))
    content = "day,registrations\n" + "".join(f"{each},x\n" for each in days)

    errors = upload(alice, make_platform(), content.encode()).context["errors"]

    assert (len(errors), errors[-1]) == (named, last)


def test_upload_with_one_bad_row_takes_none_of_the_good_ones(alice):
    upload(alice, make_platform(), b"day,registrations\n2026-11-20,5\n2026-11-21,x\n")

    assert DayReport.objects.count() == 0


def test_list_sets_theirs_beside_ours(alice):
    platform = make_platform(name="Lotus Casino")
    register(platform)
    deposit(platform)
    say(platform, registrations=1, deposits=3, amounts={"EUR": "250"})

    text = alice.get(LIST).content.decode()

    assert "Lotus Casino" in text
    assert "3 / 1 <small" in text
    assert "(-2)" in text
    assert "250.00 / 100.00 EUR" in text
    assert "differs" in text


def test_cells_are_named_for_phones_where_each_stands_beside_its_name(alice):
    platform = make_platform()
    upload(alice, platform, IDS)

    listed = alice.get(LIST).content.decode()
    day = alice.get(f"{LIST}{DayReport.objects.get().pk}/change/").content.decode()

    assert re.findall(r'<td data-label="([^"]*)', listed) == [
        "Platform", "Verdict", "Registrations, they / we", "First deposits, they / we", "Deposits, they / we",
        "Deposited, they / we",
    ]  # fmt: skip
    assert "<td>" not in listed[listed.index("<table") : listed.index("</table>")]
    assert "<td>" not in day[day.index("<table") : day.rindex("</table>")]


def test_list_asks_as_often_for_three_days_as_for_one(alice):
    platform = make_platform()
    say(platform, "day-1", deposits=1)
    alice.get(LIST)
    with CaptureQueriesContext(connection) as for_one:
        alice.get(LIST)
    say(platform, "day-2", on_date=date(2026, 11, 21), deposits=1, amounts={"EUR": "1"})
    say(make_platform(), "day-3", deposits=1)

    with CaptureQueriesContext(connection) as for_three:
        response = alice.get(LIST)

    assert len(response.context["rows"]) == 3
    assert len(for_three) == len(for_one)


def test_list_shows_the_month_and_the_platform_that_are_asked_for(alice):
    one, other = make_platform(), make_platform()
    say(one, "day-1", on_date=date(2026, 10, 23), deposits=1)
    say(one, "day-2", on_date=date(2026, 10, 22), deposits=2)
    say(other, "day-3", deposits=3)

    def shown(**query: Any) -> list[int]:
        return [row["report"].deposits for row in alice.get(LIST, query).context["rows"]]

    assert shown() == [3, 1]
    assert shown(platform=one.pk) == [1]
    assert shown(until="2026-10-22") == [2]
    assert shown(until="nonsense") == [3, 1]


def test_list_without_a_day_says_what_to_do(alice):
    assert "No platform has said anything of its days yet" in alice.get(LIST).content.decode()


def test_day_lists_the_ids_and_its_history(alice):
    platform = make_platform()
    deposit(platform)
    say(platform, "day-1", deposits=["t-1"], counted_at=NOON.replace(hour=20))
    report = say(platform, "day-2", deposits=["t-1", "t-9"], counted_at=NOON.replace(hour=21))

    response = alice.get(f"{LIST}{report.pk}/change/")

    assert [(each.name, each.is_ours) for each in response.context["differences"]] == [("t-9", False)]
    assert [each.deposits for each in response.context["history"]] == [2, 1]
    assert "we never recorded it: send it again" in response.content.decode()


def test_day_that_was_replaced_leads_to_the_one_that_stands(alice):
    platform = make_platform()
    former = say(platform, "day-1", deposits=1, counted_at=NOON.replace(hour=20))
    standing = say(platform, "day-2", deposits=2, counted_at=NOON.replace(hour=21))

    text = alice.get(f"{LIST}{former.pk}/change/").content.decode()

    assert f'href="/admin/conversions/dayreport/{standing.pk}/change/">the one that stands' in text


def test_ids_are_downloaded_whole_and_harmless(alice):
    platform = make_platform()
    deposit(platform, transaction_id="t-1")
    report = say(platform, deposits=["=1+1", *(f"t-{number}" for number in range(100, 250))])

    response = alice.get(f"{LIST}{report.pk}/ids.csv")

    lines = response.content.decode().splitlines()
    assert lines[:2] == ["counted as,id,who has it,why", "deposits,'=1+1,they,we never recorded it: send it again"]
    assert lines[-1] == "deposits,t-1,we,we recorded it; they do not list it"
    assert len(lines) == 153
    assert "attachment" in response.headers["Content-Disposition"]


def test_pages_are_for_who_may_look_and_uploads_for_who_may_add(bob):
    report = say(make_platform(), deposits=1)
    stranger = client_of(User.objects.create_user("charlie", is_staff=True))
    addresses = [LIST, f"{LIST}{report.pk}/change/", f"{LIST}{report.pk}/ids.csv"]

    assert [bob.get(address).status_code for address in addresses] == [200, 200, 200]
    assert [stranger.get(address).status_code for address in addresses] == [403, 403, 403]
    assert bob.get(f"{LIST}upload/").status_code == 403
    assert upload(bob, report.platform, TOTALS).status_code == 403
    assert DayReport.objects.count() == 1


def test_day_that_is_not_there_is_a_404(alice):
    assert alice.get(f"{LIST}1/ids.csv").status_code == 404
    assert date(2026, 11, 22) == DAY
