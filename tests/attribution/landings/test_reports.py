"""Bodies of /t: what they say, and what is said of those that say nothing."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.edge.reports import MalformedReport, Report, page_host, read_report

WHOLE = {
    "event": "open",
    "link": "spring",
    "click_id": "0193",
    "page": "casino.example/slots",
    "query": "gclid=Cj0&sub_id_1=a%20b",
    "referrer": "www.google.com",
    "language": "en-GB",
    "consent": True,
    "hints": {"effectiveType": "4g", "rtt": 50, "downlink": 1.55, "model": "Pixel 8", "platformVersion": "15.0.0"},
}


def body(**changes: Any) -> bytes:
    return json.dumps(WHOLE | changes).encode()


def test_read_report_reads_what_the_script_posts():
    assert read_report(body()) == Report(
        event="open",
        link="spring",
        click_id="0193",
        page="casino.example/slots",
        query=b"gclid=Cj0&sub_id_1=a%20b",
        referrer="www.google.com",
        language="en-GB",
        has_ad_consent=True,
        hints={
            b"ect": b"4g",
            b"rtt": b"50",
            b"downlink": b"1.55",
            b"sec-ch-ua-model": b"Pixel 8",
            b"sec-ch-ua-platform-version": b"15.0.0",
        },
    )


def test_read_report_needs_no_more_than_an_event():
    assert read_report(b'{"event": "consent", "link": null, "new": [1]}') == Report(
        event="consent",
        link="",
        click_id="",
        page="",
        query=b"",
        referrer="",
        language="",
        has_ad_consent=None,
        hints={},
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "The body is not JSON"),
        (b"[]", "The body must be a JSON object."),
        (b"{" * 5_000, "The body is nested deeper than 32 levels."),
        (b'{"event": "open", "event": "open"}', "The key 'event' stands twice"),
        (b"\xff", "The body is not UTF-8"),
        (b'{"event": NaN}', "NaN is not a JSON value."),
        (body(event="click"), "event must be one of open, consent, app_installed."),
        (body(event=["open"]), "event must be one of open, consent, app_installed."),
        (body(event={}), "event must be one of open, consent, app_installed."),
        (body(link=7), "link must be text."),
        (body(query={"gclid": "x"}), "query must be text."),
        (body(language=1.5), "language must be text."),
        (body(consent="yes"), "consent must be true, false or left out."),
        (body(consent=1), "consent must be true, false or left out."),
        (body(hints="4g"), "hints must be an object."),
        (body(hints={"rtt": [50]}), "hints.rtt must be text or a number."),
        (body(hints={"model": True}), "hints.model must be text or a number."),
    ],
)
def test_read_report_says_what_is_wrong(said: bytes, reason: str):
    with pytest.raises(MalformedReport, match=reason.replace("[", r"\[")):
        read_report(said)


def test_read_report_keeps_only_what_can_be_stored():
    report = read_report(
        b'{"event": "open", "page": "a\\u0000b\\ud800c\\n", "query": "\\udfff", "hints": {"model": "\\u0000"}}'
    )

    assert (report.page, report.query, report.hints) == ("ab?c", b"?", {b"sec-ch-ua-model": b""})


def test_read_report_cuts_what_is_too_long():
    report = read_report(body(page="x" * 2_000, link="y" * 100))

    assert (len(report.page), len(report.link)) == (1_000, 32)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "other"]), ANYTHING))
def test_read_report_reads_or_refuses_any_object(said: dict[str, Any]):
    assert_read_or_refused(json.dumps(said).encode())


@given(st.binary(max_size=200))
def test_read_report_reads_or_refuses_any_bytes(said: bytes):
    assert_read_or_refused(said)


def assert_read_or_refused(said: bytes) -> None:
    with suppress(MalformedReport):
        report = read_report(said)
        "".join((report.link, report.page, report.referrer, report.language)).encode()


@pytest.mark.parametrize(
    ("origin", "referrer", "host"),
    [
        (b"https://casino.example", None, "casino.example"),
        (b"http://Casino.Example:8080", None, "casino.example"),
        (None, b"https://lp.example/slots?x=1", "lp.example"),
        (b"null", None, None),
        (b"null", b"https://lp.example/", "lp.example"),
        (b"https://casino.example.evil.example", None, "casino.example.evil.example"),
        (b"https://evil.example/casino.example", None, "evil.example"),
        (b"https://casino.example@evil.example", None, "evil.example"),
        (b"", b"", None),
        (None, None, None),
    ],
)
def test_page_host_is_the_host_alone(origin: bytes | None, referrer: bytes | None, host: str | None):
    assert page_host(origin, referrer) == host
