"""What a record of a geography database says: three layouts, read into a place and a network.

MaxMind's layout and DB-IP's are nested, that of the @ip-location-db files is flat. DB-IP and the flat files name
regions in English and without a code: regions.tsv has the codes. Edges import this module: it knows no Django.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

Record = Mapping[str, Any]
_REGIONS = Path(__file__).with_name("regions.tsv")
# Words that one database writes with a region's name and another does not.
_GENERIC = frozenset(
    "and autonomous canton city community county department district emirate federal free governorate hanseatic krai "
    "kray land metropolitan municipality oblast of prefecture province region republic state territory the "
    "voivodeship".split()
)
_FIRST_RECORDS = 100
_WORD = re.compile(r"[a-z0-9]+")
# What DB-IP calls the connections that MaxMind calls otherwise; filters of flows use MaxMind's words.
_CONNECTIONS = {
    "cable": "Cable/DSL",
    "cable/dsl": "Cable/DSL",
    "dsl": "Cable/DSL",
    "fiber": "Cable/DSL",
    "cellular": "Cellular",
    "mobile": "Cellular",
    "wireless": "Cellular",
    "corporate": "Corporate",
    "dialup": "Dialup",
    "satellite": "Satellite",
}


class Place(NamedTuple):
    """Country by ISO 3166-1, region by the end of its ISO 3166-2 code, city in English; None where unknown."""

    country: str | None
    region: str | None
    city: str | None


class Network(NamedTuple):
    """Who runs an address: provider, AS number, and the connection in MaxMind's words; None where unknown."""

    isp: str | None
    asn: int | None
    connection: str | None


NOWHERE = Place(None, None, None)
NO_NETWORK = Network(None, None, None)


class Layout(StrEnum):
    """How a database lays its records out, and whose it is."""

    MAXMIND = "MaxMind"
    DB_IP = "DB-IP"
    FLAT = "@ip-location-db"
    OTHER = "other, nested"


class UnusableDatabase(Exception):
    """The file is no mmdb, is damaged, or answers nothing that we can read; its text says which."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A database: the type that it names, its layout, when it was built; 4 where it knows no IPv6 address."""

    type: str
    layout: Layout
    built_at: datetime
    ip_version: int

    @property
    def built_on(self) -> date:
        return self.built_at.date()

    @property
    def names_db_ip(self) -> bool:
        """Say whether pages must link to DB-IP.com: its free databases are CC-BY, and a flat one may be its."""
        return self.layout in (Layout.DB_IP, Layout.FLAT)

    @property
    def fresh_for(self) -> timedelta:
        """Return how old it may be: MaxMind updates twice a week, DB-IP once a month."""
        return timedelta(days=30 if self.layout is Layout.MAXMIND else 45)

    def age(self, *, at: datetime) -> timedelta:
        return at - self.built_at

    def is_old(self, *, at: datetime) -> bool:
        return self.age(at=at) > self.fresh_for


def read_place(record: Record) -> Place:
    """Return the place that a record names, in whichever layout; what it leaves out is None."""
    country = record.get("country")
    if type(country) is not dict:
        return _read_flat_place(record)
    code = country.get("iso_code")
    if type(code) is not str or len(code) != 2:
        return NOWHERE
    region = None
    subdivisions = record.get("subdivisions")
    if type(subdivisions) is list and subdivisions and type(subdivisions[0]) is dict:
        region = subdivisions[0].get("iso_code")
        if region is None:
            region = region_code(code, _english(subdivisions[0]))
        elif type(region) is not str:
            region = None
    city = record.get("city")
    return Place(code, region or None, _english(city) if type(city) is dict else None)


def read_network(record: Record) -> Network:
    """Return who runs the address of a record: of an ASN, an ISP or a connection-type database, or a whole one."""
    facts = record.get("traits")
    if type(facts) is not dict:
        facts = record
    asn = facts.get("autonomous_system_number")
    if type(asn) is not int:
        asn = int(asn) if type(asn) is str and asn.isdecimal() else None
    isp = facts.get("isp") or facts.get("autonomous_system_organization") or facts.get("organization")
    connection = facts.get("connection_type")
    return Network(
        isp if type(isp) is str else None,
        asn,
        (_CONNECTIONS.get(connection.lower(), connection) or None) if type(connection) is str else None,
    )


