"""Who comes: addresses through proxies, and headers."""

import pytest

from attribution.edge.visitor import Address, Headers, TrustedProxies, read_headers, referrer_host

PROXIES = TrustedProxies(["10.0.0.0/8", "127.0.0.1/32", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # Nobody is trusted but proxies: whoever comes by themselves cannot say who they are.
        ("198.51.100.7", [b"203.0.113.9"], Address("198.51.100.7", "198.51.100.0")),
        ("127.0.0.1", [], Address("127.0.0.1", "127.0.0.0")),
        ("127.0.0.1", [b"203.0.113.9"], Address("203.0.113.9", "203.0.113.0")),
        # What stands left of the first address that is no proxy was written by the visitor.
        ("127.0.0.1", [b"1.1.1.1, 203.0.113.9, 10.1.2.3"], Address("203.0.113.9", "203.0.113.0")),
        ("127.0.0.1", [b"1.1.1.1", b"203.0.113.9", b"10.1.2.3,10.1.2.4"], Address("203.0.113.9", "203.0.113.0")),
        ("127.0.0.1", [b"10.9.9.9, 10.1.2.3"], Address("10.9.9.9", "10.9.9.0")),
        ("::ffff:127.0.0.1", [b"::ffff:203.0.113.9"], Address("203.0.113.9", "203.0.113.0")),
        ("2001:db8:ffff::1", [b"2001:db8:1:2:3::4"], Address("2001:db8:1:2:3::4", "2001:db8:1::")),
        ("127.0.0.1", [b"garbage"], None),
        ("127.0.0.1", [b"203.0.113.9, "], None),
        ("127.0.0.1", [b"203.0.113.9\x00"], None),
        ("127.0.0.1", [b"\xff\xfe"], None),
        ("127.0.0.1", [b"203.0.113.009"], None),
        ("", [b"203.0.113.9"], None),
    ],
)
def test_visitor_address_is_the_right_most_that_is_no_proxy(peer, forwarded, address):
    assert PROXIES.visitor_address(peer, forwarded) == address


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


def test_read_headers_picks_what_a_click_needs():
    headers = read_headers(
        [
            (b"host", b"go.example"),
            (b"user-agent", b"x"),
            (b"x-forwarded-for", b"1.1.1.1"),
            (b"x-forwarded-for", b"2.2.2.2"),
            (b"referer", b"https://a.example/"),
        ]
    )

    assert headers == Headers(b"x", b"https://a.example/", [b"1.1.1.1", b"2.2.2.2"], is_prefetch=False)


@pytest.mark.parametrize(
    "header", [(b"sec-purpose", b"prefetch;prerender"), (b"purpose", b"preview"), (b"x-moz", b"prefetch")]
)
def test_read_headers_knows_prefetches(header):
    assert read_headers([header]).is_prefetch
