"""Whatever stands in a message, each dialect reads an event that can be stored or says precisely what is wrong."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns.models import Brand
from conversions.api.recording import Arrival, receive_one
from conversions.dialects import own
from conversions.dialects.dialect import IgnoredEvent
from conversions.dialects.reading import MalformedEvent
from conversions.dialects.registry import DIALECTS, dialect_of, known_fields, parse
from conversions.domain.privacy import scrub
from conversions.domain.reported import Reported, reported_again
from conversions.models import Endpoint, InboxEvent, Platform
from tests.conversions.builders import make_endpoint
from tests.world import NOON, click_id_of, make_link
from tracker_project.common.money import MAX_DIGITS
from tracker_project.common.strict_json import MalformedJson, parse_value

AT = NOON + timedelta(hours=1)
PATHS = {
    "event": "meta.type",
    "event_id": "id",
    "player_id": "user.id",
    "click_id": "cid",
    "transaction_id": "tx",
    "amount": "amount",
    "currency": "currency",
    "status": "status",
    "occurred_at": "at",
    "promo_code": "code",
    "partner_tag": "tag",
    "country": "country",
}
# What dialects know: a field of pure noise would never lead far into them.
_WORDS = (
    *("registration reg signup lead sale deposit ftd qualified withdrawal refund chargeback rejected rebill".split()),
    *("trash install rejected_install event reattribution uninstall af_purchase organic-install activity".split()),
    "player_status",
    *("confirmed pending approved rejected void hold verified self_excluded total delta FIRST_DEPOSIT SIGNUP".split()),
    *("EUR USD JPY BTC eur XXX MT mt Malta 1 0 true false null {click_id} [tid] ${clickid} %%cid%%".split()),
    *("120.00 0 -3.50 12.5000000 1e5 0.001 999999999999999.99999999 1000000000000000 +7 1,000 NaN Infinity".split()),
    *("2026-11-22T10:05:00Z 2026-11-22T10:05:00 2026-11-22 1763806800 1763806800000 9999-12-31T23:59:59Z".split()),
    *("0001-01-01T00:00:00+14:00 2026-02-30T00:00:00Z 99999999999999999999 a" + "f" * 47,),
    *("p-1", "t-1", " blank ", "a\0b", "\ud800", "\u202etxt", "é́", "𝟏𝟐", "x" * 250, "jo@example.com", "+356 2123 4567"),
)
_TEXTS = st.sampled_from(_WORDS) | st.text(max_size=30)
_VALUES = st.recursive(
    _TEXTS
    | st.none()
    | st.booleans()
    | st.integers(min_value=-(10**25), max_value=10**25)
    | st.sampled_from(["1.50", "1e400", "-0.0"]).map(lambda written: parse_value(written.encode())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


def fields_of(known: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw fields that a dialect knows, some unknown ones among them, nested where its paths are."""
    names = st.sampled_from(sorted(known)) | st.text(max_size=10)
    return st.dictionaries(names, _TEXTS | _VALUES, max_size=14).map(nested)


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Return fields with `meta.type` standing where a message has it, whatever stood at `meta`."""
    fields: dict[str, Any] = {name: value for name, value in flat.items() if "." not in name}
    for path in (path for path in flat if "." in path):
        above, _, name = path.partition(".")
        held = fields.get(above)
        fields[above] = (held if isinstance(held, dict) else {}) | {name: flat[path]}
    return fields


def unsaved_endpoint(dialect: str, **columns: Any) -> Endpoint:
    platform = Platform(name="P", slug="p", brand=Brand(name="B", currency="EUR"))
    defaults = {"amounts": "deposit", "default_status": "confirmed", "player_parameter": "player", "field_paths": PATHS}
    return Endpoint(platform=platform, dialect=dialect, slug="e", **defaults | columns)


def read(fields: dict[str, Any], endpoint: Endpoint) -> Reported | None:
    """Return the event that is read, None where the dialect says what is wrong or that there is nothing to record."""
    scrubbed = scrub(fields, known=known_fields(endpoint), secret=dialect_of(endpoint).secrets)
    json.dumps(scrubbed.content).encode()
    try:
        return parse(scrubbed.fields, endpoint, at=AT)
    except MalformedEvent as error:
        refuse_a_vague(error)
    except IgnoredEvent:
        pass
    return None


def refuse_a_vague(error: MalformedEvent) -> None:
    assert error.code
    assert len(str(error)) > 10


def assert_can_be_stored(reported: Reported) -> None:
    """Fail where Postgres would refuse the event: text that it cannot hold, too long, or too many digits."""
    event = InboxEvent(
        event_id=reported.event_id,
        kind=reported.event_kind,
        terms=reported.terms(),
        occurred_at=reported.occurred_at,
    )
    written = json.dumps(event.terms, ensure_ascii=False)
    assert "\\u0000" not in written
    assert written.encode()
    assert 0 < len(reported.event_id) <= 200
    assert not [name for name, value in event.terms.items() if isinstance(value, str) and len(value) > 250]
    assert len((event.terms.get("amount") or "").lstrip("-").replace(".", "")) <= MAX_DIGITS
    assert reported_again(event) == reported


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), amounts=st.sampled_from(["deposit", "revenue"]), unit=st.sampled_from(["major", "minor"]))
def test_dialect_reads_what_can_be_stored_or_says_what_is_wrong(
    dialect: str, data: st.DataObject, amounts: str, unit: str
) -> None:
    endpoint = unsaved_endpoint(dialect, amounts=amounts, amount_unit=unit)
    secrets = dialect_of(endpoint).secrets
    fields = data.draw(fields_of(known_fields(endpoint) | secrets))

    reported = read(fields, endpoint)

    if reported is not None:
        assert_can_be_stored(reported)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=fields_of(own.KNOWN), default_status=st.sampled_from(["", "confirmed"]))
@example(fields={"type": "activity", "bets_count": 10**30}, default_status="")
def test_own_dialect_reads_what_can_be_stored_or_says_what_is_wrong(
    fields: dict[str, Any], default_status: str
) -> None:
    scrubbed = scrub(fields, known=own.KNOWN)
    try:
        reported = own.parse_event(scrubbed.fields, default_status=default_status, at=AT)
    except MalformedEvent as error:
        refuse_a_vague(error)
    else:
        assert_can_be_stored(reported)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(body=b'{"a":' * 40 + b"1" + b"}" * 40)
@example(body=b"9" * 5000)
@example(body=b'{"a": 1, "a": 2}')
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        said = json.dumps(parse_value(body))
    except MalformedJson as error:
        said = str(error)

    assert said


@pytest.mark.django_db
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), duplicates=st.sampled_from(Endpoint.Duplicates.values))
def test_whatever_a_dialect_reads_is_recorded_or_refused(
    dialect: str, data: st.DataObject, duplicates: str, db: None
) -> None:
    endpoint = make_endpoint(
        dialect,
        key=f"key-{Endpoint.objects.count()}",
        amounts="deposit",
        default_status="confirmed",
        player_parameter="player",
        duplicates=duplicates,
        field_paths=PATHS,
    )
    arrival = Arrival(
        platform=endpoint.platform,
        endpoint=endpoint,
        address="/postback/e",
        at=AT,
        known=known_fields(endpoint),
        secrets=dialect_of(endpoint).secrets,
    )
    drawn = data.draw(st.lists(fields_of(arrival.known | arrival.secrets), min_size=2, max_size=4))

    outcomes = [receive_one(arrival, fields, lambda read: parse(read, endpoint, at=AT)) for fields in drawn]

    assert {outcome.status for outcome in outcomes} <= {200, 201, 202, 400, 409}


@pytest.mark.django_db
@pytest.mark.parametrize("duplicates", Endpoint.Duplicates.values)
def test_a_sale_first_told_without_and_then_with_an_amount_is_recorded(duplicates: str) -> None:
    endpoint = make_endpoint("keitaro", duplicates=duplicates)
    click_id = click_id_of(make_link(), at=NOON)
    arrival = Arrival(
        platform=endpoint.platform, endpoint=endpoint, address="/postback/e", at=AT, known=known_fields(endpoint)
    )

    statuses = [
        receive_one(
            arrival,
            {"subid": click_id, "status": status, "tid": "t-1"} | amount,
            lambda fields: parse(fields, endpoint, at=AT),
        ).status
        for status, amount in (("sale", {}), ("purchase", {"payout": "12.50", "currency": "USD"}))
    ]

    assert statuses == [201, 409 if duplicates == "" else 201]
