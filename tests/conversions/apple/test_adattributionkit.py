"""AdAttributionKit's postbacks: what stands under the signature, and what stands beside it."""

from typing import Any

import pytest

from conversions.apple.adattributionkit import read_adattributionkit
from conversions.apple.reported import MalformedPostback, ReportedPostback, UnverifiedPostback
from tests.conversions.apple.signing import adattributionkit, signed_jws
from tests.conversions.apple.vectors import DEVELOPMENT, DEVELOPMENT_JWS


def read(body: dict[str, Any], *, allow_development: bool = False) -> ReportedPostback:
    return read_adattributionkit(body, allow_development=allow_development)


def test_read_adattributionkit_returns_apples_example_as_a_test() -> None:
    assert read(DEVELOPMENT, allow_development=True) == ReportedPostback(
        framework="adattributionkit",
        postback_id="85546EB7-FD39-44BC-8990-C98A4AC36A49",
        ad_network_id="development.adattributionkit",
        source_identifier="1234",
        app_id=10738027756,
        conversion_type="re-engagement",
        source_app_id=0,
        marketplace="com.apple.AppStore",
        interaction="click",
        did_win=True,
        window=0,
        conversion_value=24,
        country="US",
        is_test=True,
        signature=DEVELOPMENT_JWS,
    )


def test_read_adattributionkit_refuses_development_where_it_is_not_allowed() -> None:
    with pytest.raises(UnverifiedPostback, match="development keys are not taken"):
        read(DEVELOPMENT)


@pytest.mark.usefixtures("our_apple")
def test_read_adattributionkit_returns_a_production_postback() -> None:
    body = adattributionkit(coarse_conversion_value="low")

    assert read(body) == ReportedPostback(
        framework="adattributionkit",
        postback_id="3f50fe57-29ae-4861-8c0b-ac6adddff72c",
        ad_network_id="test.adattributionkit",
        source_identifier="8344",
        app_id=684939,
        conversion_type="download",
        source_app_id=5838492,
        marketplace="com.apple.AppStore",
        interaction="click",
        did_win=True,
        window=1,
        coarse_value="low",
        signature=body["jws-string"],
    )


@pytest.mark.usefixtures("our_apple")
def test_read_adattributionkit_does_without_what_apple_withholds() -> None:
    read_back = read(
        adattributionkit(
            {"source-identifier": "44", "publisher-item-identifier": None, "marketplace-identifier": None},
            ad_interaction_type="view",
        )
    )

    assert (read_back.source_identifier, read_back.source_app_id, read_back.marketplace) == ("44", None, "")
    assert (read_back.interaction, read_back.conversion_value, read_back.coarse_value) == ("view", None, "")


@pytest.mark.usefixtures("our_apple")
def test_read_adattributionkit_cannot_see_a_change_of_what_stands_beside_the_signature() -> None:
    body = adattributionkit(conversion_value=3)

    assert read(body | {"conversion-value": 63}).conversion_value == 63
    assert read(body | {"ad-interaction-type": "view"}).interaction == "view"


BESIDE: list[tuple[str, dict[str, Any], str, str]] = [
    ("no JWS", {"jws-string": None}, "missing", "jws-string"),
    ("JWS is an object", {"jws-string": {}}, "wrong_type", "jws-string"),
    ("JWS of 8193 characters", {"jws-string": "A" * 8193}, "wrong_length", "jws-string"),
    ("no interaction", {"ad-interaction-type": None}, "missing", "ad-interaction-type"),
    ("unknown interaction", {"ad-interaction-type": "hover"}, "unknown_value", "ad-interaction-type"),
    ("fine value is 64", {"conversion-value": 64}, "out_of_range", "conversion-value"),
    ("both values", {"conversion-value": 1, "coarse-conversion-value": "low"}, "two_values", "coarse-conversion-value"),
    ("country by name", {"country-code": "Malta"}, "bad_country", "country-code"),
]


@pytest.mark.usefixtures("our_apple")
@pytest.mark.parametrize(("change", "code", "field"), [case[1:] for case in BESIDE], ids=[c[0] for c in BESIDE])
def test_read_adattributionkit_refuses_a_field_beside_the_signature(
    change: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read(adattributionkit() | change)

    assert (refused.value.code, refused.value.field) == (code, field)


CLAIMED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no identifier", {"postback-identifier": None}, "missing", "postback-identifier"),
    ("identifier is a number", {"postback-identifier": 5}, "wrong_type", "postback-identifier"),
    ("no network", {"ad-network-identifier": None}, "missing", "ad-network-identifier"),
    ("no source", {"source-identifier": None}, "missing", "source-identifier"),
    ("source of one digit", {"source-identifier": "8"}, "bad_source_identifier", "source-identifier"),
    ("no app", {"advertised-item-identifier": None}, "missing", "advertised-item-identifier"),
    ("app is 0", {"advertised-item-identifier": 0}, "out_of_range", "advertised-item-identifier"),
    ("unknown type", {"conversion-type": "install"}, "unknown_value", "conversion-type"),
    ("no outcome", {"did-win": None}, "missing", "did-win"),
    ("window is 3", {"postback-sequence-index": 3}, "out_of_range", "postback-sequence-index"),
    ("marketplace is a number", {"marketplace-identifier": 1}, "wrong_type", "marketplace-identifier"),
    ("publisher is text", {"publisher-item-identifier": "1"}, "wrong_type", "publisher-item-identifier"),
]


@pytest.mark.usefixtures("our_apple")
@pytest.mark.parametrize(("change", "code", "field"), [case[1:] for case in CLAIMED], ids=[c[0] for c in CLAIMED])
def test_read_adattributionkit_refuses_a_claim_by_its_name(change: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read(adattributionkit(change))

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.usefixtures("our_apple")
@pytest.mark.parametrize("payload", ["[]", "5", '{"did-win": true, "did-win": false}', '{"did-win": NaN}', "no JSON"])
def test_read_adattributionkit_refuses_signed_text_that_is_no_json_object(payload: str) -> None:
    with pytest.raises(MalformedPostback) as refused:
        read({"jws-string": signed_jws(payload), "ad-interaction-type": "click"})

    assert refused.value.code == "malformed_jws"
