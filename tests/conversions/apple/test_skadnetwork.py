"""SKAdNetwork's postbacks: Apple's own examples, what its signature holds fast, and what it leaves open."""

from typing import Any

import pytest

from conversions.apple.reported import MalformedPostback, ReportedPostback, UnverifiedPostback
from conversions.apple.skadnetwork import read_skadnetwork
from tests.conversions.apple.signing import signed_skadnetwork
from tests.conversions.apple.vectors import (
    NON_WINNER_3_0,
    VERSION_2_1,
    VERSION_2_2,
    WEB_HIGH_TIER,
    WEB_LOW_TIER,
    WINNER_3_0,
)

EXAMPLES = {
    "4.0 with a fine value": WEB_HIGH_TIER,
    "4.0 with a coarse value": WEB_LOW_TIER,
    "3.0 that won": WINNER_3_0,
    "3.0 that lost": NON_WINNER_3_0,
    "2.2": VERSION_2_2,
    "2.1": VERSION_2_1,
}
each_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@each_example
def test_read_skadnetwork_verifies_apples_examples(example: dict[str, Any]) -> None:
    assert read_skadnetwork(example).postback_id == example["transaction-id"]


def test_read_skadnetwork_returns_what_a_4_0_postback_says() -> None:
    assert read_skadnetwork(WEB_HIGH_TIER | {"country-code": "mt"}) == ReportedPostback(
        framework="skadnetwork",
        version="4.0",
        postback_id="6aafb7a5-0170-41b5-bbe4-fe71dedf1e30",
        ad_network_id="com.example",
        source_identifier="5239",
        app_id=525463029,
        conversion_type="download",
        source_domain="example.com",
        fidelity=1,
        did_win=True,
        window=0,
        conversion_value=63,
        country="MT",
        signature=WEB_HIGH_TIER["attribution-signature"],
    )


def test_read_skadnetwork_returns_what_a_2_1_postback_says() -> None:
    assert read_skadnetwork(VERSION_2_1) == ReportedPostback(
        framework="skadnetwork",
        version="2.1",
        postback_id="6aafb7a5-0170-41b5-bbe4-fe71dedf1e28",
        ad_network_id="com.example",
        campaign_number=42,
        app_id=525463029,
        conversion_type="redownload",
        source_app_id=1234567891,
        conversion_value=20,
        signature=VERSION_2_1["attribution-signature"],
    )


def test_read_skadnetwork_reads_the_coarse_value_and_who_lost() -> None:
    low, lost = read_skadnetwork(WEB_LOW_TIER), read_skadnetwork(NON_WINNER_3_0)

    assert (low.source_identifier, low.conversion_value, low.coarse_value) == ("39", None, "high")
    assert (lost.did_win, lost.conversion_value, lost.source_app_id) == (False, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "3.0", "campaign-id": 52},
        {"ad-network-id": "com.example2"},
        {"source-identifier": "5238"},
        {"app-id": 525463028},
        {"transaction-id": "6aafb7a5-0170-41b5-bbe4-fe71dedf1e31"},
        {"redownload": True},
        {"source-domain": "example.org"},
        {"source-domain": None},
        {"source-domain": None, "source-app-id": 1},
        {"fidelity-type": 0},
        {"did-win": False},
        {"postback-sequence-index": 1},
        {"attribution-signature": WEB_LOW_TIER["attribution-signature"]},
        {"attribution-signature": "AAAA"},
    ],
    ids=str,
)
def test_read_skadnetwork_refuses_a_change_of_what_is_signed(change: dict[str, Any]) -> None:
    with pytest.raises(UnverifiedPostback) as refused:
        read_skadnetwork(WEB_HIGH_TIER | change)

    assert (refused.value.code, refused.value.field) == ("bad_signature", "attribution-signature")


def test_read_skadnetwork_refuses_a_loser_that_says_it_won() -> None:
    with pytest.raises(UnverifiedPostback):
        read_skadnetwork(NON_WINNER_3_0 | {"did-win": True})


def test_read_skadnetwork_cannot_see_a_change_of_what_is_not_signed() -> None:
    fine = read_skadnetwork(WEB_HIGH_TIER | {"conversion-value": 0})
    none = read_skadnetwork(without(WEB_HIGH_TIER, "conversion-value"))
    coarse = read_skadnetwork(WEB_LOW_TIER | {"coarse-conversion-value": "low", "country-code": "US"})

    assert (fine.conversion_value, none.conversion_value, coarse.coarse_value) == (0, None, "low")


@pytest.mark.parametrize("version", ["1.0", "2.0", None])
def test_read_skadnetwork_calls_the_old_curve_unverifiable(version: str | None) -> None:
    with pytest.raises(UnverifiedPostback) as refused:
        read_skadnetwork(VERSION_2_1 | {"version": version})

    assert (refused.value.code, refused.value.field) == ("unverifiable_version", "version")


@pytest.mark.parametrize("version", ["4.1", "5.0", "0", "4", "４.０"])
def test_read_skadnetwork_refuses_versions_that_it_does_not_know(version: str) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read_skadnetwork(WEB_HIGH_TIER | {"version": version})

    assert refused.value.code == "unknown_version"


