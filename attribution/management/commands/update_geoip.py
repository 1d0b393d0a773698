"""`manage.py update_geoip`: brings the geography databases onto this machine, or newer ones."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from attribution.domain.geoip_update import CONNECTIONS, NETWORKS, PLACES, Kind, NoDatabase, Updated, update_database

_HELP = "maxmind:EDITION, a web address (with {year} and {month} where it has them), or a file"


class Command(BaseCommand):
    help = (
        "Bring the databases that say where visitors are: from MaxMind, from a web address such as DB-IP's, or from a "
        "file. Without options, from what GEOIP_SOURCE, GEOIP_ASN_SOURCE and GEOIP_CONNECTION_SOURCE name. Each is "
        "checked before it replaces the one in use; edges read it within seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--place", help=f"country, region and city: {_HELP}")
        parser.add_argument("--network", help=f"provider and AS number: {_HELP}")
        parser.add_argument("--connection", help=f"connection type: {_HELP}")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = _asked(options)
        if not asked:
            raise CommandError(
                "Nothing says where databases come from: set GEOIP_ACCOUNT_ID and GEOIP_LICENSE_KEY, or GEOIP_SOURCE, "
                "or name a file with --place."
            )
        failures = []
        for kind, source, path in asked:
            try:
                self._tell(update_database(kind, source, to=path, at=datetime.now(UTC)))
            except NoDatabase as error:
                failures.append(f"{kind.name}: {error}")
        if failures:
            raise CommandError("\n".join(failures))

    def _tell(self, updated: Updated) -> None:
        found, before = updated.description, updated.before
        replaced = f"; it replaces one of {before.built_on}" if before else ""
        self.stdout.write(
            f"{updated.kind.name}: {found.type} ({found.layout}), built on {found.built_on}{replaced}. "
            f"It lies in {updated.path}."
        )
        if found.is_old(at=datetime.now(UTC)):
            self.stderr.write(f"It is {found.age(at=datetime.now(UTC)).days} days old: look for a newer one.")
        if found.ip_version == 4:
            self.stderr.write("It knows no IPv6 address: the place of visitors who come by one stays unknown.")
        if found.names_db_ip:
            self.stdout.write(
                "DB-IP's free databases are CC-BY 4.0: pages of your own that show places must link to it."
            )


def _asked(options: dict[str, Any]) -> list[tuple[Kind, str, Path]]:
    """Return what to bring from where and to where: what the options name, else what the settings do."""
    named = [options["place"], options["network"], options["connection"]]
    if not any(named):
        by_default = "maxmind:GeoLite2-City" if settings.GEOIP_ACCOUNT_ID else ""
        named = [settings.GEOIP_SOURCE or by_default, settings.GEOIP_ASN_SOURCE, settings.GEOIP_CONNECTION_SOURCE]
    paths = [settings.GEOIP_PATH, settings.GEOIP_ASN_PATH, settings.GEOIP_CONNECTION_PATH]
    kinds = [PLACES, NETWORKS, CONNECTIONS]
    return [(kind, source, path) for kind, source, path in zip(kinds, named, paths, strict=True) if source]
