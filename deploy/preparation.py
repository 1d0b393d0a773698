"""Brings database, demo data and static files up to date: python -m deploy.preparation, with Django.

It loads at once and waits for a line on its standard input before it touches the database, so
that it can be started together with the server.
"""

import hashlib
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import BaseCommand, call_command


def main() -> None:
    """Run the commands of a start, each of which does its work once and may be run again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    # One process for all of them: importing Django and every app takes longer than most.
    if not sys.stdin.readline():
        return  # whoever was to start the server has given up
    BaseCommand().check()
    _migrate()
    call_command("ensure_click_partitions")
    call_command("ensure_admin")
    if os.environ.get("DEMO", "1") != "0":
        call_command("load_demo")
    _collect_static()


def _migrate() -> None:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        print(f"Applying {len(plan)} migrations ...", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def _collect_static() -> None:
    """Collect and compress the static files when any differs from the last collection."""
    stamp = Path(settings.STATIC_ROOT) / "collected.sha256"
    wanted = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Collecting static files ...", flush=True)
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(wanted)


def _static_fingerprint() -> str:
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            state = Path(storage.path(path)).stat()
            digest.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
