"""The click edge as the Procfile runs it, on any port and with any number of workers."""

import http.client
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.common import ROOT, Granian, environment_of, process_tree, run_python
from bench.common_visitors import write_geography, write_networks
from deploy.ports import LOOPBACK, choose_free_port

_START_SECONDS = 30.0
_SERVING = b"multiprocessing.spawn"
_STOP_SECONDS = 30.0


def prepare_tracker(database_url: str, var: Path, *, links: int) -> tuple[dict[str, str], list[str]]:
    """Make the tables, the routes and the geography in an empty database and folder.

    Return the environment of its processes and the codes of its links.
    """
    environment = environment_of(database_url, var)
    var.mkdir(parents=True, exist_ok=True)
    run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
    run_python(["manage.py", "ensure_click_partitions"], environment)
    write_geography(var / "geo.mmdb")
    write_networks(var / "geo-asn.mmdb")
    codes: list[str] = json.loads(run_python(["-m", "bench.common_routes", str(links)], environment))
    return environment, codes


def edge_command(*, port: int, workers: int) -> list[str]:
    """Return the Procfile's command of the edge, but for its port and the number of its workers."""
    [line] = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("edge:")]
    words = shlex.split(line.partition(":")[2])
    words[words.index("--port") + 1] = str(port)
    words[words.index("--workers") + 1] = str(workers)
    return [str(Path(sys.prefix, "bin", words[0])), *words[1:]]


def edge_workers(pid: int) -> list[int]:
    """Return the processes of a running edge that serve; its first one only watches over them, another tidies up."""
    return [child for child in process_tree(pid)[1:] if _SERVING in _command_line(child)]


def _command_line(pid: int) -> bytes:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except FileNotFoundError:  # it has ended meanwhile
        return b""


def edge_answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def served_edge(environment: Mapping[str, str], *, workers: int) -> Iterator[Granian]:
    """Serve the edge on a free port while the block runs, once all its workers answer."""
    port = choose_free_port()
    with subprocess.Popen(edge_command(port=port, workers=workers), cwd=ROOT, env=environment) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while len(edge_workers(process.pid)) < workers or not edge_answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the edge did not start")
                time.sleep(0.05)
            time.sleep(1.5)  # one worker answers, the others may still load
            yield Granian(port=port, pid=process.pid)
        finally:
            process.terminate()
            process.wait(timeout=_STOP_SECONDS)
