"""Where addresses are and who runs them, by up to three databases."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from attribution.edge.geography import NOWHERE, UNKNOWN_NETWORK, Geography
from tests.attribution.databases import EXAMPLE_MOBILE, JERSEY_CITY, write_database

VALLETTA = {"city": {"names": {"en": "Valletta"}}, "country": {"iso_code": "MT"}}
HERE, THERE = ip_address("198.51.100.7").packed, ip_address("203.0.113.9").packed


def opened(folder: Path, **databases: dict[str, dict[str, Any]]) -> Geography:
    """Write the databases that are named `places`, `networks` and `connections`, and open them."""
    paths = {name: write_database(folder / f"{name}.mmdb", records) for name, records in databases.items()}
    geography = Geography(
        paths.get("places", folder / "none.mmdb"),
        networks=paths.get("networks"),
        connections=paths.get("connections"),
        copies=folder / "copies",
    )
    geography.refresh()
    return geography


def test_find_names_the_place_again_and_again(tmp_path: Path) -> None:
    geography = opened(tmp_path, places={"198.51.100.0/24": JERSEY_CITY, "203.0.113.0/25": VALLETTA})

    for _ in range(2):
        assert geography.find(HERE)[0][:3] == ("US", "NJ", "Jersey City")
        assert geography.find(THERE)[0][:3] == ("MT", None, "Valletta")
        assert geography.find(ip_address("203.0.113.200").packed) == (NOWHERE, UNKNOWN_NETWORK)


def test_find_joins_what_two_databases_know_of_a_network(tmp_path: Path) -> None:
    geography = opened(
        tmp_path,
        networks={"198.51.100.0/24": EXAMPLE_MOBILE},
        connections={"198.51.100.0/24": {"connection_type": "Cellular"}, "203.0.113.0/24": {"isp": "Example Cable"}},
    )

    assert geography.find(HERE)[1][:3] == ("Example Mobile", 64500, "Cellular")
    assert geography.find(THERE)[1][:3] == ("Example Cable", None, None)


def test_find_takes_the_network_from_the_places_where_there_is_no_other_database(tmp_path: Path) -> None:
    record = JERSEY_CITY | {"traits": {"isp": "Example Cable", "connection_type": "Cable/DSL"}}
    places = {"198.51.100.0/24": record}

    assert opened(tmp_path, places=places).find(HERE)[1][:3] == ("Example Cable", None, "Cable/DSL")
    assert opened(tmp_path, places=places, networks={}).find(HERE)[1] == UNKNOWN_NETWORK


def test_refresh_forgets_what_the_last_file_said(tmp_path: Path) -> None:
    geography = opened(tmp_path, places={"198.51.100.0/24": JERSEY_CITY})
    geography.find(HERE)
    write_database(tmp_path / "new.mmdb", {"198.51.100.0/24": VALLETTA}).replace(tmp_path / "places.mmdb")

    geography.refresh()

    assert geography.find(HERE)[0].city == "Valletta"


@pytest.mark.parametrize("cut", [0, 10, 0.5, 0.9])
def test_refresh_keeps_the_last_database_when_a_damaged_one_comes(tmp_path: Path, cut: float) -> None:
    geography = opened(tmp_path, places={"198.51.100.0/24": JERSEY_CITY})
    path = tmp_path / "places.mmdb"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut if cut >= 1 else cut * len(whole))])

    geography.refresh()

    assert geography.find(HERE)[0].city == "Jersey City"
    assert not list((tmp_path / "copies").iterdir())


def test_a_damaged_record_is_nowhere(tmp_path: Path) -> None:
    geography = opened(tmp_path, places={"198.51.100.0/24": JERSEY_CITY, "203.0.113.0/24": VALLETTA})
    path = tmp_path / "places.mmdb"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"Jersey City", b"\xff" * 11))

    geography.refresh()

    assert geography.find(HERE) == (NOWHERE, UNKNOWN_NETWORK)
    assert geography.find(THERE)[0].city == "Valletta"
