"""Links to apps: what they are, what keeps the click id from coming back, and how they are built."""

from typing import Any

import pytest

from campaigns.domain.app_links import AppService, UnusableAppLink, build_app_link, read_app_link
from campaigns.domain.macros import validate_offer_url


def faults(url: str) -> list[str]:
    link = read_app_link(url)
    return list(link.faults) if link else ["no app link"]


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://app.appsflyer.com/com.casino.app?pid=tracker_int&clickid={click_id}", AppService.APPSFLYER),
        ("https://brand.onelink.me/AbCd?pid=tracker_int&c={campaign}&clickid={click_id}", AppService.ONELINK),
        ("https://app.adjust.com/abc123?label={click_id}", AppService.ADJUST),
        ("https://brand.go.link/slots?adj_t=abc123&adj_label={click_id}", AppService.ADJUST_BRANDED),
        ("https://brand.adj.st/slots?adj_t=abc123&adj_label={click_id}", AppService.ADJUST_BRANDED),
        (
            "https://play.google.com/store/apps/details?id=com.casino.app&referrer=click_id%3D{click_id}",
            AppService.GOOGLE_PLAY,
        ),
        ("https://apps.apple.com/mt/app/casino/id123456789?ct=meta&mt=8", AppService.APP_STORE),
    ],
)
def test_read_app_link_knows_each_service(url: str, service: AppService) -> None:
    link = read_app_link(url)

    assert link is not None
    assert (link.service, link.faults) == (service, ())


@pytest.mark.parametrize(
    "url",
    ["https://casino.example/?cid={click_id}", "https://play.google.com/about", "https://[casino", "https://go.link/"],
)
def test_read_app_link_takes_other_addresses_for_none(url: str) -> None:
    assert read_app_link(url) is None


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://app.appsflyer.com/com.casino.app?clickid={click_id}", "without pid"),
        ("https://brand.onelink.me/AbCd?pid=", "without pid"),
        (f"https://brand.onelink.me/AbCd?pid={'a' * 151}&clickid={{click_id}}", "this one has 151"),
        (
            "https://brand.onelink.me/AbCd?pid=x&af_sub1={click_id}",
            "write clickid={click_id} (it stands in af_sub1 now).",
        ),
        ("https://app.adjust.com/abc123?creative={click_id}", "write label={click_id} (it stands in creative now)."),
        ("https://app.adjust.com/?label={click_id}", "has no token"),
        ("https://brand.go.link/?adj_t=abc&label={click_id}", "write adj_label={click_id}"),
        ("https://app.adjust.com/abc123?label=%7Bclick_id%7D", "write label={click_id}"),
        ("https://app.adjust.com/abc123?label=x{click_id}", "write label={click_id}"),
        ("https://play.google.com/store/apps/details?id=com.casino.app", "referrer=click_id%3D{click_id}"),
        ("https://play.google.com/store/apps/details?referrer=click_id%3D{click_id}", "names no app"),
        (
            "https://play.google.com/store/apps/details?id=a.b&referrer=click_id={click_id}",
            "has to be encoded once more",
        ),
        ("https://apps.apple.com/app/id123456789?ct={click_id}", "Apple takes 40 characters as ct"),
        ("http://app.adjust.com/abc123?label={click_id}", "begin with https://"),
    ],
)
def test_read_app_link_says_what_would_lose_the_click_id(url: str, sentence: str) -> None:
    assert len(faults(url)) >= 1
    assert sentence in " ".join(faults(url))


def test_read_app_link_says_that_apples_links_carry_no_click_id() -> None:
    link = read_app_link("https://apps.apple.com/app/id123456789")

    assert link is not None
    assert link.advice[0].startswith("No store link of Apple carries the click id")


def test_read_app_link_warns_of_callbacks_that_visitors_can_change() -> None:
    link = read_app_link("https://app.adjust.com/abc123?label={click_id}&install_callback=https%3A%2F%2Fx.example")

    assert link is not None
    assert link.advice == (
        "Whoever sees the link can change install_callback: set callbacks up in Adjust's dashboard instead.",
    )


@pytest.mark.parametrize(
    ("service", "app", "more", "url"),
    [
        (
            AppService.APPSFLYER,
            "id123456789",
            {"pid": "tracker_int"},
            "https://app.appsflyer.com/id123456789?pid=tracker_int&c={campaign}&clickid={click_id}",
        ),
        (
            AppService.ONELINK,
            "AbCd",
            {"pid": "tracker int", "host": "Brand.onelink.me"},
            "https://brand.onelink.me/AbCd?pid=tracker%20int&c={campaign}&clickid={click_id}",
        ),
        (
            AppService.ADJUST,
            "abc123",
            {},
            "https://app.adjust.com/abc123?campaign={campaign}&creative={creative}&label={click_id}",
        ),
        (
            AppService.ADJUST_BRANDED,
            "abc123",
            {"host": "brand.go.link"},
            "https://brand.go.link/?adj_t=abc123&adj_campaign={campaign}&adj_label={click_id}",
        ),
        (
            AppService.GOOGLE_PLAY,
            " com.casino.app ",
            {},
            "https://play.google.com/store/apps/details?id=com.casino.app&referrer=click_id%3D{click_id}",
        ),
        (AppService.APP_STORE, "123456789", {}, "https://apps.apple.com/app/id123456789"),
    ],
)
def test_build_app_link_puts_the_click_id_where_the_service_looks(
    service: AppService, app: str, more: dict[str, Any], url: str
) -> None:
    built = build_app_link(service, app, **more)

    assert built == url
    assert faults(built) == []
    validate_offer_url(built)


@pytest.mark.parametrize(
    ("service", "app", "more"),
    [
        (AppService.APPSFLYER, "com.casino.app", {}),
        (AppService.APPSFLYER, "casino", {"pid": "x"}),
        (AppService.ONELINK, "AbCd", {"pid": "x", "host": "evil.example"}),
        (AppService.ONELINK, "AbCd", {"pid": "x", "host": "evil.example/.onelink.me"}),
        (AppService.ADJUST, "abc/../x", {}),
        (AppService.ADJUST_BRANDED, "abc123", {"host": "go.link"}),
        (AppService.GOOGLE_PLAY, "com.casino.app&x=1", {}),
        (AppService.APP_STORE, "com.casino.app", {}),
    ],
)
def test_build_app_link_refuses_what_is_no_app(service: AppService, app: str, more: dict[str, Any]) -> None:
    with pytest.raises(UnusableAppLink):
        build_app_link(service, app, **more)