@lru_cache(maxsize=16_384)
def region_code(country: str, name: str | None) -> str | None:
    """Return the end of the ISO 3166-2 code of a region that a database names in English, None for an unknown one."""
    if not name:
        return None
    plain = _plain(name)
    return _codes_of_names().get((country, plain)) or _codes_of_bare_names().get((country, _bare(plain)))


def describe(path: Path) -> Description:
    """Return what a database says of itself. Raises `FileNotFoundError` and `UnusableDatabase`."""
    with _opened(path) as reader:
        facts = reader.metadata()
        return Description(
            type=facts.database_type,
            layout=_layout(facts.database_type),
            built_at=datetime.fromtimestamp(facts.build_epoch, UTC),
            ip_version=facts.ip_version,
        )


def sample(path: Path) -> list[tuple[Place, Network]]:
    """Return what some hundred records, first ones and ones spread over the database, say that we can use.

    Raises `FileNotFoundError` and `UnusableDatabase`.
    """
    with _opened(path) as reader:
        records = [record for _, record in islice(reader, _FIRST_RECORDS)]
        records += [reader.get(address) for address in _spread_addresses(reader.metadata().ip_version)]
        read = [(read_place(record), read_network(record)) for record in records if isinstance(record, dict)]
    return [(place, network) for place, network in read if place is not NOWHERE or network != NO_NETWORK]


@contextmanager
def _opened(path: Path) -> Iterator[maxminddb.Reader]:
    try:
        with maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT) as reader:
            yield reader
    except FileNotFoundError:
        raise
    except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
        raise UnusableDatabase("It cannot be read as an mmdb database.") from error


def _spread_addresses(ip_version: int) -> Iterator[IPv4Address | IPv6Address]:
    for first in range(1, 224):
        yield IPv4Address(f"{first}.{(first * 37) % 256}.{(first * 101) % 256}.1")
    for second in range(0, 0x1000 if ip_version == 6 else 0, 0x10):
        yield IPv6Address((0x2000 + second << 112) + (0x0100 << 96) + 1)


def _layout(database_type: str) -> Layout:
    if database_type.startswith(("GeoLite2", "GeoIP")):
        return Layout.MAXMIND
    if database_type.startswith(("DBIP", "DB-IP")):
        return Layout.DB_IP
    return Layout.FLAT if database_type.endswith((" ipv4", " ipv6")) else Layout.OTHER


def _read_flat_place(record: Record) -> Place:
    code = record.get("country_code")
    if type(code) is not str or len(code) != 2 or code == "ZZ":
        return NOWHERE
    region, city = record.get("state1"), record.get("city")
    return Place(
        code,
        region_code(code, region) if type(region) is str else None,
        city if type(city) is str and city else None,
    )


def _english(named: Record) -> str | None:
    names = named.get("names")
    name = names.get("en") if type(names) is dict else None
    return name if type(name) is str and name else None


@cache
def _codes_of_names() -> dict[tuple[str, str], str]:
    codes = {}
    for line in _REGIONS.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, code, names = line.split("\t")
            codes.update({(country, name): code for name in names.split("|")})
    return codes


@cache
def _codes_of_bare_names() -> dict[tuple[str, str], str]:
    """Return regions by their names without generic words, where that leaves one region and not two."""
    found: dict[tuple[str, str], set[str]] = {}
    for (country, name), code in _codes_of_names().items():
        found.setdefault((country, _bare(name)), set()).add(code)
    return {key: codes.pop() for key, codes in found.items() if len(codes) == 1}


def _plain(name: str) -> str:
    """Return a name in small letters without accents, apostrophes and signs, as regions.tsv has it."""
    decomposed = unicodedata.normalize("NFKD", name.replace("'", "").replace("\u2019", "")).casefold()
    return " ".join(_WORD.findall("".join(letter for letter in decomposed if not unicodedata.combining(letter))))


def _bare(plain: str) -> str:
    return " ".join(word for word in plain.split() if word not in _GENERIC) or plain
