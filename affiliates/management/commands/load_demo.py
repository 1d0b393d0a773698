"""`manage.py load_demo`: the demo's rows once, its geography when there is none, the simulator's file each time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from affiliates.demo.geography import write_geography
from affiliates.demo.letter import write_letter
from affiliates.demo.rows import is_demo_loaded, write_demo_rows


class Command(BaseCommand):
    help = "Load the demo: campaigns, a partner, a platform, destinations, exchange rates. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_demo_loaded():
            self.stdout.write("Loading demo data ...")
            write_demo_rows(at=datetime.now(UTC))
        if not Path(settings.GEOIP_PATH).exists():
            write_geography(Path(settings.GEOIP_PATH))
        write_letter(Path(settings.VAR_DIR) / "demo.json")
