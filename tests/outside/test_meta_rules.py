"""The stand-in for Meta refuses what Meta refuses, and records what must never come."""

import pytest

from tests.outside.meta_rules import MetaDatasets

NOW = 1_795_348_800
DAY = 24 * 3600
TOKEN = "token"
TOKENS = {"1234567890": TOKEN}


def purchase(**fields):
    event = {
        "event_name": "Purchase",
        "event_time": NOW - 60,
        "event_id": "e-1",
        "action_source": "system_generated",
        "user_data": {"external_id": ["ab" * 32]},
        "custom_data": {"value": 100, "currency": "eur"},
    }
    return {name: value for name, value in (event | fields).items() if value is not None}


def receive(*events, dataset="1234567890", token=TOKEN, rules=None):
    rules = rules or MetaDatasets(tokens=TOKENS, now=lambda: NOW)
    return rules.receive(dataset, {"access_token": token, "data": list(events)})


def test_receive_takes_a_good_event():
    assert receive(purchase()).status == 200


@pytest.mark.parametrize(
    ("fields", "subcode"),
    [
        ({"event_name": None}, 2804001),
        ({"event_time": None}, 2804001),
        ({"user_data": None}, 2804001),
        ({"action_source": None}, 2804001),
        ({"action_source": "casino"}, 2804017),
        ({"action_source": "website"}, 2804019),
        ({"action_source": "website", "event_source_url": "https://a.example"}, 2804019),
        ({"event_time": NOW - 7 * DAY - 1}, 2804003),
        ({"event_time": NOW - 62 * DAY - 1, "action_source": "physical_store"}, 2804003),
        ({"event_time": NOW + 600}, 2804007),
        ({"event_time": str(NOW)}, 2804007),
        ({"custom_data": None}, 2804009),
        ({"custom_data": {"value": 1}}, 2804009),
        ({"custom_data": {"currency": "eur"}}, 2804009),
        ({"custom_data": {"value": "1", "currency": "eur"}}, 2804009),
        ({"custom_data": {"value": -1, "currency": "eur"}}, 2804009),
        ({"custom_data": {"value": 1, "currency": "USDT"}}, 2804009),
        ({"user_data": {}}, 2804050),
        ({"user_data": {"client_user_agent": "Mozilla"}}, 2804050),
        ({"user_data": {"country": "mt", "ct": "valletta"}}, 2804050),
        ({"user_data": {"fbc": "fb.1.1795262400.abc"}}, 2804048),
        ({"user_data": {"fbc": "abc"}}, 2804048),
    ],
)
def test_receive_fails_the_whole_request_for_one_bad_event(fields, subcode):
    rules = MetaDatasets(tokens=TOKENS, now=lambda: NOW)

    verdict = receive(purchase(), purchase(event_id="e-2", **fields), rules=rules)

    assert verdict.status == 400
    assert f'"error_subcode": {subcode}' in verdict.text
    assert rules.accepted == []


def test_receive_takes_an_old_event_of_a_physical_store():
    assert receive(purchase(action_source="physical_store", event_time=NOW - 61 * DAY)).status == 200


@pytest.mark.parametrize(
    ("dataset", "token", "code"), [("1234567890", "other", 190), ("1234567890", "", 104), ("999", "token", 100)]
)
def test_receive_refuses_a_wrong_token_or_dataset(dataset, token, code):
    assert f'"code": {code},' in receive(purchase(), dataset=dataset, token=token).text


@pytest.mark.parametrize("events", [[], [purchase()] * 1001, ["no event"], [[1]]])
def test_receive_refuses_what_is_no_list_of_up_to_a_thousand_events(events):
    assert receive(*events).status == 400


def test_receive_drops_a_repeat_within_two_days_and_takes_it_after():
    times = [NOW]
    rules = MetaDatasets(tokens=TOKENS, now=lambda: times[-1])

    receive(purchase(), rules=rules)
    receive(purchase(), rules=rules)
    receive(purchase(event_name="CompleteRegistration"), rules=rules)
    times.append(NOW + 2 * DAY + 1)
    receive(purchase(event_time=NOW + 2 * DAY), rules=rules)

    assert (len(rules.accepted), len(rules.repeats)) == (3, 1)


@pytest.mark.parametrize(
    "personal",
    [
        {"em": "ab" * 32},
        {"ph": "ab" * 32},
        {"client_ip_address": "192.0.2.1", "client_user_agent": "Mozilla"},
        {"madid": "abc"},
        {"external_id": ["player-42"]},
        {"external_id": "player-42"},
    ],
)
def test_receive_records_a_breach_of_privacy(personal):
    rules = MetaDatasets(tokens=TOKENS, now=lambda: NOW)

    verdict = receive(purchase(user_data={"external_id": ["ab" * 32]} | personal), rules=rules)

    assert verdict.status == 400
    assert len(rules.breaches) == len(personal)
