"""Visitors for a load: user agents by Zipf's law, addresses, and a geography that knows them."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

USER_AGENTS = 2_000
NEVER_SEEN = 0.05
_PHONE = (
    "Mozilla/5.0 (Linux; Android {major}; SM-{letter}{number}B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{version}.0.{build}.{patch} Mobile Safari/537.36"
)
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {version}_{patch} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/{number}E{build} [FBAN/FBIOS;FBAV/{number}.0.0.{build};FBBV/{build}]"
)
_DESKTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{version}.0.{build}.{patch} Safari/537.36"
)


def _user_agent(chance: random.Random) -> str:
    return chance.choice((_PHONE, _PHONE, _IPHONE, _DESKTOP)).format(
        major=chance.randint(9, 16),
        letter=chance.choice("AGSN"),
        number=chance.randint(100, 999),
        version=chance.randint(90, 140),
        build=chance.randint(1000, 9999),
        patch=chance.randint(0, 250),
    )


def click_requests(codes: Sequence[str], *, seed: int) -> Iterator[bytes]:
    """Yield requests for ever: no address twice in a row, every twentieth user agent never seen before."""
    chance = random.Random(seed)
    known = [_user_agent(chance) for _ in range(USER_AGENTS)]
    weights = list(accumulate(1 / rank for rank in range(1, USER_AGENTS + 1)))
    while True:
        for user_agent in chance.choices(known, cum_weights=weights, k=1_000):
            seen = user_agent if chance.random() > NEVER_SEEN else f"{_user_agent(chance)} {chance.getrandbits(40):x}"
            number = chance.getrandbits(64)
            address = f"{1 + number % 223}.{number >> 8 & 255}.{number >> 16 & 255}.{number >> 24 & 255}"
            yield (
                f"GET /c/{codes[number % len(codes)]}?fbclid=IwAR0{number:x}_aem_{number:x}&sub_id_1=adset{number & 15}"
                f"&sub_id_2=ad-{number & 255}&sub_id_3=Feed&cost=0.{number & 63:02}&keyword=free%20spins HTTP/1.1\r\n"
                f"Host: go.example\r\nUser-Agent: {seen}\r\nX-Forwarded-For: {address}\r\n"
                "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                "Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
                "Referer: https://l.facebook.com/\r\nSec-Fetch-Mode: navigate\r\n\r\n"
            ).encode()


def write_geography(path: Path) -> None:
    """Write a database in which every address has a place, 3,568 networks in all: lookups cost what real ones do."""
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    for number in range(16, 224 * 16):
        place = {
            "country": {"iso_code": ("MT", "FI", "DE", "BR")[number % 4], "names": {"en": f"Country {number % 4}"}},
            "subdivisions": [{"iso_code": f"R{number % 20}", "names": {"en": f"Region {number % 20}"}}],
            "city": {"names": {"en": f"City {number % 500}", "de": f"Stadt {number % 500}"}},
            "location": {"latitude": 35.9, "longitude": 14.5, "time_zone": "Europe/Malta"},
        }
        writer.insert_network(IPSet([f"{number >> 4}.{(number & 15) << 4}.0.0/12"]), place)
    writer.to_db_file(str(path))
