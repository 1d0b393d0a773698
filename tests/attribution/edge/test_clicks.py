"""The cost that a source sends."""

import pytest

from attribution.edge.clicks import read_cost


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("0.25", "0.25"),
        ("12", "12"),
        ("0", "0"),
        (".5", "0.5"),
        ("100", "100"),
        ("9999999999.99999999", "9999999999.99999999"),
        ("0.123456785", "0.12345679"),
        ("0.000000001", "0"),
        ("9999999999.999999999", None),
        ("10000000000", None),
        ("-1", None),
        ("+1", None),
        ("1,5", None),
        ("1e3", None),
        ("NaN", None),
        ("Infinity", None),
        ("٣", None),
        ("", None),
        ("{cost}", None),
        (None, None),
    ],
)
def test_read_cost_takes_plain_amounts_only(text, cost):
    assert read_cost(text) == cost
