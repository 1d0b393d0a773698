"""The log files as a stream."""

from pathlib import Path

import pytest

from deploy.following import FollowedLog, open_logs, show


def test_new_lines_begin_behind_what_was_written_before(tmp_path: Path):
    (tmp_path / "web.log").write_text("before\n")
    log = FollowedLog(tmp_path / "web.log", last_lines=None)

    with (tmp_path / "web.log").open("a") as written:
        written.write("after\nunfinis")

    assert log.new_lines() == ["after"]


def test_new_lines_begin_with_the_last_ones_when_asked(tmp_path: Path):
    (tmp_path / "web.log").write_text("1\n2\n3\n")

    log = FollowedLog(tmp_path / "web.log", last_lines=2)

    assert log.new_lines() == ["2", "3"]
    assert log.new_lines() == []


def test_new_lines_complete_a_line_that_came_in_two_parts(tmp_path: Path):
    log = FollowedLog(tmp_path / "web.log", last_lines=None)
    (tmp_path / "web.log").write_text("unfinis")
    before = log.new_lines()

    with (tmp_path / "web.log").open("a") as written:
        written.write("hed\n")

    assert before == []
    assert log.new_lines() == ["unfinished"]


def test_new_lines_go_on_in_the_new_file_after_a_rotation(tmp_path: Path):
    (tmp_path / "web.log").write_text("")
    log = FollowedLog(tmp_path / "web.log", last_lines=None)
    (tmp_path / "web.log").write_text("last of the old\n")
    seen = log.new_lines()

    (tmp_path / "web.log").rename(tmp_path / "web.log.1")
    (tmp_path / "web.log").write_text("first of the new\n")

    assert seen == ["last of the old"]
    assert log.new_lines() == ["first of the new"]


def test_show_prints_each_line_under_its_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "web.log").write_text("hello\n")
    (tmp_path / "worker.log").write_text("ready\n")

    show(open_logs(tmp_path, ["web", "worker"], last_lines=5))

    assert capsys.readouterr().out == "web    | hello\nworker | ready\n"
