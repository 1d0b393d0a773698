"""Measures what a look at all sources costs when more requests are stored: among a tenth of them and among all.

Run `.venv/bin/python -m bench.source_silence`; `--rows 10000000` goes further. Ten platforms were heard for 28 days and
have been silent for over an hour, so that each rhythm is read; the same look is timed in two databases of its own.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import run_python
from bench.common_edge import prepare_tracker
from deploy.embedded import EmbeddedPostgres

_PLATFORMS = 10
_LOOKS = 15
_FILL = """
INSERT INTO intake_requests (platform_id, address, received_at, content, dropped, status, answer, is_counted)
SELECT (%(platforms)s::bigint[])[1 + number %% 10], '/webhooks/casino/deposit',
       %(at)s - interval '28 days' * (1 - number::float / %(rows)s),
       '[{"event_id": "e-1", "player_id": "p-1", "amount": "12.00", "currency": "EUR"}]', '{}', 201,
       '{"status": "recorded"}', true
  FROM generate_series(1, %(rows)s) AS number
"""


def main() -> int:
    options = _parser().parse_args()
    if options.look:
        sys.stdout.write(json.dumps(_look(options.rows)))
        return 0
    home = Path(tempfile.mkdtemp(prefix="bench-silence-"))
    postgres = EmbeddedPostgres(home / "postgres")
    try:
        postgres.start()
        milliseconds = {rows: _measured(postgres, home, rows) for rows in (options.rows // 10, options.rows)}
    finally:
        postgres.remove()
        shutil.rmtree(home, ignore_errors=True)
    for rows, took in milliseconds.items():
        sys.stdout.write(f"{rows:>12,} requests: {took:7.1f} ms a look at {_PLATFORMS} silent sources\n")
    few, many = milliseconds.values()
    sys.stdout.write(json.dumps({"look_ms": round(many, 1), "growth_ratio": round(many / few, 2)}) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.source_silence", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="requests that are stored (default: %(default)s)")
    parser.add_argument("--look", action="store_true", help=argparse.SUPPRESS)
    return parser


def _measured(postgres: EmbeddedPostgres, home: Path, rows: int) -> float:
    """Return the milliseconds of a look in a database of its own with so many requests."""
    postgres.create_database(f"rows_{rows}")
    environment, _ = prepare_tracker(postgres.url(f"rows_{rows}"), home / f"var-{rows}", links=1)
    said = run_python(["-m", "bench.source_silence", "--look", "--rows", str(rows)], environment)
    return float(json.loads(said.splitlines()[-1]))


def _look(rows: int) -> float:
    """Fill the database that the environment names, and return the median time of a look, in milliseconds."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    import django

    django.setup()
    from django.db import connection

    from campaigns.models import Brand
    from conversions.domain.platform_secrets import new_secret
    from conversions.domain.source_health import watch_sources
    from conversions.models import Platform

    at = datetime.now(UTC)
    brand = Brand.objects.create(name="Bench", currency="EUR", valuable_deposit_amount=50)
    made = [
        Platform.objects.create(name=f"Bench {number}", slug=f"bench-{number}", brand=brand, secret=new_secret()).pk
        for number in range(_PLATFORMS)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"platforms": made, "at": at, "rows": rows})
        cursor.execute("ANALYZE intake_requests")
    watch_sources(at=at)
    took = []
    for number in range(_LOOKS):
        began = time.perf_counter()
        watch_sources(at=at + timedelta(minutes=70 + 5 * number))
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
