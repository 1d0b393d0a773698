"""JSON from strangers."""

import pytest

from tracker_project.common.strict_json import MalformedJson, is_fraction, parse_object


def test_parse_object_returns_what_is_written():
    assert parse_object(b'{"a": "1", "b": [true, null, 3]}') == {"a": "1", "b": [True, None, 3]}


def test_parse_object_keeps_fractions_as_text():
    value = parse_object(b'{"amount": 0.1}')["amount"]

    assert value == "0.1"
    assert is_fraction(value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff{}", "not UTF-8"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"a": NaN}', "NaN is not"),
        (b'{"a": -Infinity}', "-Infinity is not"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a":' * 100_000, "deeper than 32"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": "\x00"}', "not JSON"),
    ],
)
def test_parse_object_refuses_and_says_why(body, why):
    with pytest.raises(MalformedJson, match=why):
        parse_object(body)
