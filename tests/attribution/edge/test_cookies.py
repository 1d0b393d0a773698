"""Visitors who keep what they drew: a signed cookie, set where consent allows it, worth nothing anywhere else."""

import pytest
from django.conf import settings

from attribution.edge.cookies import Binding, BindingCookies
from attribution.models import Click
from campaigns.models import Campaign, Cap, FlowOffer
from tests.attribution.edge.places import write_places
from tests.attribution.edge.serving import within_two_seconds
from tests.campaigns.builders import make_flow, make_landing_page
from tests.world import make_campaign, make_link, make_offer

KEY = bytes(32)
COOKIES = BindingCookies(KEY, is_secure=False)
BINDING = Binding(1, 2, 3, 1_795_348_800)
MALTESE, GERMAN, BRAZILIAN, NOBODY = "198.51.100.7", "203.0.113.7", "198.18.0.7", "10.0.0.1"


def value_of(header: bytes) -> bytes:
    return header.partition(b"=")[2].partition(b";")[0]


def test_cookie_is_read_as_it_was_written():
    header = COOKIES.write(7, BINDING)

    assert header.startswith(b"t7=1.2.3.1795348800.")
    assert header.endswith(b"; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
    assert COOKIES.read(7, value_of(header)) == BINDING


def test_cookie_is_secure_where_the_edge_is():
    assert BindingCookies(KEY, is_secure=True).write(7, BINDING).endswith(b"; SameSite=Lax; Secure")


def test_cookie_of_another_campaign_or_key_says_nothing():
    value = value_of(COOKIES.write(7, BINDING))

    assert COOKIES.read(8, value) is None
    assert BindingCookies(bytes(31) + b"\x01", is_secure=False).read(7, value) is None


@pytest.mark.parametrize("position", [0, 2, 4, 6, 15, 17, 32])
def test_cookie_that_was_changed_says_nothing(position):
    value = bytearray(value_of(COOKIES.write(7, BINDING)))
    value[position] = ord("4") if value[position] != ord("4") else ord("5")

    assert COOKIES.read(7, bytes(value)) is None


@pytest.mark.parametrize("value", [None, b"", b"x", b"\xff\xfe", b"1.2.3.4." + "é".encode() * 8])
def test_cookie_that_is_none_of_ours_says_nothing(value):
    assert COOKIES.read(7, value) is None


@pytest.fixture
def split(transactional_db):
    """A campaign with the link `spring` that splits evenly over two offers."""
    campaign = make_campaign(offer=None, status="paused")
    offers = [make_offer(name="One", url="https://one.example/"), make_offer(name="Two", url="https://two.example/")]
    make_flow(campaign, offers=offers)
    Campaign.objects.update(status="active")
    make_link(code="spring", campaign=campaign)
    return campaign


@pytest.fixture
def edge(split, serve, tmp_path):
    write_places(tmp_path)
    return serve()


def click(edge, query="", address=BRAZILIAN, **headers):
    return edge.get(f"/c/spring{query}", x_forwarded_for=address, **headers)


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0]


def test_cookie_is_set_where_consent_allows_it(edge):
    granted = [click(edge, "?consent=1", MALTESE), click(edge, "?consent=1", NOBODY)]
    refused = [click(edge, "?consent=0", BRAZILIAN), click(edge, "?consent=0", MALTESE)]
    silent = [click(edge, "", address) for address in (BRAZILIAN, MALTESE, GERMAN, NOBODY)]
    unclear = [click(edge, "?consent=perhaps", GERMAN)]

    is_set = [["set-cookie" in answer.headers for answer in group] for group in (granted, refused, silent, unclear)]
    assert is_set == [[True, True], [False, False], [True, False, False, False], [False]]


def test_visitor_keeps_his_offer_also_when_weights_change(edge, split):
    first = click(edge)
    cookie = cookie_of(first)

    assert {click(edge, cookie=cookie).location for _ in range(12)} == {first.location}

    FlowOffer.objects.filter(offer__url=first.location).update(weight=0)
    assert within_two_seconds(lambda: all(click(edge).location != first.location for _ in range(12)))
    assert {click(edge, cookie=cookie).location for _ in range(6)} == {first.location}


