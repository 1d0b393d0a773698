"""Offer addresses: macros are filled in, and nothing but the offer says where a visitor goes."""

from urllib.parse import unquote, urlsplit

import pytest
from django.core.exceptions import ValidationError

from attribution.edge.macros import FACTS, compile_address
from tests.attribution.edge.redirects import HOSTILE

CONSTANTS = {
    "campaign_id": "7",
    "campaign": "Spring & Summer",
    "creative_id": "",
    "creative": "",
    "offer_id": "3",
    "partner_tag": "lotus",
    "source": "Meta Ads",
}


def fill(template, **facts):
    return compile_address(template, CONSTANTS).fill([facts.get(name) for name in FACTS])


def test_fill_encodes_for_the_place():
    location = fill(
        "https://casino.example/{country}/{sub_id_1}?s={sub_id_1}&k={keyword}#{os}",
        country="MT",
        sub_id_1="a b/c?d&e=f#g%+é",
        keyword="",
        os="Mac OS X",
    )

    assert location == (
        "https://casino.example/MT/a%20b%2Fc%3Fd%26e%3Df%23g%25%2B%C3%A9"
        "?s=a%20b%2Fc%3Fd%26e%3Df%23g%25%2B%C3%A9&k=#Mac%20OS%20X"
    )


def test_fill_puts_in_what_stands_in_the_snapshot_and_what_the_click_brings():
    template = "https://casino.example/?c={campaign}&n={campaign_id}&p={partner_tag}&s={source}&id={click_id}{creative}"

    location = fill(template, click_id="0" * 48)

    assert location == ("https://casino.example/?c=Spring%20%26%20Summer&n=7&p=lotus&s=Meta%20Ads&id=" + "0" * 48)


def test_fill_keeps_unreserved_characters_as_they_are():
    assert fill("https://casino.example/?s={sub_id_2}", sub_id_2="AZaz09-._~") == (
        "https://casino.example/?s=AZaz09-._~"
    )


def test_fill_never_steps_up_in_a_path():
    template = "https://casino.example/land/{sub_id_1}/{sub_id_2}?q={sub_id_1}"

    assert fill(template, sub_id_1="..", sub_id_2=".") == "https://casino.example/land//?q=.."


def test_compile_address_writes_hosts_and_paths_in_ascii():
    assert fill("https://casinó.example:8443/glück?s={sub_id_1}") == (
        "https://xn--casin-4ta.example:8443/gl%C3%BCck?s="
    )


def test_compile_address_keeps_an_address_without_macros():
    assert fill("https://casino.example") == "https://casino.example"


@pytest.mark.parametrize(
    "template",
    [
        "https://{sub_id_1}/",
        "{sub_id_1}",
        "javascript:alert(1)",
        "https://casino.example/?x={nope}",
        "https://casino.example{sub_id_1}/",
        "https://me@casino.example/",
        "//casino.example/",
    ],
)
def test_compile_address_refuses_what_the_admin_refuses(template):
    with pytest.raises(ValidationError):
        compile_address(template, CONSTANTS)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_fill_never_lets_a_visitor_choose_the_host(hostile):
    template = "https://casino.example/{sub_id_1}{keyword}?s={sub_id_1}#{sub_id_1}"

    location = fill(template, sub_id_1=hostile, keyword=hostile)

    assert urlsplit(location).netloc == "casino.example"
    assert location.startswith("https://casino.example/")
    assert location.isascii()
    assert location.isprintable()
    assert unquote(urlsplit(location).query) == f"s={hostile}"


def test_hostile_strings_are_three_hundred():
    assert len(set(HOSTILE)) >= 300
