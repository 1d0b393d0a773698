"""Reads a list as CSV and as XLSX, and records a shorter one: run as a program, prints what each stage took."""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import django


def csv_of(rows: int) -> str:
    """Return a list of registrations and deposits, a player's two rows apart from each other."""
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency"
    players = rows // 2
    registrations = [f"registration,2026-11-01T10:00:00Z,bench-{number},,,," for number in range(players)]
    deposits = [
        f"deposit,2026-11-01T11:00:00Z,bench-{number},bench-t-{number},confirmed,120.00,EUR"
        for number in range(players)
    ]
    return "\n".join([header, *registrations, *deposits]) + "\n"


def xlsx_of(text: str) -> bytes:
    """Return the same list as a workbook."""
    from openpyxl import Workbook

    book, file = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet()
    for line in text.splitlines():
        sheet.append(line.split(","))
    book.save(file)
    return file.getvalue()


def run(rows: int, recorded: int) -> dict[str, dict[str, float]]:
    """Return what each stage took, in seconds and in processor seconds."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    import tracker_project.celery  # noqa: F401 (hints go to its broker; without it they wait for one that is not there)
    from campaigns.models import Brand
    from conversions.domain.imports.deciding import confirm_import
    from conversions.domain.imports.staging import stage_file
    from conversions.domain.imports.working import work_on_imports
    from conversions.models import Import, Platform

    person = User.objects.create_user("bench")
    brand = Brand.objects.create(name="Bench", currency="EUR", valuable_deposit_amount=50)
    platform = Platform.objects.create(name="Bench", slug="bench", brand=brand, secret="whsec_" + "QUJD" * 10)

    def stage(content: bytes) -> Import:
        file = Import(
            platform=platform, layout="events", file_name="list", uploaded_by=person, uploaded_at=timezone.now()
        )
        return stage_file(content, file, at=timezone.now())

    def work() -> None:
        work_on_imports(clock=timezone.now, for_seconds=24 * 3600)

    text = csv_of(rows)
    contents = {"csv": text.encode(), "xlsx": xlsx_of(text)}
    took = {f"staged_{kind}": _timed(rows, partial(stage, content)) for kind, content in contents.items()}
    Import.objects.filter(platform=platform).update(state=Import.State.DISCARDED)
    file = stage(csv_of(recorded).encode())
    took["previewed"] = _timed(recorded, work)
    confirm_import(file, actor=person, at=timezone.now())
    took["recorded"] = _timed(recorded, work)
    file.refresh_from_db()
    if file.counts != {"new": recorded}:
        raise RuntimeError(f"Not all rows were recorded: {file.counts}")
    return took


def _timed(rows: int, do: Callable[[], object]) -> dict[str, float]:
    started, used = time.perf_counter(), _cpu_seconds()
    do()
    return {
        "rows": rows,
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(_cpu_seconds() - used, 2),
    }


def _cpu_seconds() -> float:
    """Return the processor time of this process and of the database's side of its connection."""
    from django.db import connection

    from bench.common import cpu_seconds

    connection.ensure_connection()
    return time.process_time() + cpu_seconds(connection.connection.info.backend_pid)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
