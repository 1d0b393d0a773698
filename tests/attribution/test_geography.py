"""What databases of all layouts say, read into one form."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attribution.geography import (
    NO_NETWORK,
    NOWHERE,
    Layout,
    Network,
    Place,
    UnusableDatabase,
    describe,
    read_network,
    read_place,
    region_code,
    sample,
)
from tests.attribution.databases import write_database

MAXMIND_RECORD = {
    "city": {"geoname_id": 5099836, "names": {"de": "Jersey Stadt", "en": "Jersey City"}},
    "continent": {"code": "NA", "names": {"en": "North America"}},
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "subdivisions": [{"geoname_id": 5101760, "iso_code": "NJ", "names": {"en": "New Jersey"}}],
}
DB_IP_RECORD = {
    "city": {"names": {"en": "Leipzig"}},
    "country": {"geoname_id": 2921044, "is_in_european_union": True, "iso_code": "DE", "names": {"en": "Germany"}},
    "location": {"latitude": 51.3397, "longitude": 12.3731},
    "subdivisions": [{"names": {"en": "Saxony"}}],
}
FLAT_RECORD = {
    "city": "Mountain View",
    "country_code": "US",
    "latitude": 37.422,
    "longitude": -122.085,
    "postcode": "",
    "state1": "California",
    "state2": "",
    "timezone": "",
}


def test_read_place_reads_maxminds_layout() -> None:
    assert read_place(MAXMIND_RECORD) == Place("US", "NJ", "Jersey City")


def test_read_place_takes_the_largest_of_several_regions() -> None:
    record = {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "OXF"}]}

    assert read_place(record) == Place("GB", "ENG", None)


def test_read_place_finds_the_code_of_a_region_that_db_ip_names() -> None:
    assert read_place(DB_IP_RECORD) == Place("DE", "SN", "Leipzig")


def test_read_place_reads_the_flat_layout() -> None:
    assert read_place(FLAT_RECORD) == Place("US", "CA", "Mountain View")


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({}, NOWHERE),
        ({"country": {}}, NOWHERE),
        ({"country": {"iso_code": None}}, NOWHERE),
        ({"country": {"iso_code": "EUROPE"}}, NOWHERE),
        ({"country": "US"}, NOWHERE),
        ({"country_code": ""}, NOWHERE),
        ({"country_code": "ZZ", "city": "Nowhere"}, NOWHERE),
        ({"country_code": "MT", "state1": "", "city": ""}, Place("MT", None, None)),
        ({"country": {"iso_code": "MT"}, "subdivisions": [], "city": {}}, Place("MT", None, None)),
        ({"country": {"iso_code": "MT"}, "subdivisions": {}, "city": "Valletta"}, Place("MT", None, None)),
        ({"country": {"iso_code": "MT"}, "subdivisions": [{"iso_code": 60}], "city": None}, Place("MT", None, None)),
        ({"country": {"iso_code": "MT"}, "city": {"names": {"de": "Valletta"}}}, Place("MT", None, None)),
    ],
)
def test_read_place_leaves_out_what_a_record_does_not_say(record: dict[str, Any], place: Place) -> None:
    assert read_place(record) == place


@pytest.mark.parametrize(
    ("country", "name", "code"),
    [
        ("US", "New Jersey", "NJ"),
        ("US", "District of Columbia", "DC"),
        ("CA", "Québec", "QC"),
        ("DE", "State of Berlin", "BE"),
        ("ES", "Castille and Leon", "CL"),
        ("AR", "Buenos Aires", "B"),
        ("AR", "Buenos Aires F.D.", "C"),
        ("RU", "Moscow", "MOW"),
        ("RU", "Moscow Oblast", "MOS"),
        ("UA", "Kyiv Oblast", "32"),
        ("US", "Ontario", None),
        ("US", "", None),
    ],
)
def test_region_code_knows_regions_by_their_english_names(country: str, name: str, code: str | None) -> None:
    assert region_code(country, name) == code


@pytest.mark.parametrize(
    ("record", "network"),
    [
        (
            {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Mobile"},
            Network("Example Mobile", 64500, None),
        ),
        (
            {
                "autonomous_system_number": 64500,
                "autonomous_system_organization": "Example AS",
                "isp": "Example Broadband",
                "organization": "A customer",
            },
            Network("Example Broadband", 64500, None),
        ),
        ({"connection_type": "Cable/DSL"}, Network(None, None, "Cable/DSL")),
        ({"traits": {"connection_type": "cellular", "isp": "Example"}}, Network("Example", None, "Cellular")),
        ({"autonomous_system_number": "64500"}, Network(None, 64500, None)),
        ({"autonomous_system_number": "AS64500", "connection_type": 4, "isp": 7}, NO_NETWORK),
        (MAXMIND_RECORD, NO_NETWORK),
    ],
)
def test_read_network_reads_every_layout(record: dict[str, Any], network: Network) -> None:
    assert read_network(record) == network


@pytest.mark.parametrize(
    ("named", "layout", "days", "names_db_ip"),
    [
        ("GeoLite2-City", Layout.MAXMIND, 30, False),
        ("GeoIP2-ISP", Layout.MAXMIND, 30, False),
        ("DBIP-City-Lite", Layout.DB_IP, 45, True),
        ("city ipv4", Layout.FLAT, 45, True),
        ("Tracker-Demo-City", Layout.OTHER, 45, False),
    ],
)
def test_describe_knows_the_layout_and_how_long_it_is_fresh(
    tmp_path: Path, named: str, layout: Layout, days: int, names_db_ip: bool
) -> None:
    path = write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": MAXMIND_RECORD}, named=named)

    description = describe(path)

    assert (description.type, description.layout, description.ip_version) == (named, layout, 6)
    assert description.names_db_ip is names_db_ip
    assert not description.is_old(at=description.built_at + timedelta(days=days))
    assert description.is_old(at=description.built_at + timedelta(days=days, seconds=1))
    assert description.built_on == datetime.now(UTC).date()


def test_describe_refuses_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    path.write_bytes(b"<html>Sign in first</html>")

    with pytest.raises(UnusableDatabase, match="cannot be read"):
        describe(path)


def test_describe_says_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        describe(tmp_path / "geo.mmdb")


def test_sample_reads_a_small_database(tmp_path: Path) -> None:
    path = write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": MAXMIND_RECORD})

    assert sample(path) == [(Place("US", "NJ", "Jersey City"), NO_NETWORK)]


def test_sample_leaves_out_records_that_say_nothing_known(tmp_path: Path) -> None:
    path = write_database(tmp_path / "geo.mmdb", {"192.0.2.0/24": {"owner": "somebody"}})

    assert sample(path) == []
