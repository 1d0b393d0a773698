"""A small geography database for the address ranges that are kept for documentation."""

import os
import tempfile
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

# What a visitor's network is by country; each is halved between two of its cities below.
VISITOR_NETWORKS = {
    "MT": "198.51.100.0/25",
    "FI": "198.51.100.128/25",
    "DE": "203.0.113.0/25",
    "BR": "203.0.113.128/25",
    "US": "192.0.2.0/25",
}
_PLACES = [
    ("198.51.100.0/26", "MT", "Malta", "60", "Valletta", "Valletta"),
    ("198.51.100.64/26", "MT", "Malta", "56", "Sliema", "Sliema"),
    ("198.51.100.128/26", "FI", "Finland", "18", "Uusimaa", "Helsinki"),
    ("198.51.100.192/26", "FI", "Finland", "11", "Pirkanmaa", "Tampere"),
    ("203.0.113.0/26", "DE", "Germany", "BE", "Land Berlin", "Berlin"),
    ("203.0.113.64/26", "DE", "Germany", "BY", "Bavaria", "Munich"),
    ("203.0.113.128/26", "BR", "Brazil", "SP", "Sao Paulo", "São Paulo"),
    ("203.0.113.192/26", "BR", "Brazil", "RJ", "Rio de Janeiro", "Rio de Janeiro"),
    ("192.0.2.0/26", "US", "United States", "NY", "New York", "New York"),
    ("192.0.2.64/26", "US", "United States", "TX", "Texas", "Austin"),
]


def write_geography(path: Path) -> None:
    """Write the database in GeoIP2 City's layout, in one step: an edge never opens half a file."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Tracker-Demo-City", languages=["en"])
    for network, country, country_name, region, region_name, city in _PLACES:
        writer.insert_network(
            IPSet([network]),
            {
                "country": {"iso_code": country, "names": {"en": country_name}},
                "subdivisions": [{"iso_code": region, "names": {"en": region_name}}],
                "city": {"names": {"en": city}},
            },
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, half = tempfile.mkstemp(dir=path.parent, prefix=".geography-")
    os.close(handle)
    writer.to_db_file(half)
    Path(half).chmod(0o644)
    Path(half).replace(path)
