"""Who counts: repeat visitors, clicks that no person makes, busy addresses, staff, and what browsers tell."""

import secrets
from datetime import UTC, date, datetime

import pytest
from django.db import connection

from attribution.domain.visitor_keys import keep_visitor_keys
from attribution.models import Click, DailyVisitorKey, StaffNetwork
from tests.attribution.edge.places import write_places
from tests.attribution.edge.serving import NOWHERE
from tests.attribution.edge.test_store import wait_until
from tests.world import make_campaign, make_link

PERSON = "198.51.100.7"
CARRIER_PERSON = "198.18.1.7"
HOUR, DAY = 3_600, 86_400


class Clock:
    """A clock that goes on by a millisecond each time it is read, so that clicks keep their order; noon at first."""

    def __init__(self):
        self.noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self.milliseconds = int(self.noon.timestamp() * 1000)

    def advance(self, seconds):
        self.milliseconds += seconds * 1000

    def read(self):
        self.milliseconds += 1
        return self.milliseconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def edge(serve, clock, tmp_path):
    """An edge that knows places, with the link `spring`, whose time is the clock's."""
    write_places(tmp_path)
    make_link(code="spring")
    return timed(serve(), clock)


def timed(edge, clock):
    edge.application.edge._clock._read = clock.read
    edge.application.edge._clock._highest = 0
    return edge


def click(edge, address=PERSON, query="", **headers):
    return edge.get(f"/c/spring{query}", x_forwarded_for=address, **headers)


def uniqueness():
    return list(Click.objects.order_by("id").values_list("is_unique", flat=True))


def kinds():
    return list(Click.objects.order_by("id").values_list("kind", flat=True))


def test_second_click_within_the_window_is_not_unique(edge, clock):
    click(edge)
    clock.advance(23 * HOUR)
    click(edge)

    assert uniqueness() == [True, False]
    first, second = Click.objects.order_by("id")
    assert first.visitor_key is not None
    # Noon and 11 o'clock of the next day: a key is of a UTC day, and the visitor is known by both.
    assert first.visitor_key != second.visitor_key


def test_click_after_the_window_is_unique_again(edge, clock):
    click(edge)
    clock.advance(DAY)
    click(edge)

    assert uniqueness() == [True, True]


def test_window_is_the_campaigns(serve, clock):
    make_link(code="spring", campaign=make_campaign(uniqueness_hours=1))
    edge = timed(serve(), clock)

    for seconds in (0, HOUR - 1, 2, HOUR):
        clock.advance(seconds)
        click(edge)

    assert uniqueness() == [True, False, False, True]


def test_visitor_is_known_across_midnight(edge, clock):
    clock.advance(11 * HOUR + 3599)
    click(edge)
    clock.advance(2)
    click(edge)
    clock.advance(2)
    click(edge)

    assert uniqueness() == [True, False, False]


