"""Counts of days that anybody could send: read, or refused with a reason, and never anything else."""

import json
from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from conversions.dialects.reading import MalformedEvent
from conversions.dialects.totals import KNOWN, parse_totals
from conversions.dialects.totals_file import UnreadableFile, read_totals_file
from conversions.domain.day_reports import ReportedDay
from conversions.domain.privacy import scrub
from tests.world import NOON
from tracker_project.common.strict_json import MalformedJson, parse_object

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8
)
VALID = {
    "event_id": "day-1",
    "on_date": "2026-11-20",
    "counted_at": "2026-11-21T02:00:00Z",
    "deposits": 1,
    "deposit_ids": ["t-1"],
    "deposit_amounts": {"EUR": "1.00"},
}


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(max_size=10), VALUES, max_size=8))
@example({"deposit_ids": ["ann@mail.example", "ann@mail.example"]})
@example({"deposits": 10**30})
@example({"deposit_amounts": {"EUR": "9" * 5000}})
def test_parse_totals_reads_or_refuses_whatever_is_said(changes):
    try:
        body = parse_object(json.dumps(VALID | changes).encode())
        reported = parse_totals(scrub(body, known=KNOWN).fields, at=NOON)
    except (MalformedEvent, MalformedJson):
        return

    assert isinstance(reported, ReportedDay)
    assert all(count >= 0 for count in reported.counts.values())


CELLS = st.sampled_from(["day", "kind", "id", "EUR", "deposits", "2026-11-20", "deposit", "t-1", "5", "5.00", "", '"'])
FILES = st.lists(st.lists(CELLS | st.text(max_size=6), max_size=5).map(",".join), max_size=5).map("\n".join)


@given(st.binary(max_size=60) | FILES.map(lambda text: text.encode("utf-8", "replace")))
@example(b"day,EUR\n2026-11-20," + b"9" * 5000)
@example(b"day,deposits\n2026-11-20," + b"9" * 5000)
@example(b"day,kind,id,amount,currency\n2026-11-20,deposit,t-1,NaN,EUR")
def test_read_totals_file_reads_or_refuses_whatever_is_uploaded(content):
    try:
        days = read_totals_file(content, at=NOON)
    except UnreadableFile:
        return

    assert all(isinstance(day.on_date, date) for day in days)
