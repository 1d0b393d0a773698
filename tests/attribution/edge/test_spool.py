"""The spool and its draining: each click once, nothing fatal, nothing left behind."""

import os
import subprocess
import sys
import time
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from attribution.click_ids import new_uuid7
from attribution.edge.database import conninfo_of
from attribution.edge.drain import Drained, drain_spool
from attribution.edge.rows import CLICKS, LANDING_EVENTS
from attribution.edge.spool import Spool, header_of, spool_files, spooled_line
from attribution.models import Click, LandingEvent, SetAsideClick
from tests.attribution.edge.serving import NOWHERE

LONG_AGO_MS = 946_684_800_000
HEADER = header_of(CLICKS).encode()


def now_ms() -> int:
    return int(time.time() * 1000)


def line_of(uuid: UUID, **columns: str) -> str:
    values = {
        "id": uuid.hex,
        "currency": "EUR",
        "kind": "click",
        "outcome": "offer",
        "device": "phone",
        "routing_version": "1",
    }
    values |= dict.fromkeys(("link_id", "campaign_id", "source_id", "offer_id", "routing_version"), "1") | columns
    return "\t".join(values.get(name, "\\N") for name in CLICKS.columns) + "\n"


def drain(folder) -> Drained:
    return drain_spool(folder, conninfo=conninfo_of(connection.settings_dict))


def test_drain_stores_each_spooled_click_once(days, tmp_path):
    known, new = new_uuid7(now_ms()), new_uuid7(now_ms())
    spool = Spool(tmp_path)
    spool.append([line_of(known)])
    spool.close()
    drain(tmp_path)
    spool.append([line_of(known), line_of(new), line_of(new)])
    spool.close()

    drained = drain(tmp_path)

    assert drained == Drained(files=1, lines=3, set_aside=0)
    assert set(Click.objects.values_list("id", flat=True)) == {known, new}
    assert list(tmp_path.iterdir()) == []


def test_drain_keeps_values_byte_for_byte(days, tmp_path):
    spool = Spool(tmp_path)
    spool.append([line_of(new_uuid7(now_ms()), sub_id_1="back\\\\slash é \\\\N", cost="0.25")])
    spool.close()

    drain(tmp_path)

    assert Click.objects.get().sub_id_1 == "back\\slash é \\N"


def test_drain_leaves_the_file_of_a_living_process(days, tmp_path):
    spool = Spool(tmp_path)
    spool.append([line_of(new_uuid7(now_ms()))])

    assert drain(tmp_path) == Drained()
    assert not Click.objects.exists()

    spool.close()

    assert drain(tmp_path).lines == 1


def test_drain_takes_the_file_of_a_killed_process(days, tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from attribution.edge.spool import Spool; "
        "Spool(Path(sys.argv[1])).append([sys.argv[2]]); os.kill(os.getpid(), 9)"
    )
    line = line_of(new_uuid7(now_ms()))
    subprocess.run([sys.executable, "-c", program, str(tmp_path), line], check=False)

    assert drain(tmp_path) == Drained(files=1, lines=1)
    assert Click.objects.count() == 1


def test_drain_sets_aside_what_is_torn_damaged_or_of_no_day(days, tmp_path):
    good, outside = new_uuid7(now_ms()), new_uuid7(LONG_AGO_MS)
    damaged = spooled_line(line_of(new_uuid7(now_ms()))).replace(b"phone", b"phony")
    refused = line_of(new_uuid7(now_ms()), kind="nonsense")
    lines = [
        spooled_line(line_of(outside)),
        damaged,
        b"\xff\x00garbage\n",
        spooled_line(refused),
        spooled_line(line_of(good)),
        spooled_line(line_of(new_uuid7(now_ms())))[:-20],
    ]
    (tmp_path / "1-left.spool").write_bytes(HEADER + b"".join(lines))

    drained = drain(tmp_path)

    assert drained == Drained(files=1, lines=1, set_aside=5)
    assert Click.objects.get().id == good
    reasons = sorted(SetAsideClick.objects.values_list("reason", flat=True))
    assert reasons[0].startswith('new row for relation "clicks_')
    assert reasons[1] == 'no partition of relation "clicks" found for row'
    assert reasons[2:] == ["the line is torn or damaged"] * 3
    assert outside.hex in SetAsideClick.objects.get(reason__contains="no partition").line
    assert [path.name for path in tmp_path.iterdir()] == ["1-left.bad"]
    assert damaged in (tmp_path / "1-left.bad").read_bytes()