def test_cookie_of_another_campaign_binds_nobody_here(edge, split):
    first = click(edge)
    name, value = cookie_of(first).split("=")
    others = {click(edge, cookie=f"{name}1={value}; {name}={value[:-1]}x").location for _ in range(24)}

    assert len(others) == 2


def test_visitor_who_refuses_is_not_known_by_his_cookie_and_loses_it(edge, split):
    first = click(edge)
    cookie = cookie_of(first)

    answers = [click(edge, "?consent=0", cookie=cookie) for _ in range(24)]

    assert len({answer.location for answer in answers}) == 2
    assert {answer.headers["set-cookie"] for answer in answers} == {
        f"t{split.pk}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    }


def test_campaign_that_draws_nothing_sets_no_cookie(serve, tmp_path):
    write_places(tmp_path)
    make_link(code="spring")

    assert "set-cookie" not in click(serve()).headers


def test_cookie_is_secure_behind_https(split, serve, tmp_path):
    write_places(tmp_path)

    assert click(serve(is_https=True)).headers["set-cookie"].endswith("; Secure")


def test_visitor_keeps_his_offer_while_he_is_turned_away(edge, split):
    first = click(edge)
    cookie = cookie_of(first)

    cap = Cap.objects.create(campaign=split, event="click", period="total", limit=0)
    assert within_two_seconds(lambda: click(edge, cookie=cookie).status == 200)
    cap.delete()
    assert within_two_seconds(lambda: click(edge, cookie=cookie).status == 302)

    assert {click(edge, cookie=cookie).location for _ in range(6)} == {first.location}


def by_cookie(**columns):
    """Make a campaign that knows its visitors by cookie, with the link `spring`."""
    campaign = make_campaign(uniqueness="cookie", **columns)
    make_link(code="spring", campaign=campaign)
    return campaign


def uniqueness():
    return list(Click.objects.order_by("id").values_list("is_unique", flat=True))


def test_visitor_is_known_by_his_cookie_wherever_he_comes_from(serve, tmp_path):
    write_places(tmp_path)
    by_cookie()
    edge = serve()

    cookie = cookie_of(click(edge))
    click(edge, address="198.18.0.77", cookie=cookie)
    click(edge, address="198.18.0.78")

    assert uniqueness() == [True, False, True]


def test_prefetch_and_bots_get_no_cookie_so_that_the_click_after_is_the_first(serve, tmp_path):
    write_places(tmp_path)
    by_cookie()
    edge = serve()

    ahead = [click(edge, sec_purpose="prefetch"), click(edge, user_agent="curl/8.5.0")]
    click(edge)

    assert ["set-cookie" in answer.headers for answer in ahead] == [False, False]
    assert uniqueness() == [None, None, True]


def test_visitor_of_a_capped_campaign_keeps_what_he_drew(serve, tmp_path):
    write_places(tmp_path)
    campaign = by_cookie(fallback_url="https://fallback.example/")
    offers = [make_offer(url="https://one.example/"), make_offer(url="https://two.example/")]
    make_flow(campaign, offers=offers, pages=[make_landing_page()])
    edge = serve()
    first = read(campaign, click(edge))

    cap = Cap.objects.create(campaign=campaign, event="click", period="total", limit=0)
    assert within_two_seconds(lambda: click(edge).location == "https://fallback.example/")
    capped = read(campaign, click(edge, cookie=write(campaign, first)))
    cap.delete()

    assert capped[:3] == first[:3]
    assert capped.seen_at >= first.seen_at


def read(campaign, answer):
    value = cookie_of(answer).partition("=")[2].encode()
    return BindingCookies(settings.CLICK_ID_KEYS[0], is_secure=False).read(campaign.pk, value)


def write(campaign, binding):
    header = BindingCookies(settings.CLICK_ID_KEYS[0], is_secure=False).write(campaign.pk, binding)
    return header.decode().partition(";")[0]
