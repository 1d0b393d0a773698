"""What flows ask of a visit: every field, is and is not, in the campaign's zone, and the words that explain it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from attribution.edge.decision import Note
from attribution.edge.snapshot import ScenarioRow
from campaigns.models import FlowFilter
from tests.attribution.edge.tables import (
    campaign_row,
    decide,
    filter_row,
    flow_row,
    make_tables,
    make_visit,
    offer_row,
    share_row,
)

ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile"
NEW_JERSEY = ("US", "NJ", "Atlantic City")
NETWORK = ("Vodafone Malta", 64500, "Cellular")
# Field, a value that takes the visit, one that does not, and what is known of the visit.
FIELDS = [
    ("country", "mt", "DE", {}),
    ("country", "(none)", "MT", {"place": (None, None, None)}),
    ("region", "US-NJ", "US-NV", {"place": NEW_JERSEY}),
    ("region", "(none)", "US-NJ", {"place": ("US", None, None)}),
    ("city", "atlantic*", "Las Vegas", {"place": NEW_JERSEY}),
    ("language", "de", "en", {"language": "de"}),
    ("device", "phone", "desktop", {}),
    ("os", "ios", "Android", {}),
    ("os_version", ">=17", "<17", {}),
    ("os_version", "17.5", "17.4", {}),
    ("browser", "*safari", "Chrome*", {}),
    ("connection", "cellular", "Corporate", {"network": NETWORK}),
    ("isp", "vodafone*", "Telekom*", {"network": NETWORK}),
    ("asn", "AS64500", "64501", {"network": NETWORK}),
    ("referrer", "*.facebook.com", "*.tiktok.com", {"referrer": "l.facebook.com"}),
    ("referrer", "(none)", "*.facebook.com", {}),
    ("keyword", "*slots*", "poker", {"parameters": {"keyword": "free slots online"}}),
    ("placement", "feed", "story", {"parameters": {"placement": "Feed"}}),
    *((f"sub_id_{number}", "a b", "c", {"parameters": {f"sub_id_{number}": "A b"}}) for number in range(1, 11)),
    ("platform_click_id", "gclid", "fbclid", {"parameters": {"gclid": "Cj0"}}),
    ("platform_click_id", "any", "ttclid", {"parameters": {"ScCid": "x"}}),
    ("weekday", "sun", "mon", {}),
    ("hour", "9-12", "13-8", {}),
    ("unique", "yes", "no", {}),
    ("unique", "no", "yes", {"is_unique": None}),
    ("bot", "yes", "no", {"kind": "bot"}),
    ("bot", "no", "yes", {"kind": "staff"}),
    ("scenario", "autumn", "winter", {}),
]
AUTUMN = ScenarioRow("autumn", "2026-11-01", "2026-12-01", "UTC", [])


def asking(*filters, **campaign):
    """Return the tables of a campaign with one flow that asks this, and an offer of its own for all others."""
    return make_tables(
        campaign_row(offer_id=2, **campaign),
        flows=[flow_row(1)],
        offers=[offer_row(1), offer_row(2)],
        flow_offers=[share_row(1, 1)],
        filters=list(filters),
        scenarios=[AUTUMN],
    )


def takes(tables, visit=None):
    notes: list[Note] = []
    is_taken = decide(tables, visit).flow is not None
    # The explanation goes through steps of its own: it must say the same.
    assert (decide(tables, visit, notes=notes).flow is not None) is is_taken
    return is_taken


@pytest.mark.parametrize(("field", "value", "other", "facts"), FIELDS)
def test_filter_is_and_is_not(field, value, other, facts):
    visit = make_visit(**facts)

    assert takes(asking(filter_row(1, field, value)), visit)
    assert takes(asking(filter_row(1, field, other, value)), visit)
    assert not takes(asking(filter_row(1, field, other)), visit)
    assert not takes(asking(filter_row(1, field, value, operator="is_not")), visit)
    assert takes(asking(filter_row(1, field, other, operator="is_not")), visit)


def test_every_field_of_the_admin_is_tested_here():
    assert {field for field, *_ in FIELDS} == set(FlowFilter.Field.values)


@pytest.mark.parametrize("field", ["region", "city", "language", "isp", "asn", "connection", "referrer", "keyword"])
def test_filter_is_not_takes_visitors_of_whom_nothing_is_known(field):
    value = {"region": "US-NJ", "language": "de", "asn": "64500"}.get(field, "x")

    assert takes(asking(filter_row(1, field, value, operator="is_not")))
    assert not takes(asking(filter_row(1, field, value)))


def test_os_version_takes_nobody_whose_version_is_unknown():
    linux = make_visit(user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0")

    assert not takes(asking(filter_row(1, "os_version", "<100")), linux)
    assert takes(asking(filter_row(1, "os_version", ">=10")), make_visit(user_agent=ANDROID))


@pytest.mark.parametrize(
    ("time_zone", "at", "hour", "weekday"),
    [
        # The clocks of Berlin go from 02:00 to 03:00 on 29 March 2026, and back to 02:00 on 25 October.
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "1", "sun"),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "3", "sun"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2", "sun"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2", "sun"),
        ("Europe/Berlin", datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "0", "sun"),
        ("America/Sao_Paulo", datetime(2026, 11, 23, 2, 59, tzinfo=UTC), "23", "sun"),
        ("Asia/Kathmandu", datetime(2026, 11, 22, 18, 15, tzinfo=UTC), "0", "mon"),
        ("Pacific/Kiritimati", datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "0", "mon"),
    ],
)
def test_hours_and_weekdays_are_those_of_the_campaigns_zone(time_zone, at, hour, weekday):
    visit = make_visit(at=at)
    is_so = filter_row(1, "hour", hour), filter_row(1, "weekday", weekday)
    is_not = [row._replace(operator="is_not") for row in is_so]

    assert takes(asking(*is_so, time_zone=time_zone), visit)
    assert not takes(asking(is_not[0], time_zone=time_zone), visit)
    assert not takes(asking(is_not[1], time_zone=time_zone), visit)


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        (datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 24, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 24, 23, 0, tzinfo=UTC), False),
    ],
)
def test_a_scenario_runs_from_its_first_day_to_before_its_end_in_its_own_zone(at, runs):
    winter = ScenarioRow("winter", "2026-12-01", "2026-12-25", "Europe/Berlin", [])
    tables = asking(filter_row(1, "scenario", "winter"), time_zone="America/New_York")

    assert takes(replace(tables, scenarios=[winter]), make_visit(at=at)) is runs


def test_a_scenario_of_other_campaigns_does_not_run_here():
    tables = asking(filter_row(1, "scenario", "autumn"))

    assert not takes(replace(tables, scenarios=[AUTUMN._replace(campaign_ids=[2])]))
    assert takes(replace(tables, scenarios=[AUTUMN._replace(campaign_ids=[2, 1], ends_on=None)]))


@pytest.mark.parametrize(
    ("filters", "facts", "reason"),
    [
        ([("country", "DE")], {}, "It asks that country is DE, but the visitor has MT."),
        ([("country", "DE")], {"place": (None, None, None)}, "It asks that country is DE, but this is not known."),
        ([("country", "DE", "AT")], {}, "It asks that country is DE or AT, but the visitor has MT."),
        ([("weekday", "mon")], {}, "It asks that weekday is mon, but it is sun (campaign's time zone: UTC)."),
        ([("hour", "9-11")], {}, "It asks that hour is 9-11, but it is 12 (campaign's time zone: UTC)."),
        ([("unique", "no")], {}, "It asks for visitors who are not unique, but this click is unique."),
        ([("unique", "yes")], {"is_unique": False}, "It asks for unique visitors, but this click is not unique."),
        ([("bot", "yes")], {}, "It asks for bots, but the visitor is a person."),
        ([("bot", "no")], {"kind": "bot"}, "It asks for people, but the visitor is a bot."),
        ([("scenario", "winter")], {}, "It asks that scenario is winter, but autumn runs now."),
        ([("platform_click_id", "any")], {}, "It asks that platform click id is any, but the visitor has none."),
        ([("keyword", "slots")], {}, "It asks that keyword is slots, but the visitor has none."),
        ([("os", "Android")], {}, "It asks that OS is Android, but the visitor has iOS."),
        ([("isp", "Telekom*")], {}, "It asks that ISP is Telekom*, but this is not known."),
        (
            [("country", "DE"), ("device", "phone"), ("language", "de")],
            {},
            "It asks that country is DE, but the visitor has MT; that language is de, but this is not known.",
        ),
    ],
)
def test_explanation_says_what_was_asked_and_what_was_found(filters, facts, reason):
    notes: list[Note] = []

    decide(asking(*(filter_row(1, *row) for row in filters)), make_visit(**facts), notes=notes)

    assert notes[0] == ("Flow “Flow 1”", False, reason)


def test_explanation_says_is_not_and_any():
    tables = asking(filter_row(1, "country", "MT", "FI", operator="is_not"))
    notes: list[Note] = []
    decide(tables, notes=notes)
    assert notes[0].reason == "It asks that country is neither MT nor FI, but the visitor has MT."

    both = asking(filter_row(1, "country", "DE"), filter_row(1, "device", "desktop"))
    notes = []
    decide(replace(both, flows=[flow_row(1, matches="any")]), notes=notes)
    assert notes[0].reason == (
        "One of its filters would be enough, and none is met. It asks that country is DE, but the visitor has MT; "
        "that device is desktop, but the visitor has phone."
    )


def test_explanation_says_why_flows_were_not_reached_and_who_won():
    tables = make_tables(
        campaign_row(offer_id=2),
        flows=[flow_row(1), flow_row(2), flow_row(3)],
        offers=[offer_row(1), offer_row(2)],
        flow_offers=[share_row(2, 1)],
        filters=[filter_row(1, "country", "DE")],
    )
    notes: list[Note] = []

    decide(tables, notes=notes)

    assert notes == [
        ("Flow “Flow 1”", False, "It asks that country is DE, but the visitor has MT."),
        ("Flow “Flow 2”", True, "It takes everybody."),
        ("Flow “Flow 3”", False, "It was not asked: “Flow 2” comes before it."),
        ("Offer “Offer 1”", True, "It may be shown."),
    ]


def test_explanation_says_that_the_campaigns_own_offer_is_what_is_left():
    tables = make_tables(campaign_row(offer_id=None))
    notes: list[Note] = []
    decide(tables, notes=notes)
    assert notes == [("Campaign", False, "No flow takes the visitor, and the campaign has no offer of its own.")]

    notes = []
    decide(make_tables(flows=[flow_row(1)]), notes=notes)
    assert notes[-1] == ("Flow “Flow 1”", False, "It has no offer, and the campaign has none of its own.")


def test_explanation_says_which_flow_was_drawn():
    tables = make_tables(
        campaign_row(flow_choice="weight"),
        flows=[flow_row(1, weight=30), flow_row(2, weight=70), flow_row(3, weight=0), flow_row(4, kind="default")],
        offers=[offer_row(1)],
        flow_offers=[share_row(1, 1), share_row(2, 1), share_row(3, 1)],
    )
    notes: list[Note] = []

    decide(tables, notes=notes)

    assert notes[3:] == [
        ("Flow “Flow 1”", True, "It was drawn by its weight: 30 of 100."),
        ("Flow “Flow 2”", False, "Another was drawn: its weight is 70 of 100."),
        ("Flow “Flow 3”", False, "It has weight 0: it keeps its visitors and gets no new ones."),
        ("Flow “Flow 4”", False, "It was not asked: “Flow 1” comes before it."),
        ("Offer “Offer 1”", True, "It may be shown."),
    ]
