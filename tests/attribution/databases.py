"""Small geography databases, written as their makers lay them out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import time_machine
from mmdb_writer import MMDBWriter
from netaddr import IPSet

JERSEY_CITY: dict[str, Any] = {
    "city": {"names": {"en": "Jersey City"}},
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "subdivisions": [{"iso_code": "NJ", "names": {"en": "New Jersey"}}],
}
EXAMPLE_MOBILE: dict[str, Any] = {
    "autonomous_system_number": 64500,
    "autonomous_system_organization": "Example Mobile",
}


def write_database(
    path: Path,
    networks: dict[str, dict[str, Any]],
    *,
    named: str = "GeoLite2-City",
    ip_version: int = 6,
    built_at: datetime | None = None,
) -> Path:
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type=named, languages=["en"])
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    with time_machine.travel(built_at or datetime.now(UTC), tick=False):
        writer.to_db_file(str(path))
    return path
