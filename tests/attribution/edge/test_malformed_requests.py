"""Ten thousand requests that no browser would make, over real connections: none ends in an error or a blank page."""

import random

from attribution.models import Click
from tests.attribution.edge.raw import RawAnswer, ask_all
from tests.world import make_campaign, make_link, make_offer

OFFER_URL = "https://casino.example/play/{sub_id_2}?cid={click_id}&s={sub_id_1}&k={keyword}"
_AGENT = b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"

# What may stand in a request that keeps to the rules of HTTP; the others break them.
_LEGAL = (
    b"%FF%FE", b"%00", b"%0D%0A", b"%", b"%%", b"%2", b"%zz", b"%7B%7Bad.id%7D%7D", b"%7Bclick_id%7D", b"+", b"=", b"&",
    b"%5CN", b"%5C.", b"%5C", b"%09", b"%ED%A0%80", b"%F4%90%80%80", b"%E2%80%A8", b"%27", b"%22", b"%3Cscript%3E",
    b"%2e%2e/", b"..;/", b"//", b"/", b"?", b";", b",", b"@evil.example", b":", b"~", b"a" * 20_000,
    b"%F0%9F%8E%B0" * 300, b"=&" * 500, b"sub_id_1=" * 50, b"$(id)", b"[::1]", b"*", b"!", b"()",
)  # fmt: skip
_ILLEGAL = (b"\xff\xfe", b"\x00", b"\r", b"\n", b"\r\n", b"\t", b" ", b"\x7f", b"\x80", b"\\", b"<", b">", b"^", b"`")
_NAMES = (
    b"sub_id_1", b"sub_id_2", b"sub2", b"fbclid", b"gclid", b"cost", b"cost_currency", b"keyword", b"placement", b"url",
    b"consent", b"%73ub3", b"%", b"", b"x", b"sub_id_11", b"SUB_ID_1",
)  # fmt: skip
_PATHS = (
    b"/c/spring",
    b"/c/spring",
    b"/c/spring",
    b"/c/paused",
    b"/c/",
    b"/c",
    b"/",
    b"//",
    b"/c/spring/",
    b"/healthz",
)
_HEADERS = (
    b"User-Agent", b"X-Forwarded-For", b"Referer", b"Sec-Purpose", b"Accept-Language", b"Cookie", b"ECT", b"RTT",
    b"Sec-CH-UA-Model", b"Host", b"X-Forwarded-For", b"Content-Type", b"Range", b"If-None-Match", b"Upgrade",
)  # fmt: skip
_VALUES = (
    _AGENT, b"", b"999.999.999.999", b"::ffff:198.51.100.7", b"2001:db8::1", b"[::1]:80", b"198.51.100.7, evil",
    b",,,,", b"127.0.0.1", b"unknown", b"a" * 8_000, b"\xc3\x28", b"\xff\xfe", b"prefetch", b"-1", b"1e999", b"NaN",
    b"bytes=0-", b"https://", b"https://[::1", b"javascript:alert(1)", b"=;=;", b"visitor=\xff", b"zz-ZZ;q=nothing",
    b'"\\"',
)  # fmt: skip
# What is longer is refused with 431 before the edge hears of it.
_LONGEST_TARGET = 65_000
_METHODS = (b"GET", b"GET", b"GET", b"GET", b"HEAD", b"POST", b"OPTIONS", b"PATCH")


def make_routes() -> None:
    offer = make_offer(url=OFFER_URL)
    make_link(code="spring", campaign=make_campaign(offer=offer))
    make_link(code="paused", campaign=make_campaign(offer=offer, status="paused"))


def hostile_request(chance: random.Random) -> bytes:
    """Return a request that HTTP allows and nobody means well with."""
    target = chance.choice(_PATHS) + b"".join(chance.choices(_LEGAL, k=chance.choice((0, 0, 0, 1, 2))))
    headers = [(name, chance.choice(_VALUES)) for name in chance.sample(_HEADERS, chance.randint(0, 6))]
    return _request(chance.choice(_METHODS), (target + b"?" + _query(chance, _LEGAL))[:_LONGEST_TARGET], headers)


def broken_request(chance: random.Random) -> bytes:
    """Return what is no request at all, or one with bytes that none may have."""
    target = b"/c/spring" + chance.choice(_ILLEGAL) + b"?" + _query(chance, _LEGAL + _ILLEGAL)
    return chance.choice(
        (
            _request(b"GET", target, [(b"User-Agent", _AGENT)]),
            _request(b"GET", b"/c/spring", [(b"X-" + chance.choice(_ILLEGAL), b"1")]),
            _request(b"GET", b"/c/spring", [(b"X-Name", b"a" + chance.choice(_ILLEGAL) + b"b")]),
            _request(b"GET", b"/c/spring", [(b"Content-Length", b"-1")]),
            _request(b"GET", b"/c/spring", [(b"Content-Length", b"7"), (b"Content-Length", b"9")]),
            _request(b"G\x00T", b"/c/spring", []),
            _request(b"BREW", b"/c/spring", []),
            _request(b"GET", b"/c/" + b"a" * 70_000, []),
            b"GET /c/spring HTTP/9.9\r\n\r\n",
            b"GET /c/spring\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            chance.randbytes(200) + b"\r\n\r\n",
        )
    )


def _query(chance: random.Random, pieces: tuple[bytes, ...]) -> bytes:
    values = [b"".join(chance.choices(pieces, k=chance.randint(0, 4))) for _ in range(chance.randint(0, 6))]
    return b"&".join(chance.choice(_NAMES) + b"=" + value for value in values)


def _request(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: go.example"]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"Host"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def is_blank(request: bytes, answer: RawAnswer) -> bool:
    """Say whether a visitor who waits for a page got none; a HEAD asks for none."""
    return answer.status != 302 and not answer.body and not request.startswith(b"HEAD ")


def test_every_malformed_request_gets_a_redirect_or_a_page(serve_for_real):
    make_routes()
    edge = serve_for_real()
    chance = random.Random(20261124)
    requests = [hostile_request(chance) for _ in range(9_000)]

    answers = ask_all(edge.port, requests)

    asked = list(zip(requests, answers, strict=True))
    assert {answer.status for answer in answers} == {200, 302, 404, 405}
    assert [request for request, answer in asked if is_blank(request, answer)] == []
    assert {answer.location[:28] for answer in answers if answer.status == 302} == {"https://casino.example/play/"}
    assert Click.objects.filter(outcome="offer").count() == sum(answer.status == 302 for answer in answers) > 1_000
    assert Click.objects.filter(outcome="paused").count() > 100
    assert (edge.health()["status"], edge.health()["lost_clicks"]) == ("ok", 0)


def test_what_is_no_request_is_refused_and_harms_no_other(serve_for_real):
    make_routes()
    edge = serve_for_real()
    chance = random.Random(20261125)

    answers = ask_all(edge.port, [broken_request(chance) for _ in range(1_000)])
    [after] = ask_all(edge.port, [_request(b"GET", b"/c/spring", [(b"User-Agent", _AGENT)])])

    assert {answer.status for answer in answers} <= {0, 200, 302, 400, 404, 414, 431}
    assert all(answer.body for answer in answers if answer.status in (200, 404))
    assert after.status == 302
    assert (edge.health()["status"], edge.health()["lost_clicks"]) == ("ok", 0)
