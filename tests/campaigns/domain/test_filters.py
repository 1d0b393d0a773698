"""What a flow's filters may ask, and whom they take."""

import pytest
from django.core.exceptions import ValidationError

from campaigns.domain.filters import describe_values, parse_filter
from campaigns.models import FlowFilter


@pytest.mark.parametrize(
    ("field", "values", "visitor", "is_taken"),
    [
        ("country", ["MT", "fi"], "FI", True),
        ("country", ["MT"], "DE", False),
        ("country", ["MT"], None, False),
        ("country", ["(none)"], None, True),
        ("region", ["US-NJ"], "US-NJ", True),
        ("city", ["valletta"], "Valletta", True),
        ("city", ["São*"], "São Paulo", True),
        ("browser", ["Chrome*"], "Chrome Mobile", True),
        ("browser", ["*webview"], "Chrome Mobile WebView", True),
        ("referrer", ["*.facebook.com"], "l.facebook.com", True),
        ("referrer", ["*.facebook.com"], "facebook.com.evil.example", False),
        ("referrer", ["(none)"], None, True),
        ("keyword", ["*free*"], "get free spins", True),
        ("keyword", ["(none)"], "", True),
        ("sub_id_3", ["feed"], "Feed", True),
        ("os_version", ["17"], "17.4.1", True),
        ("os_version", ["17"], "16", False),
        ("os_version", ["17.4"], "17.40", False),
        ("os_version", [">=16"], "16.4", True),
        ("os_version", [">16"], "16.4", False),
        ("os_version", ["<9"], "8.1", True),
        ("os_version", ["<9"], None, False),
        ("os_version", [">=10.1"], "10", False),
        ("asn", ["AS64500"], 64500, True),
        ("asn", ["64500"], None, False),
        ("hour", ["9-17"], 17, True),
        ("hour", ["22-4"], 1, True),
        ("hour", ["22-4"], 12, False),
        ("weekday", ["sat", "Sunday"], 6, True),
        ("unique", ["yes"], True, True),
        ("unique", ["no"], True, False),
        ("bot", ["no"], False, True),
        ("platform_click_id", ["any"], frozenset({"gclid"}), True),
        ("platform_click_id", ["any"], frozenset[str](), False),
        ("platform_click_id", ["sccid"], frozenset({"ScCid"}), True),
        ("scenario", ["summer-2026"], frozenset({"summer-2026", "winter"}), True),
    ],
)
def test_filter_takes_whom_its_values_name(field, values, visitor, is_taken):
    test = parse_filter(field, values)

    assert test.takes(visitor) is is_taken


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("country", ["Malta"]),
        ("country", []),
        ("region", ["NJ"]),
        ("language", ["german"]),
        ("device", ["mobile"]),
        ("os_version", ["newest"]),
        ("os_version", ["=>9"]),
        ("asn", ["Vodafone"]),
        ("hour", ["24"]),
        ("hour", ["9 to 5"]),
        ("weekday", ["someday"]),
        ("unique", ["true"]),
        ("platform_click_id", ["yclid"]),
        ("scenario", ["Summer 2026"]),
        ("keyword", [""]),
        ("keyword", ["*"]),
        ("keyword", ["a*b"]),
    ],
)
def test_parse_filter_refuses_what_no_visitor_could_be(field, values):
    with pytest.raises(ValidationError) as refused:
        parse_filter(field, values)

    assert refused.value.code == "values"


def test_each_field_says_what_its_values_look_like():
    described = {field: describe_values(field) for field in FlowFilter.Field.values}

    assert all(described.values())