def test_drain_reads_the_columns_of_an_older_program(days, tmp_path):
    header = "checksum\t" + "\t".join(CLICKS.columns[:-1]) + "\n"
    line = line_of(new_uuid7(now_ms())).rpartition("\t")[0] + "\n"
    (tmp_path / "1-old.spool").write_bytes(header.encode() + spooled_line(line))

    assert drain(tmp_path).lines == 1
    assert Click.objects.count() == 1


def test_drain_reads_a_file_from_before_there_were_outcomes(days, tmp_path):
    columns = ["id", "link_id", "campaign_id", "source_id", "currency", "routing_version", "kind", "device"]
    lines = [f"{new_uuid7(now_ms()).hex}\t1\t1\t1\tEUR\t1\t{kind}\tphone\n" for kind in ("click", "paused", "bot")]
    header = "\t".join(["checksum", *columns]) + "\n"
    (tmp_path / "1-old.spool").write_bytes(header.encode() + b"".join(map(spooled_line, lines)))

    assert drain(tmp_path) == Drained(files=1, lines=3)
    assert sorted(Click.objects.values_list("kind", "outcome")) == [
        ("bot", "offer"),
        ("click", "offer"),
        ("click", "paused"),
    ]


def test_drain_stores_rows_of_other_tables(days, tmp_path):
    event, click = new_uuid7(now_ms()), new_uuid7(now_ms())
    spool = Spool(tmp_path)
    spool.append([f"{event.hex}\tview\t{click.hex}\t1\t1\t2\t\\N\t\\N\tlanding\n"], LANDING_EVENTS)
    spool.append([line_of(click)])
    spool.close()

    assert drain(tmp_path) == Drained(files=2, lines=2)
    assert LandingEvent.objects.get().click == click == Click.objects.get().id


def test_drain_leaves_a_file_of_unknown_columns_and_drains_the_others(days, tmp_path):
    line = line_of(new_uuid7(now_ms()))
    unknown = HEADER.replace(b"placement", b"nonsense") + spooled_line(line)
    (tmp_path / "1-unknown.spool").write_bytes(unknown)
    (tmp_path / "2-known.spool").write_bytes(HEADER + spooled_line(line))

    assert drain(tmp_path) == Drained(files=1, lines=1)
    assert [path.name for path in spool_files(tmp_path)] == ["1-unknown.spool"]


def test_drain_keeps_files_while_postgres_is_away(days, tmp_path):
    spool = Spool(tmp_path)
    spool.append([line_of(new_uuid7(now_ms()))])
    spool.close()

    with pytest.raises(psycopg.OperationalError):
        drain_spool(tmp_path, conninfo=NOWHERE)

    assert drain(tmp_path).lines == 1


def test_append_begins_a_new_file_when_one_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr("attribution.edge.spool.LARGEST_FILE_BYTES", 100)
    spool = Spool(tmp_path)

    spool.append(["x" * 200 + "\n"])
    spool.append(["y\n"])

    assert len(spool_files(tmp_path)) == 2


def test_append_never_continues_a_torn_line(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append(["whole\n"])
    monkeypatch.setattr(os, "fdatasync", _full)
    with pytest.raises(OSError, match="full"):
        spool.append(["perhaps\n"])
    monkeypatch.undo()

    spool.append(["next\n"])

    assert len(spool_files(tmp_path)) == 2


def _full(descriptor):
    raise OSError("the disk is full")
