"""Query strings, byte for byte."""

import pytest

from attribution.edge.parameters import (
    LONGEST_VALUE,
    NAMES,
    POSITIONS,
    read_consent,
    read_parameters,
    read_text,
    slots_of,
)

SLOTS = slots_of([("external_id", "fbclid"), ("cost", "cost"), ("placement", "pl"), ("keyword", "sub_id_3")])


def read(query: bytes) -> dict[str, str]:
    return {name: value for name, value in zip(NAMES, read_parameters(query, SLOTS), strict=True) if value is not None}


def test_read_parameters_fills_every_name_that_a_parameter_stands_for():
    values = read(b"fbclid=abc&sub_id_3=free&pl=feed&cost=0.5")

    assert values == {
        "external_id": "abc",
        "fbclid": "abc",
        "sub_id_3": "free",
        "keyword": "free",
        "placement": "feed",
        "cost": "0.5",
    }


def test_read_parameters_takes_the_short_names_of_sub_ids():
    assert read(b"sub1=a&sub10=j&sub11=x") == {"sub_id_1": "a", "sub_id_10": "j"}


def test_read_parameters_takes_the_first_value_that_is_not_empty():
    assert read(b"sub_id_1=&sub1=a&sub_id_1=b") == {"sub_id_1": "a"}


def test_read_parameters_knows_encoded_names_and_ignores_others():
    assert read(b"sub%5Fid%5F1=a&redirect=https://evil.example&=x&&;&fbclid") == {"sub_id_1": "a"}


def test_read_parameters_stops_after_two_hundred():
    assert read(b"x=1&" * 199 + b"sub1=in") == {"sub_id_1": "in"}
    assert read(b"x=1&" * 200 + b"sub1=out") == {}


@pytest.mark.parametrize("query", ["слово=a%20b", "%D1%81%D0%BB%D0%BE%D0%B2%D0%BE=a%20b", "x=ё&слово=a%20b"])
def test_read_parameters_finds_names_beyond_ascii(query):
    values = read_parameters(query.encode(), slots_of([("keyword", "слово")]))

    assert values[POSITIONS["keyword"]] == "a b"


def test_slots_of_leaves_out_parameters_that_a_source_does_not_have():
    slots = slots_of([("external_id", ""), ("cost", ""), ("placement", ""), ("keyword", "")])

    assert "" not in slots


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"IwAR0_aem-x.~", "IwAR0_aem-x.~"),
        (b"a+b", "a+b"),
        (b"a%20b%2Fc", "a b/c"),
        (b"%C3%A9", "é"),
        (b"\xc3\xa9", "é"),
        (b"back\\slash\\N", "back\\slash\\N"),
        (b"a=b=c", "a=b=c"),
        (b"{adset.id}", "{adset.id}"),
        (b"%7B%7Bad.id%7D%7D", "{{ad.id}}"),
        (b"100%", "100%"),
        (b"%zz", "%zz"),
        # Not valid text, or with control characters: as received.
        (b"%FF%FE", "%FF%FE"),
        (b"\xff\xfe", "%FF%FE"),
        (b"%ED%A0%80", "%ED%A0%80"),
        (b"a%00b", "a%00b"),
        (b"a%0D%0Ab", "a%0D%0Ab"),
        (b"a%09b", "a%09b"),
        (b"%C2%85", "%C2%85"),
        (b"a\tb", "a%09b"),
    ],
)
def test_read_text_keeps_what_was_sent(raw, text):
    assert read_text(raw) == text


def test_read_text_bounds_the_length():
    assert len(read_text(b"a" * 20_000)) == LONGEST_VALUE
    assert len(read_text(b"%C3%A9" * 20_000)) == LONGEST_VALUE
    assert len(read_text(b"%FF" * 20_000)) == LONGEST_VALUE


@pytest.mark.parametrize(
    ("text", "consent"),
    [("1", True), ("Granted", True), ("0", False), ("denied", False), ("", None), ("maybe", None), (None, None)],
)
def test_read_consent_hears_yes_no_and_silence(text, consent):
    assert read_consent(text) is consent
