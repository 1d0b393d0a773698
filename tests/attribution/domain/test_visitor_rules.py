"""Patterns of bot rules and networks of staff: put into one form, or refused with what to write."""

import pytest
from django.core.exceptions import ValidationError

from attribution.domain.visitor_rules import plain_network, plain_pattern


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        (" 192.0.2.9/24 ", "192.0.2.0/24"),
        ("192.0.2.9", "192.0.2.9/32"),
        ("2001:DB8:0:0::1/48", "2001:db8::/48"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_plain_network_has_one_form(text: str, network: str) -> None:
    assert plain_network(text) == network


@pytest.mark.parametrize(
    "text",
    ["", "office", "192.0.2.0/33", "192.0.2/24", "0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/15", "::ffff:192.0.2.1"],
)
def test_plain_network_refuses_what_is_none_or_too_wide(text: str) -> None:
    with pytest.raises(ValidationError):
        plain_network(text)


@pytest.mark.parametrize(
    ("kind", "text", "pattern"),
    [
        ("user_agent", " HeadlessShop ", "HeadlessShop"),
        ("network", "192.0.2.1/24", "192.0.2.0/24"),
        ("asn", "AS64500", "64500"),
        ("asn", "064500", "64500"),
        ("referrer", "Spam.Example.", "spam.example"),
        ("referrer", "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_plain_pattern_has_one_form_a_kind(kind: str, text: str, pattern: str) -> None:
    assert plain_pattern(kind, text) == pattern


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("user_agent", "ok", "at least three characters"),
        ("network", "everyone", "Write a network"),
        ("asn", "0", "number of an autonomous system"),
        ("asn", "4294967295", "number of an autonomous system"),
        ("asn", "AS", "number of an autonomous system"),
        ("referrer", "https://spam.example/page", "Write a host alone"),
        ("referrer", "spam example", "Write a host alone"),
        ("referrer", "", "Write a host alone"),
    ],
)
def test_plain_pattern_says_what_to_write(kind: str, text: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        plain_pattern(kind, text)
