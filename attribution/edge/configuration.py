"""What an edge is started with, read from the settings that it shares with Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribution.edge.database import conninfo_of


@dataclass(frozen=True, kw_only=True)
class EdgeConfiguration:
    """An edge's database, folder, keys, proxies and geography; `is_https`: visitors reach it by TLS."""

    conninfo: str
    folder: Path
    click_id_key: bytes
    trusted_proxies: Sequence[str]
    geoip_path: Path
    geoip_asn_path: Path | None = None
    geoip_connection_path: Path | None = None
    is_https: bool = False

    @property
    def spool_folder(self) -> Path:
        return self.folder / "spool"

    @property
    def snapshot_path(self) -> Path:
        return self.folder / "snapshot.json"


def configuration_from(settings: Any) -> EdgeConfiguration:
    """Return the configuration that Django's settings describe."""
    return EdgeConfiguration(
        conninfo=conninfo_of(settings.DATABASES["default"]),
        folder=settings.VAR_DIR / "edge",
        click_id_key=settings.CLICK_ID_KEYS[0],
        trusted_proxies=settings.TRUSTED_PROXIES,
        geoip_path=settings.GEOIP_PATH,
        geoip_asn_path=settings.GEOIP_ASN_PATH,
        geoip_connection_path=settings.GEOIP_CONNECTION_PATH,
        is_https=settings.PUBLIC_CLICK_URL.startswith("https://"),
    )
