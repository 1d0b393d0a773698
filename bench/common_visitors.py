"""Visitors for a load: browsers by Zipf's law, addresses, and a geography that knows them."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from mmdb_writer import MMDBWriter
from netaddr import IPSet

USER_AGENTS = 2_000
NEVER_SEEN = 0.05
COUNTRIES = ("MT", "FI", "DE", "BR")
_LANGUAGES = ("de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN")
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class _Browser(NamedTuple):
    """A kind of browser: its user agent as a template, and the headers that it sends beside what all send."""

    user_agent: str
    headers: str


_PHONE = _Browser(
    "Mozilla/5.0 (Linux; Android {major}; SM-{letter}{number}B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{version}.0.{build}.{patch} Mobile Safari/537.36",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r\n'
    'sec-ch-ua-mobile: ?1\r\nsec-ch-ua-platform: "Android"\r\n',
)
_IN_APP = _Browser(
    "Mozilla/5.0 (iPhone; CPU iPhone OS {os}_{minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/{number}E{build} [FBAN/FBIOS;FBAV/{number}.0.0.{build};FBBV/{build}]",
    "",
)
_DESKTOP = _Browser(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{version}.0.{build}.{patch} Safari/537.36",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r\n'
    'sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Windows"\r\n',
)


def _some_browser(chance: random.Random) -> _Browser:
    browser = chance.choice((_PHONE, _PHONE, _IN_APP, _DESKTOP))
    user_agent = browser.user_agent.format(
        major=chance.randint(9, 16),
        letter=chance.choice("AGSN"),
        number=chance.randint(100, 999),
        version=chance.randint(90, 140),
        build=chance.randint(1000, 9999),
        patch=chance.randint(0, 250),
        os=chance.randint(15, 26),
        minor=chance.randint(0, 6),
    )
    return browser._replace(user_agent=user_agent)


def click_requests(codes: Sequence[str], *, seed: int) -> Iterator[bytes]:
    """Yield requests for ever: hardly an address twice, every twentieth user agent never seen before."""
    chance = random.Random(seed)
    known = [_some_browser(chance) for _ in range(USER_AGENTS)]
    weights = list(accumulate(1 / rank for rank in range(1, USER_AGENTS + 1)))
    while True:
        for browser in chance.choices(known, cum_weights=weights, k=1_000):
            if chance.random() < NEVER_SEEN:
                new = _some_browser(chance)
                browser = new._replace(user_agent=f"{new.user_agent} {chance.getrandbits(40):x}")
            yield _click_request(codes, browser, chance.getrandbits(64))


def _click_request(codes: Sequence[str], browser: _Browser, number: int) -> bytes:
    address = f"{1 + number % 223}.{number >> 8 & 255}.{number >> 16 & 255}.{number >> 24 & 255}"
    return (
        f"GET /c/{codes[number % len(codes)]}?fbclid=IwAR0{number:x}_aem_{number:x}&sub_id_1=adset{number & 15}"
        f"&sub_id_2=ad-{number & 255}&sub_id_3=Feed&cost=0.{number & 63:02}&keyword=free%20spins HTTP/1.1\r\n"
        f"Host: go.example\r\n{browser.headers}Upgrade-Insecure-Requests: 1\r\nUser-Agent: {browser.user_agent}\r\n"
        f"Accept: {_ACCEPT}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
        f"Referer: https://l.facebook.com/\r\nAccept-Encoding: gzip, deflate, br\r\n"
        f"Accept-Language: en-GB,en;q=0.9\r\nX-Forwarded-For: {address}\r\n\r\n"
    ).encode()


def write_geography(path: Path) -> None:
    """Write a database in which every address has a place, in the layout of GeoLite2 City, names in 8 languages."""
    _write(path, "GeoLite2-City", _place)


def write_networks(path: Path) -> None:
    """Write a database in which every address has a provider, in the layout of GeoLite2 ASN."""
    _write(path, "GeoLite2-ASN", _network)


def _write(path: Path, database_type: str, record: Callable[[int], dict[str, object]]) -> None:
    """Write 228,352 networks of 3,568 records, so that an address is searched for as long as in a whole database."""
    writer = MMDBWriter(ip_version=4, database_type=database_type, int_type="u32")
    records = [record(number) for number in range(16, 224 * 16)]
    for number in range(16 * 64, 224 * 16 * 64):
        network = f"{number >> 10}.{number >> 2 & 255}.{(number & 3) << 6}.0/18"
        writer.insert_network(IPSet([network]), records[number % len(records)])
    writer.to_db_file(str(path))


def _place(number: int) -> dict[str, object]:
    code = COUNTRIES[number % len(COUNTRIES)]
    country = {"geoname_id": number % len(COUNTRIES), "iso_code": code, "names": _names(f"Country {code}")}
    region = f"R{number % 20}"
    return {
        "city": {"geoname_id": number, "names": _names(f"City {number}")},
        "continent": {"code": "EU", "geoname_id": 6_255_148, "names": _names("Europe")},
        "country": country,
        "location": {
            "accuracy_radius": 20,
            "latitude": 35.0 + number % 100 / 100,
            "longitude": 14.0 + number % 70 / 100,
            "time_zone": "Europe/Malta",
        },
        "postal": {"code": f"{number:05}"},
        "registered_country": country,
        "subdivisions": [{"geoname_id": number % 20, "iso_code": region, "names": _names(f"Region {region}")}],
    }


def _names(name: str) -> dict[str, str]:
    return {language: name if language == "en" else f"{name} ({language})" for language in _LANGUAGES}


def _network(number: int) -> dict[str, object]:
    return {
        "autonomous_system_number": 64_500 + number % 1_000,
        "autonomous_system_organization": f"Provider {number % 1_000}",
    }