def test_visitors_differ_by_address_and_by_browser(edge):
    click(edge)
    click(edge, "198.51.100.8")
    click(edge, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0")

    assert uniqueness() == [True, True, True]
    assert len(set(Click.objects.values_list("visitor_key", flat=True))) == 3


def test_visitor_is_unique_once_in_each_campaign(edge, serve):
    make_link(code="autumn")
    other = serve()

    answers = [other.get(f"/c/{code}", x_forwarded_for=PERSON) for code in ("spring", "autumn", "spring")]

    assert [answer.status for answer in answers] == [302] * 3
    assert uniqueness() == [True, True, False]
    assert len(set(Click.objects.values_list("visitor_key", flat=True))) == 1


def test_two_edges_of_a_machine_know_the_same_visitors(edge, serve, clock):
    other = timed(serve(), clock)

    click(edge)
    clock.advance(1)
    click(other)

    assert uniqueness() == [True, False]
    assert len(set(Click.objects.values_list("visitor_key", flat=True))) == 1
    assert DailyVisitorKey.objects.count() == 1


def test_edge_uses_the_key_of_the_day_that_is_there(serve):
    day = datetime.now(UTC).date()
    make_link(code="spring")
    DailyVisitorKey.objects.create(day=day, key=bytes(range(32)))
    edge = serve()

    click(edge)

    assert bytes(DailyVisitorKey.objects.get().key) == bytes(range(32))
    assert edge.application.edge._visitor_keys.key((day - date(1970, 1, 1)).days) == bytes(range(32))


def test_edge_forgets_a_key_that_is_deleted(edge, clock):
    keys = edge.application.edge._visitor_keys
    two_days_ago = clock.milliseconds // 1000 // DAY - 2
    keys._keys[two_days_ago] = secrets.token_bytes(32)

    keep_visitor_keys(at=clock.noon)
    make_link(code="autumn")  # wakes the edge
    assert wait_until(lambda: two_days_ago not in keys._keys)


def test_edge_without_postgres_makes_a_key_for_itself(serve, tmp_path):
    make_link(code="spring")
    serve().stop()
    DailyVisitorKey.objects.all().delete()

    edge = serve(conninfo=NOWHERE)
    answers = [click(edge), click(edge)]

    assert [answer.status for answer in answers] == [302, 302]
    [spooled] = (tmp_path / "spool").glob("*.spool")
    header, *lines = (line.split("\t") for line in spooled.read_text().splitlines())
    columns = header.index("is_unique"), header.index("visitor_key")
    assert [line[columns[0]] for line in lines] == ["t", "f"]
    assert lines[0][columns[1]] == lines[1][columns[1]] != "\\N"


def test_fifth_click_in_a_minute_is_no_persons(edge, clock):
    for _ in range(6):
        clock.advance(10)
        click(edge)
    clock.advance(60)
    click(edge)

    assert kinds() == ["click", "click", "click", "click", "excess", "excess", "click"]


def test_people_behind_a_carrier_may_be_ten_times_as_many(edge):
    for _ in range(50):
        click(edge, CARRIER_PERSON)

    assert kinds() == ["click"] * 49 + ["excess"]


def test_more_than_a_hundred_clicks_an_hour_from_an_address_are_no_peoples(edge, clock):
    for number in range(102):
        click(edge, user_agent=f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko/20100101 Firefox/{number}.0")
    clock.advance(HOUR)
    click(edge)

    assert kinds() == ["click"] * 100 + ["excess"] * 2 + ["click"]


def test_addresses_of_one_household_are_counted_as_one(edge):
    for number in range(102):
        click(edge, f"2001:db8:1:2::{number:x}", user_agent=f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko")
    click(edge, "2001:db8:1:3::1")

    assert kinds() == ["click"] * 100 + ["excess"] * 2 + ["click"]


def test_staff_are_stored_as_such_unless_the_campaign_counts_them(serve):
    StaffNetwork.objects.create(network="198.51.100.0/28")
    make_link(code="spring")
    make_link(code="ours", campaign=make_campaign(counts_staff=True))
    edge = serve()

    click(edge)
    click(edge, "198.51.100.77")
    edge.get("/c/ours", x_forwarded_for=PERSON)

    assert kinds() == ["staff", "click", "click"]
    assert uniqueness() == [None, True, True]


def test_previews_and_bots_leave_no_trace_of_a_visitor(edge):
    click(edge, sec_purpose="prefetch")
    edge.get("/c/spring", method="HEAD", x_forwarded_for=PERSON)
    click(edge, user_agent="curl/8.5.0")
    click(edge)

    assert kinds() == ["preview", "preview", "bot", "click"]
    assert uniqueness() == [None, None, None, True]


def test_visitor_without_a_readable_address_is_sent_on_and_never_unique(edge):
    answer = click(edge, "unknown")

    assert answer.status == 302
    assert Click.objects.values_list("kind", "visitor_key", "is_unique", "network").get() == ("click", None, None, None)


def test_client_hints_are_asked_for_and_kept(edge):
    answer = edge.get(
        "/c/spring",
        sec_ch_ua_model='"Pixel 8"',
        sec_ch_ua_platform_version='"14.0.0"',
        ect="3g",
        rtt="250",
        downlink="1.4",
    )

    assert answer.headers["accept-ch"] == "Sec-CH-UA-Model, Sec-CH-UA-Platform-Version, ECT, RTT, Downlink"
    assert Click.objects.get().hints == {
        "model": "Pixel 8",
        "platform_version": "14.0.0",
        "ect": "3g",
        "rtt": 250.0,
        "downlink": 1.4,
    }


def test_full_addresses_are_not_stored(edge):
    click(edge, "198.51.100.77")
    click(edge, "2001:db8:1:2:3::4")

    assert list(Click.objects.order_by("id").values_list("network", flat=True)) == ["198.51.100.0", "2001:db8:1::"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clicks::text FROM clicks")
        rows = " ".join(row for (row,) in cursor.fetchall())
    assert "198.51.100.77" not in rows
    assert "2001:db8:1:2" not in rows
