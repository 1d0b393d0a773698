"""Who comes: addresses through proxies, and headers."""

import json
from ipaddress import ip_address

import pytest

from attribution.edge.visitor import (
    TrustedProxies,
    is_prefetch,
    named_headers,
    read_cookie,
    read_hints,
    read_language,
    referrer_host,
)

PROXIES = TrustedProxies(["10.0.0.0/8", "127.0.0.1/32", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # Nobody is trusted but proxies: whoever comes by themselves cannot say who they are.
        ("198.51.100.7", b"203.0.113.9", ("198.51.100.7", "198.51.100.0")),
        ("127.0.0.1", None, ("127.0.0.1", "127.0.0.0")),
        ("127.0.0.1", b"203.0.113.9", ("203.0.113.9", "203.0.113.0")),
        # What stands left of the first address that is no proxy was written by the visitor.
        ("127.0.0.1", b"1.1.1.1, 203.0.113.9, 10.1.2.3", ("203.0.113.9", "203.0.113.0")),
        ("127.0.0.1", b"1.1.1.1,203.0.113.9,10.1.2.3,10.1.2.4", ("203.0.113.9", "203.0.113.0")),
        ("127.0.0.1", b"10.9.9.9, 10.1.2.3", ("10.9.9.9", "10.9.9.0")),
        ("::ffff:127.0.0.1", b"::ffff:203.0.113.9", ("203.0.113.9", "203.0.113.0")),
        ("2001:db8:ffff::1", b"2001:db8:1:2:3::4", ("2001:db8:1:2:3::4", "2001:db8:1::")),
        ("127.0.0.1", b"garbage", None),
        ("127.0.0.1", b"203.0.113.9, ", None),
        ("127.0.0.1", b"203.0.113.9\x00", None),
        ("127.0.0.1", b"\xff\xfe", None),
        ("127.0.0.1", b"203.0.113.009", None),
        ("", b"203.0.113.9", None),
    ],
)
def test_visitor_address_is_the_right_most_that_is_no_proxy(peer, forwarded, address):
    found = PROXIES.visitor_address(peer, forwarded)

    assert (found and (str(ip_address(found.packed)), found.network)) == address


def test_visitors_of_one_household_are_counted_together():
    one = PROXIES.visitor_address("2001:db8:1:2:3::4", None)
    other = PROXIES.visitor_address("2001:db8:1:2:ffff::1", None)

    assert one is not None
    assert other is not None
    assert one.counted == other.counted
    assert one.packed != other.packed


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (b"https://l.facebook.com/l.php?u=x", "l.facebook.com"),
        (b"https://M.Example:8443", "m.example"),
        (b"android-app://com.google.android.gm/", "com.google.android.gm"),
        (b"https://user@evil.example/", "evil.example"),
        (b"about:blank", None),
        (b"https://", None),
        (b"https://a b/", None),
        (b"\xff\xfe", None),
    ],
)
def test_referrer_host_is_the_host_alone(header, host):
    assert referrer_host(header) == host


def test_headers_are_found_by_name_and_repeated_ones_joined():
    headers = named_headers(
        [
            (b"host", b"go.example"),
            (b"x-forwarded-for", b"1.1.1.1"),
            (b"x-forwarded-for", b"2.2.2.2"),
            (b"cookie", b"a=1; t7=x.y"),
            (b"cookie", b"b=2"),
        ]
    )

    assert headers.get(b"host") == b"go.example"
    assert headers.get(b"x-forwarded-for") == b"1.1.1.1,2.2.2.2"
    assert headers.get(b"missing") is None
    assert (read_cookie(headers, b"t7"), read_cookie(headers, b"b"), read_cookie(headers, b"t")) == (b"x.y", b"2", None)
    assert not is_prefetch(headers)


@pytest.mark.parametrize(
    "header", [(b"sec-purpose", b"prefetch;prerender"), (b"purpose", b"preview"), (b"x-moz", b"prefetch")]
)
def test_headers_know_prefetches(header):
    assert is_prefetch(named_headers([header]))


def test_read_hints_keeps_device_and_network_and_nothing_else():
    headers = named_headers(
        [
            (b"sec-ch-ua-model", b'"Pixel 8"'),
            (b"sec-ch-ua-platform-version", b'"14.0.0"'),
            (b"ect", b"4g"),
            (b"rtt", b"50"),
            (b"downlink", b"1.55"),
            (b"sec-ch-ua", b'"Chromium"'),
        ]
    )

    assert json.loads(read_hints(headers) or "") == {
        "model": "Pixel 8",
        "platform_version": "14.0.0",
        "ect": "4g",
        "rtt": 50,
        "downlink": 1.55,
    }


@pytest.mark.parametrize("header", [(b"ect", b""), (b"rtt", b"NaN"), (b"sec-ch-ua-model", b"\xff\x00"), (b"x", b"y")])
def test_read_hints_drops_what_is_no_hint(header):
    assert read_hints(named_headers([header])) is None


@pytest.mark.parametrize(
    ("header", "language"),
    [(b"de-AT,de;q=0.9", "de"), (b"EN", "en"), (b"fil;q=1", "fil"), (b"*", None), (b"german", None), (b"\xff", None)],
)
def test_read_language_is_the_first_one(header, language):
    assert read_language(header) == language
