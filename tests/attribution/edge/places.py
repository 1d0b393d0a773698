"""Geography databases of a few networks."""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

MALTA = "198.51.100.0/24"
GERMANY = "203.0.113.0/24"
UNITED_STATES = "192.0.2.0/24"
BRAZIL = "198.18.0.0/24"
CARRIER = "198.18.1.0/24"


def write_places(folder: Path) -> None:
    """Write the database that edges of tests look for: four countries, and a carrier in the United States."""
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-Enterprise", int_type="u32")
    for network, country in ((MALTA, "MT"), (GERMANY, "DE"), (UNITED_STATES, "US"), (BRAZIL, "BR")):
        writer.insert_network(IPSet([network]), {"country": {"iso_code": country}})
    traits = {"connection_type": "Cellular", "isp": "Carrier", "autonomous_system_number": 64500}
    writer.insert_network(IPSet([CARRIER]), {"country": {"iso_code": "US"}, "traits": traits})
    writer.to_db_file(str(folder / "geo.mmdb"))
