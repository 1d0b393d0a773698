"""What the supervisor is told, and that it brings back what was killed."""

import configparser
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from supervisor.datatypes import dict_of_key_value_pairs

from deploy.environment import Checkout, UnusableSetup, make_folders, read_checkout
from deploy.processes import end_processes, has_ended, marked_processes
from deploy.supervision import LONGEST_SOCKET_PATH, Program, Supervisor, configuration, read_procfile

ROOT = Path(__file__).resolve().parents[2]


def checkout_at(folder: Path) -> Checkout:
    """The repository's code with its data elsewhere."""
    checkout = read_checkout(ROOT, environment={**os.environ, "VAR_DIR": str(folder)})
    make_folders(checkout)
    return checkout


def wait_for(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_read_procfile_reads_the_four_processes():
    programs = read_procfile(ROOT / "Procfile")

    assert [program.name for program in programs] == ["web", "edge", "worker", "beat"]


def test_read_procfile_keeps_the_shell_command_whole(tmp_path: Path):
    (tmp_path / "Procfile").write_text("# why\n\nweb: serve --port $WEB_PORT 'a b'\n")

    programs = read_procfile(tmp_path / "Procfile")

    assert [program.command[1:] for program in programs] == [
        ["-m", "deploy.launch", "web", "serve --port $WEB_PORT 'a b'"]
    ]


@pytest.mark.parametrize("line", ["web serve", "web:", ": serve", "we b: serve"])
def test_read_procfile_names_the_line_that_it_cannot_read(tmp_path: Path, line: str):
    (tmp_path / "Procfile").write_text(f"# why\n{line}\n")

    with pytest.raises(UnusableSetup, match=r"Line 2 of .*Procfile is not `name: command`"):
        read_procfile(tmp_path / "Procfile")


def test_configuration_survives_percent_signs_and_blanks(tmp_path: Path):
    checkout = checkout_at(tmp_path / "100 % full")
    server = Program(name="postgres", command=["serve", "a b%c"], is_server=True, stop_signal="INT")
    worker = Program(name="worker", command=["work"])

    text = configuration(checkout, [server, worker], socket=tmp_path / "socket")

    parsed = configparser.ConfigParser()
    parsed.read_string(text)
    assert parsed["program:postgres"]["command"] == "serve 'a b%c'"
    assert parsed["program:postgres"]["autostart"] == "true"
    assert parsed["program:postgres"]["stopsignal"] == "INT"
    assert parsed["program:worker"]["autostart"] == "false"
    assert parsed["program:worker"]["autorestart"] == "true"
    assert parsed["group:app"]["programs"] == "worker"
    assert dict_of_key_value_pairs(parsed["program:worker"]["environment"]) == {
        "TRACKER_HOME": str(checkout.var),
        "TRACKER_PROCESS": "worker",
    }


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor in a folder whose path is too long for a socket."""
    long_path = tmp_path / ("a long name " * 10)
    checkout = checkout_at(long_path)
    supervisor = Supervisor(checkout)
    (tmp_path / "Procfile").write_text("parent: sh -c 'sleep 1000 & wait'\n")
    supervisor.start(read_procfile(tmp_path / "Procfile"), variables=os.environ)
    supervisor.start_processes()
    wait_for(lambda: [process.state for process in supervisor.states()] == ["RUNNING"])
    yield supervisor
    supervisor.stop()
    end_processes(marked_processes(checkout.var), patience_seconds=0)
    assert supervisor.pid is None
    assert len(str(checkout.var / "supervisor.sock")) > LONGEST_SOCKET_PATH


@pytest.mark.faults
def test_supervisor_brings_a_killed_process_back_without_its_old_children(supervisor: Supervisor, tmp_path: Path):
    home = next(tmp_path.glob("a long name*"))
    killed = supervisor.states()[0].pid
    orphans = [pid for pid in marked_processes(home, name="parent") if pid != killed]

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: [process.state for process in supervisor.states() if process.pid != killed] == ["RUNNING"])
    assert len(orphans) == 1
    assert has_ended(orphans[0])
    assert len(marked_processes(home, name="parent")) == 2
