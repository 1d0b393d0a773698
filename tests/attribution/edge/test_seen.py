"""Who was here a short while ago: the table in a file, and busy addresses."""

import os

import pytest

from attribution.edge.seen import BusyAddresses, SeenVisitors

SLOTS = 64
NOON = 1_795_348_800


@pytest.fixture
def path(tmp_path):
    return tmp_path / "edge" / "seen"


def test_touch_returns_the_last_visit_and_the_visits_of_the_period(path):
    seen = SeenVisitors(path, slots=SLOTS)

    assert seen.last_visit(7) == 0
    assert seen.touch(7, NOON, period=60) == (0, 1)
    assert seen.touch(7, NOON + 59, period=60) == (NOON, 2)
    assert seen.touch(7, NOON + 60, period=60) == (NOON + 59, 1)
    assert seen.last_visit(7) == NOON + 60


def test_touch_begins_a_period_anew_when_the_clock_went_back(path):
    seen = SeenVisitors(path, slots=SLOTS)
    seen.touch(7, NOON, period=60)

    assert seen.touch(7, NOON - 5, period=60) == (NOON, 1)


@pytest.mark.parametrize("key", [0, -1, -(2**63), 2**63 - 1])
def test_touch_takes_any_key(path, key):
    seen = SeenVisitors(path, slots=SLOTS)

    assert seen.touch(key, NOON, period=60) == (0, 1)
    assert seen.touch(key, NOON + 1, period=60) == (NOON, 2)


def test_keys_of_one_place_are_kept_beside_each_other(path):
    seen = SeenVisitors(path, slots=SLOTS)
    keys = [5 + SLOTS * step for step in range(4)]

    for at, key in enumerate(keys):
        seen.touch(key, NOON + at, period=60)

    assert [seen.last_visit(key) for key in keys] == [NOON, NOON + 1, NOON + 2, NOON + 3]


def test_the_one_not_seen_for_longest_gives_way(path):
    seen = SeenVisitors(path, slots=SLOTS)
    keys = [5 + SLOTS * step for step in range(5)]
    for at, key in enumerate(keys[:4]):
        seen.touch(key, NOON + at, period=60)
    seen.touch(keys[0], NOON + 10, period=60)

    seen.touch(keys[4], NOON + 11, period=60)

    assert [seen.last_visit(key) for key in keys] == [NOON + 10, 0, NOON + 2, NOON + 3, NOON + 11]


def test_places_at_the_end_go_on_at_the_beginning(path):
    seen = SeenVisitors(path, slots=SLOTS)
    keys = [SLOTS - 1 + SLOTS * step for step in range(3)]

    for key in keys:
        seen.touch(key, NOON, period=60)

    assert [seen.last_visit(key) for key in keys] == [NOON] * 3


def test_edges_of_one_machine_share_the_file_and_it_outlives_them(path):
    one, other = SeenVisitors(path, slots=SLOTS), SeenVisitors(path, slots=SLOTS)

    one.touch(7, NOON, period=60)

    assert other.touch(7, NOON + 1, period=60) == (NOON, 2)
    assert SeenVisitors(path, slots=SLOTS).last_visit(7) == NOON + 1


def test_the_file_is_its_owners_alone_and_its_room_on_the_disk_is_taken_at_once(path):
    SeenVisitors(path, slots=1 << 16)

    state = path.stat()
    assert state.st_mode & 0o777 == 0o600
    # A hole that is first written when the disk is full would end the process.
    assert state.st_blocks * 512 >= state.st_size


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_file_of_another_size_is_replaced_and_left_to_those_that_use_it(path, size):
    path.parent.mkdir()
    path.write_bytes(b"x" * size)
    inode = path.stat().st_ino

    seen = SeenVisitors(path, slots=SLOTS)

    assert seen.touch(7, NOON, period=60) == (0, 1)
    assert path.stat().st_ino != inode
    assert os.listdir(path.parent) == ["seen"]


def test_without_a_file_visitors_are_known_to_this_process_alone(tmp_path, caplog):
    (tmp_path / "edge").write_text("in the way")

    seen = SeenVisitors(tmp_path / "edge" / "seen", slots=SLOTS)

    assert seen.touch(7, NOON, period=60) == (0, 1)
    assert seen.touch(7, NOON + 1, period=60) == (NOON, 2)
    assert "visitors are known to this process alone" in caplog.text


def test_a_folder_in_the_files_place_is_as_no_file(path):
    path.mkdir(parents=True)

    assert SeenVisitors(path, slots=SLOTS).touch(7, NOON, period=60) == (0, 1)


def test_busy_addresses_are_counted_by_the_hour():
    busy = BusyAddresses()

    assert [busy.count(b"\xc0\x00\x02\x07", 10), busy.count(b"\xc0\x00\x02\x07", 10)] == [1, 2]
    assert busy.count(b"\xc0\x00\x02\x08", 10) == 1
    assert busy.count(b"\xc0\x00\x02\x07", 11) == 1
