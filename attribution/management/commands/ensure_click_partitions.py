"""Make the daily partitions of clicks a week ahead."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from attribution.domain.partitions import ensure_click_partitions


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        made = ensure_click_partitions(at=timezone.now())
        self.stdout.write(f"Partitions made: {', '.join(made) or 'none were missing'}.")
