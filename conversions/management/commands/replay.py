"""`manage.py replay`: rebuild players, conversions, credit and value from the inbox; exit 1 when anything differs."""

import re
import signal
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversions.models import Platform
from conversions.replay.ordering import Choice
from conversions.replay.running import Replayed, ShareFailed, replay
from conversions.replay.scratch import ScratchInUse

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,50}", re.ASCII)
_TOLD_EVERY = 10_000


class Command(BaseCommand):
    help = (
        "Rebuild players, conversions, credit and lifetime values from the inbox in a schema of their own, and compare "
        "them with the live tables, which are only read. Exit code 1 when anything differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=_instant, metavar="WHEN", help="only players of whom was heard from then on"
        )
        parser.add_argument("--until", type=_instant, metavar="WHEN", help="and before then, such as 2026-11-22T10:00")
        parser.add_argument("--platform", metavar="SLUG", help="only this platform's players")
        parser.add_argument("--processes", type=int, default=2, help="as many as there are processors to spare")
        parser.add_argument("--schema", type=_schema, default="replay", help="the schema's name, “replay” unless given")
        parser.add_argument("--keep", action="store_true", help="leave the schema for people to look into")
        parser.add_argument("--show", type=int, default=100, metavar="N", help="list at most so many differences")

    def handle(self, *, schema: str, processes: int, keep: bool, show: int, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up like Ctrl-C
        choice = Choice(platforms=_platforms(options["platform"]), since=options["since"], until=options["until"])
        try:
            replayed = replay(choice, scratch=schema, processes=processes, keep=keep, progress=self._tell)
        except (ScratchInUse, ShareFailed) as error:
            raise CommandError(str(error)) from error
        self._describe(replayed, show=show)
        if replayed.unexplained:
            raise CommandError(f"{replayed.unexplained} differences.")
        self.stdout.write("Identical: what is stored is what the inbox says.")

    def _tell(self, done: int, of: int) -> None:
        told = getattr(self, "_told", 0)
        if done - told >= _TOLD_EVERY:
            self._told = done
            self.stderr.write(f"{done:,} of {of:,} events")

    def _describe(self, replayed: Replayed, *, show: int) -> None:
        rate = replayed.events / max(replayed.seconds, 0.001)
        self.stdout.write(f"{replayed.events:,} events placed again in {replayed.seconds:.0f} s, {rate:,.0f} a second.")
        self.stdout.write(
            f"Left out: {replayed.quarantined:,} events in quarantine, {replayed.discarded:,} that were discarded."
        )
        rows = ", ".join(f"{table} {count:,}" for table, count in replayed.rows.items())
        self.stdout.write(f"Compared rows: {rows}.")
        for reason, count in replayed.kept.items():
            self.stdout.write(f"With what was known then, {count:,}: {reason}.")
        for reason, count in replayed.explained.items():
            self.stdout.write(f"Explained, {count:,}: {reason}")
        for difference in replayed.differences[:show]:
            what = f"{difference.table} {difference.key} {difference.column}".rstrip()
            self.stdout.write(f"{what}: stored {difference.stored}, rebuilt {difference.rebuilt}")


def _platforms(slug: str | None) -> tuple[int, ...]:
    platforms = Platform.objects.order_by("pk")
    if slug is not None:
        platforms = platforms.filter(slug=slug)
        if not platforms:
            raise CommandError(f"No platform has the slug “{slug}”.")
    return tuple(platforms.values_list("pk", flat=True))


def _instant(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is no instant: write it as in 2026-11-22T10:00, in UTC if bare") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text) or text in ("public", "pg_catalog", "information_schema"):
        raise ArgumentTypeError(f"“{text}” is no name for a schema: small letters, digits and _")
    return text