MALFORMED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no network", {"ad-network-id": None}, "missing", "ad-network-id"),
    ("no source", {"source-identifier": None}, "missing", "source-identifier"),
    ("no app", {"app-id": None}, "missing", "app-id"),
    ("no transaction", {"transaction-id": None}, "missing", "transaction-id"),
    ("no redownload", {"redownload": None}, "missing", "redownload"),
    ("no fidelity", {"fidelity-type": None}, "missing", "fidelity-type"),
    ("no outcome", {"did-win": None}, "missing", "did-win"),
    ("no window", {"postback-sequence-index": None}, "missing", "postback-sequence-index"),
    ("no signature", {"attribution-signature": None}, "missing", "attribution-signature"),
    ("version is a number", {"version": 4}, "wrong_type", "version"),
    ("network is a list", {"ad-network-id": ["com.example"]}, "wrong_type", "ad-network-id"),
    ("network is empty", {"ad-network-id": ""}, "wrong_length", "ad-network-id"),
    ("network of 101 characters", {"ad-network-id": "n" * 101}, "wrong_length", "ad-network-id"),
    ("network with NUL", {"ad-network-id": "com\0example"}, "bad_characters", "ad-network-id"),
    ("network with Apple's separator", {"ad-network-id": "com\u2063example"}, "bad_characters", "ad-network-id"),
    ("transaction is half a surrogate pair", {"transaction-id": "\ud800"}, "bad_characters", "transaction-id"),
    ("source is a number", {"source-identifier": 5239}, "wrong_type", "source-identifier"),
    ("source of one digit", {"source-identifier": "5"}, "bad_source_identifier", "source-identifier"),
    ("source of five digits", {"source-identifier": "52390"}, "bad_source_identifier", "source-identifier"),
    ("source in Arabic digits", {"source-identifier": "٥٢"}, "bad_source_identifier", "source-identifier"),
    ("app is text", {"app-id": "525463029"}, "wrong_type", "app-id"),
    ("app is a fraction", {"app-id": 1.5}, "wrong_type", "app-id"),
    ("app is true", {"app-id": True}, "wrong_type", "app-id"),
    ("app is 0", {"app-id": 0}, "out_of_range", "app-id"),
    ("app beyond 64 bits", {"app-id": 2**63}, "out_of_range", "app-id"),
    ("redownload is 1", {"redownload": 1}, "wrong_type", "redownload"),
    ("fidelity is 2", {"fidelity-type": 2}, "out_of_range", "fidelity-type"),
    ("outcome is a word", {"did-win": "true"}, "wrong_type", "did-win"),
    ("window is 3", {"postback-sequence-index": 3}, "out_of_range", "postback-sequence-index"),
    ("window is negative", {"postback-sequence-index": -1}, "out_of_range", "postback-sequence-index"),
    ("fine value is 64", {"conversion-value": 64}, "out_of_range", "conversion-value"),
    ("fine value is negative", {"conversion-value": -1}, "out_of_range", "conversion-value"),
    ("fine value is text", {"conversion-value": "63"}, "wrong_type", "conversion-value"),
    ("both values", {"coarse-conversion-value": "low"}, "two_values", "coarse-conversion-value"),
    ("unknown coarse value", {"coarse-conversion-value": "LOW"}, "unknown_value", "coarse-conversion-value"),
    ("country by name", {"country-code": "Malta"}, "bad_country", "country-code"),
    ("app and site", {"source-app-id": 5}, "two_sources", "source-domain"),
    ("negative source app", {"source-app-id": -1}, "out_of_range", "source-app-id"),
    ("site is a number", {"source-domain": "1234567891"}, "bad_domain", "source-domain"),
    ("site is an address", {"source-domain": "192.0.2.1"}, "bad_domain", "source-domain"),
    ("signature is no base64", {"attribution-signature": "not base64!"}, "bad_base64", "attribution-signature"),
    ("signature is not ASCII", {"attribution-signature": "é"}, "bad_base64", "attribution-signature"),
    ("signature of 201 characters", {"attribution-signature": "A" * 201}, "wrong_length", "attribution-signature"),
]


@pytest.mark.parametrize(("change", "code", "field"), [case[1:] for case in MALFORMED], ids=[c[0] for c in MALFORMED])
def test_read_skadnetwork_refuses_a_field_by_its_name(change: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read_skadnetwork(WEB_HIGH_TIER | change)

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("number", [0, 101, None, "42"])
def test_read_skadnetwork_takes_campaign_numbers_from_1_to_100(number: Any) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read_skadnetwork(WINNER_3_0 | {"campaign-id": number})

    assert refused.value.field == "campaign-id"


def test_read_skadnetwork_drops_what_a_version_does_not_have() -> None:
    read = read_skadnetwork(VERSION_2_1 | {"did-win": False, "coarse-conversion-value": "high", "email": "a@b.example"})

    assert (read.did_win, read.coarse_value) == (None, "")


@pytest.mark.usefixtures("our_apple")
def test_read_skadnetwork_takes_a_source_app_of_0_for_a_test() -> None:
    body = without(WEB_HIGH_TIER, "source-domain") | {"source-app-id": 0}
    signed = signed_skadnetwork(
        body, "4.0", "com.example", "5239", "525463029", body["transaction-id"], "false", "0", "1", "true", "0"
    )

    read = read_skadnetwork(signed)

    assert (read.source_app_id, read.is_test) == (0, True)


@pytest.mark.usefixtures("our_apple")
def test_read_skadnetwork_reads_an_app_ad_of_the_third_window() -> None:
    body = without(WEB_HIGH_TIER, "source-domain", "conversion-value") | {
        "source-app-id": 1234567891,
        "postback-sequence-index": 2,
        "coarse-conversion-value": "medium",
    }
    signed = signed_skadnetwork(
        body, "4.0", "com.example", "5239", "525463029", body["transaction-id"], "false", "1234567891", "1", "true", "2"
    )

    read = read_skadnetwork(signed)

    assert (read.source_app_id, read.window, read.coarse_value, read.is_test) == (1234567891, 2, "medium", False)
