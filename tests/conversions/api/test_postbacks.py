"""Postbacks over HTTP, in the words of each tracker; the gambling templates are the ones that networks hand out."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.domain.intake import match_waiting_events
from conversions.models import Conversion, Endpoint, InboxEvent, IntakeRequest, Milestone, Player
from tests.conversions.api.posting import error_of
from tests.conversions.builders import make_endpoint, register
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

KEY = "key-of-the-tests"
TRACKERS = ["generic", "keitaro", "voluum", "binom", "redtrack", "affise", "everflow"]
CLICK_PARAMETER = {
    "generic": "click_id",
    "keitaro": "subid",
    "voluum": "cid",
    "binom": "cnv_id",
    "redtrack": "clickid",
    "affise": "clickid",
    "everflow": "transaction_id",
}


@pytest.fixture
def click_id() -> str:
    return make_click(make_link()).click_id


def call(endpoint: Endpoint, parameters: dict[str, Any], *, key: str = KEY, path: str = "") -> Any:
    return Client().get(path or f"/postback/{endpoint.slug}/{key}", parameters)


def milestones() -> list[tuple[str, str, Decimal | None]]:
    rows = Milestone.objects.order_by("kind", "key")
    return [(row.kind, row.status, row.revenue) for row in rows]


@pytest.mark.parametrize(
    ("dialect", "parameters", "expected"),
    [
        ("keitaro", {"subid": "C"}, ("sale", "confirmed", None)),
        ("keitaro", {"subid": "C", "status": "lead"}, ("lead", "confirmed", None)),
        ("keitaro", {"subid": "C", "payout": "12.5000000", "tid": "7"}, ("sale", "confirmed", Decimal("12.5"))),
        ("keitaro", {"subid": "C", "revenue": "3"}, ("sale", "confirmed", Decimal(3))),
        ("keitaro", {"subid": "C", "status": "REBILL", "tid": "2", "payout": "5"}, ("sale", "confirmed", Decimal(5))),
        ("voluum", {"cid": "C"}, ("sale", "confirmed", None)),
        ("voluum", {"cid": "C", "payout": "1.20", "txid": "7"}, ("sale", "confirmed", Decimal("1.2"))),
        ("voluum", {"cid": "C", "et": "signup"}, ("signup", "confirmed", None)),
        ("voluum", {"cid": "C", "et": "deposit1", "payout": "9"}, ("sale", "confirmed", Decimal(9))),
        ("binom", {"cnv_id": "C"}, ("sale", "confirmed", None)),
        ("binom", {"cnv_id": "C", "cnv_status": "lead", "payout": "0"}, ("lead", "confirmed", Decimal(0))),
        ("binom", {"cnv_id": "C", "cnv_currency": "usd", "payout": "4"}, ("sale", "confirmed", Decimal(4))),
        ("redtrack", {"clickid": "C", "sum": "10"}, ("sale", "confirmed", Decimal(10))),
        ("redtrack", {"clickid": "C", "type": "Upsell", "status": "pending"}, ("sale", "pending", None)),
        ("affise", {"clickid": "C", "sum": "10", "action_id": "a"}, ("sale", "confirmed", Decimal(10))),
        ("affise", {"click_id": "C", "goal": "lead", "status": "2"}, ("lead", "pending", None)),
        ("affise", {"clickid": "C", "status": "5"}, ("sale", "pending", None)),
        ("affise", {"clickid": "C", "status": "3"}, ("sale", "rejected", None)),
        ("everflow", {"transaction_id": "C", "amount": "10", "nid": "3"}, ("sale", "confirmed", Decimal(10))),
        ("everflow", {"transaction_id": "C", "event": "lead", "status": "invalid"}, ("lead", "rejected", None)),
        ("generic", {"click_id": "C", "event": "qualified"}, ("qualified", "confirmed", None)),
    ],
)
def test_postback_reads_each_trackers_own_names(dialect, parameters, expected, click_id):
    endpoint = make_endpoint(dialect)

    response = call(endpoint, {name: click_id if value == "C" else value for name, value in parameters.items()})

    assert response.status_code == 201
    assert response.json()["credited_to"] is not None
    assert milestones() == [expected]


def test_keitaro_takes_its_maps_from_the_address_and_answers_as_asked(click_id):
    endpoint = make_endpoint("keitaro")
    maps = {"lead_status": "reg,Registration", "sale_status": "ftd", "rejected_status": "fail", "ignore_status": "ping"}

    lead = call(endpoint, {"subid": click_id, "status": "REG", "tid": "t_reg", "return": "OK"} | maps)
    sale = call(endpoint, {"subid": click_id, "status": "ftd", "tid": "t_ftd", "payout": "80"} | maps)
    ping = call(endpoint, {"subid": click_id, "status": "ping"} | maps)
    rejected = call(endpoint, {"subid": click_id, "status": "fail", "tid": "t_ftd"} | maps)

    assert (lead.content, lead.headers["Content-Type"]) == (b"OK", "text/plain")
    assert [sale.status_code, ping.json(), rejected.status_code] == [201, {"status": "ignored"}, 201]
    assert milestones() == [("lead", "confirmed", None), ("sale", "rejected", Decimal(80))]


def test_keitaro_refuses_a_rebill_without_its_own_tid(click_id):
    response = call(make_endpoint("keitaro"), {"subid": click_id, "status": "rebill"})

    assert error_of(response) == (400, "missing", "tid")


def test_template_of_banzai_partners_is_a_sale_worth_its_share(click_id):
    endpoint = make_endpoint("keitaro", player_parameter="sub_id_18")
    parameters = {
        "subid": click_id,
        "payout": "-12.40",
        "currency": "usd",
        "sub_id_12": "3",
        "sub_id_13": "150",
        "sub_id_14": "12",
        "tid": "991",
        "sub_id_16": "20",
        "sub_id_18": "gambler-7",
    }

    response = call(endpoint, parameters)

    sale = Milestone.objects.get()
    assert response.status_code == 201
    assert (sale.key, sale.revenue, sale.currency) == ("t:991", Decimal("-12.4"), "USD")
    assert sale.player == Player.objects.get(player_id="gambler-7")


def test_template_of_sharklink_keeps_registration_and_first_deposit_apart(click_id):
    endpoint = make_endpoint("keitaro")
    shared = {"subid": click_id, "lead_status": "reg", "sale_status": "ftd"}

    call(endpoint, shared | {"status": "reg", "tid": "17_reg", "payout": "0"})
    call(endpoint, shared | {"status": "ftd", "tid": "17_ftd", "payout": "120"})

    assert milestones() == [("lead", "confirmed", Decimal(0)), ("sale", "confirmed", Decimal(120))]


def test_template_of_sharklink_makes_players_and_deposits_where_its_words_are_mapped(click_id):
    endpoint = make_endpoint(
        "keitaro",
        amounts="deposit",
        default_status="confirmed",
        event_names={"reg": "registration", "ftd": "deposit"},
    )
    shared = {"subid": click_id, "lead_status": "reg", "sale_status": "ftd"}

    early = call(endpoint, shared | {"status": "ftd", "tid": "17_ftd", "payout": "50", "currency": "EUR"})
    registered = call(endpoint, shared | {"status": "reg", "tid": "17_reg"})
    match_waiting_events(at=timezone.now() + timedelta(days=1), limit=10)

    deposit = Conversion.objects.get(kind="deposit")
    assert [early.status_code, registered.status_code] == [202, 201]
    assert (deposit.amount, deposit.is_first_deposit, deposit.transaction_id) == (50, True, "17_ftd")
    assert deposit.campaign is not None


def test_template_of_scaleo_moves_one_conversion_through_its_statuses(click_id):
    endpoint = make_endpoint("keitaro")
    shared = {
        "subid": click_id,
        "lead_status": "pending",
        "sale_status": "approved",
        "rejected_status": "rejected",
        "trash_status": "trash",
    }

    answers = [call(endpoint, shared | {"status": word}) for word in ("pending", "approved", "trash")]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert milestones() == [("lead", "rejected", None), ("sale", "rejected", None)]


@pytest.mark.parametrize("dialect", TRACKERS)
def test_postback_repeated_is_one_and_contradicted_is_a_conflict(dialect, click_id):
    endpoint = make_endpoint(dialect)
    amount = {"keitaro": "payout", "voluum": "payout", "binom": "payout", "redtrack": "sum", "affise": "sum"}
    name = amount.get(dialect, "amount")
    parameters = {CLICK_PARAMETER[dialect]: click_id, "event": "sale", name: "10"}

    first = call(endpoint, parameters)
    again = call(endpoint, parameters)
    other = call(endpoint, parameters | {name: "11"})

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert again.json() == first.json()
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("dialect", TRACKERS)
@pytest.mark.parametrize("click", ["nobody", "{click_id}", "ab" * 24, " "])
def test_postback_that_names_nobody_is_quarantined(dialect, click):
    response = call(make_endpoint(dialect), {CLICK_PARAMETER[dialect]: click, "event": "sale"})

    assert response.status_code == 202
    assert response.json()["status"] == "quarantined"
    assert InboxEvent.objects.get().state == "quarantined"


def test_postback_without_a_transaction_takes_unfilled_macros_for_nothing(click_id):
    endpoint = make_endpoint("affise")

    call(endpoint, {"clickid": click_id, "action_id": "{transactionid}", "sum": "{sum}"})

    assert Milestone.objects.get().key.startswith("c:")


def test_postback_with_a_word_that_nobody_mapped_waits_and_is_read_again(click_id):
    endpoint = make_endpoint("voluum")
    first = call(endpoint, {"cid": click_id, "et": "VIP", "payout": "7"})

    endpoint.event_names = {"VIP": "qualified"}
    endpoint.save()
    match_waiting_events(at=timezone.now() + timedelta(days=1), limit=10)
    again = call(endpoint, {"cid": click_id, "et": "VIP", "payout": "7"})

    assert (first.status_code, first.json()["reason"]) == (202, "unknown_event_name")
    assert milestones() == [("qualified", "confirmed", Decimal(7))]
    assert again.status_code == 200
    assert InboxEvent.objects.get().kind == "qualified"


def test_postback_by_post_and_by_json_is_the_same_as_by_get(click_id):
    endpoint = make_endpoint("keitaro")
    parameters = {"subid": click_id, "payout": "5"}
    path = f"/postback/{endpoint.slug}?secret={KEY}"

    by_form = Client().post(path, "&".join(f"{name}={value}" for name, value in parameters.items()),
        content_type="application/x-www-form-urlencoded")  # fmt: skip
    by_json = Client().post(path, parameters, content_type="application/json")
    by_get = call(endpoint, parameters)

    assert [by_form.status_code, by_json.status_code, by_get.status_code] == [201, 200, 200]


@pytest.mark.parametrize("path", ["/postback/{key}", "/postback/{key}/postback", "/postback/{slug}/{key}"])
def test_postback_shows_its_key_in_the_path(path, click_id):
    endpoint = make_endpoint("keitaro")

    response = call(endpoint, {"subid": click_id}, path=path.format(key=KEY, slug=endpoint.slug))

    assert response.status_code == 201


@pytest.mark.parametrize(
    "headers", [{"X-Api-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"X-Postback-Key": KEY}], ids=str
)
def test_postback_shows_its_key_in_a_header(headers, click_id):
    endpoint = make_endpoint("keitaro")

    response = Client().get(f"/postback/{endpoint.slug}", {"subid": click_id}, headers=headers)

    assert response.status_code == 201


@pytest.mark.parametrize(
    ("dialect", "name"), [("affise", "secure"), ("everflow", "verification_token"), ("binom", "upd_key")]
)
def test_postback_shows_its_key_where_its_tracker_does_and_nothing_keeps_it(dialect, name, click_id):
    endpoint = make_endpoint(dialect)

    response = Client().get(f"/postback/{endpoint.slug}", {CLICK_PARAMETER[dialect]: click_id, name: KEY})

    assert response.status_code == 201
    assert KEY not in str(list(IntakeRequest.objects.values())) + str(list(InboxEvent.objects.values()))


def test_postback_without_its_key_leaves_nothing_of_what_it_said(click_id):
    endpoint = make_endpoint("keitaro")

    missing = Client().get(f"/postback/{endpoint.slug}", {"subid": click_id})
    wrong = call(endpoint, {"subid": click_id}, key="another")
    unknown = call(endpoint, {"subid": click_id}, path="/postback/nowhere")

    assert error_of(missing) == (401, "missing_key", None)
    assert error_of(wrong) == (401, "bad_key", None)
    assert error_of(unknown) == (404, "unknown_endpoint", None)
    assert InboxEvent.objects.count() == 0
    assert list(IntakeRequest.objects.values_list("status", "content", "dropped")) == [(401, [], []), (401, [], [])]


def test_postback_takes_the_previous_key_while_its_sender_changes_over(click_id):
    endpoint = make_endpoint("keitaro", key="new-key", previous_key_hash=make_endpoint("voluum").key_hash)

    assert call(endpoint, {"subid": click_id}, key="new-key").status_code == 201
    assert call(endpoint, {"subid": click_id}, key=KEY).status_code == 200
    assert call(endpoint, {"subid": click_id}, key="third").status_code == 401


def test_postback_comes_from_listed_addresses_only(click_id):
    endpoint = make_endpoint("keitaro", allowed_addresses=["203.0.113.0/24"])

    assert error_of(call(endpoint, {"subid": click_id})) == (403, "address_not_allowed", None)


@pytest.mark.parametrize("change", [{"is_active": False}, {"platform_is_active": False}])
def test_postback_to_what_is_switched_off_is_not_found(change, click_id):
    platform = make_platform(is_active=change.get("platform_is_active", True))
    endpoint = make_endpoint("keitaro", platform=platform, is_active=change.get("is_active", True))

    assert call(endpoint, {"subid": click_id}).status_code == 404


@pytest.mark.parametrize(
    ("dialect", "parameters", "code", "field"),
    [
        ("keitaro", {"payout": "abc"}, "bad_amount", "payout"),
        ("keitaro", {"payout": "1e400"}, "bad_amount", "payout"),
        ("keitaro", {"payout": "NaN"}, "bad_amount", "payout"),
        ("keitaro", {"payout": "5", "currency": "ABC"}, "unknown_currency", "currency"),
        ("keitaro", {"tid": "t" * 201}, "wrong_length", "tid"),
        ("keitaro", {"tid": "t\0"}, "bad_characters", "tid"),
        ("affise", {"status": "9"}, "unknown_status", "status"),
        ("redtrack", {"status": "fine"}, "unknown_status", "status"),
        ("generic", {}, "missing", "event"),
        ("generic", {"event": "sale", "timestamp": "yesterday"}, "bad_time", "occurred_at"),
    ],
)
def test_postback_says_what_is_wrong(dialect, parameters, code, field, click_id):
    response = call(make_endpoint(dialect), {CLICK_PARAMETER[dialect]: click_id} | parameters)

    assert error_of(response) == (400, code, field)
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({"event": "ftd", "status": "approved"}, "missing", "amount"),
        ({"event": "ftd", "status": "approved", "amount": "-5"}, "bad_amount", "amount"),
        ({"event": "ftd", "amount": "5"}, "missing", "status"),
    ],
)
def test_postback_of_a_deposit_needs_its_amount_and_status(parameters, code, field, click_id):
    endpoint = make_endpoint("generic", amounts="deposit")

    assert error_of(call(endpoint, {"click_id": click_id} | parameters)) == (400, code, field)


def test_postback_of_a_deposit_finds_the_player_whom_the_casino_registered(click_id):
    platform = make_platform()
    register(platform, click_id=click_id)
    endpoint = make_endpoint("generic", platform=platform, amounts="deposit")
    parameters = {"click_id": click_id, "event": "ftd", "amount": "50", "tid": "t-1"}

    pending = call(endpoint, parameters | {"status": "pending"})
    approved = call(endpoint, parameters | {"status": "approved"})

    deposit = Conversion.objects.get(kind="deposit")
    assert [pending.json()["first_deposit"], approved.json()["first_deposit"]] == [False, True]
    assert (deposit.player.player_id, deposit.status) == ("p-1", "confirmed")


def test_postback_with_a_parameter_twice_is_refused(click_id):
    endpoint = make_endpoint("keitaro")

    response = Client().get(f"/postback/{endpoint.slug}/{KEY}?subid={click_id}&payout=5&payout=500")

    assert error_of(response) == (400, "doubled", None)


def test_postback_by_another_method_is_refused():
    endpoint = make_endpoint("keitaro")

    assert error_of(Client().put(f"/postback/{endpoint.slug}/{KEY}"))[:2] == (405, "method_not_allowed")


_NAMES = """subid cid cnv_id clickid transaction_id click_id status payout sum amount tid txid action_id goal type
    et event currency cnv_status lead_status return occurred_at timestamp rdtk_event_id upd_clickid player_id email
    other""".split()
_VALUES = st.one_of(
    st.sampled_from(
        ["sale", "lead", "ftd", "reg", "1", "-5.50", "EUR", "{macro}", "%%x", "ab" * 24, "\0", " ", "9" * 30]
    ),
    st.text(max_size=40),
    st.integers(),
    st.none(),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)


@pytest.mark.parametrize("dialect", TRACKERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=12),
    amounts=st.sampled_from(["revenue", "deposit"]),
)
def test_postback_never_breaks(db, dialect, fields, amounts):
    endpoint = make_endpoint(dialect, key=f"key-{Endpoint.objects.count()}", amounts=amounts)

    response = Client().post(
        f"/postback/{endpoint.slug}/key-{Endpoint.objects.count() - 1}", fields, content_type="application/json"
    )

    assert response.status_code in (200, 201, 202, 400, 409)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.binary(max_size=200))
def test_postback_takes_any_bytes_for_its_address(db, query):
    endpoint = make_endpoint("keitaro", key=f"key-{Endpoint.objects.count()}")

    response = Client().get(
        f"/postback/{endpoint.slug}/key-{Endpoint.objects.count() - 1}", QUERY_STRING=query.decode("latin-1")
    )

    assert response.status_code in (200, 201, 202, 400, 409)
