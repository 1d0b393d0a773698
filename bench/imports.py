"""Measures an import from its file to the last row recorded.

Run `.venv/bin/python -m bench.imports`. Postgres and Valkey are started with data in a temporary folder.
Half of the rows register a player each, half are their deposits. Reading and keeping the rows is what a person waits
for; preview and recording go on behind his back, here in one process.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import environment_of, run_python
from deploy.embedded import EmbeddedPostgres, EmbeddedValkey


def measure(rows: int, recorded: int) -> dict[str, Any]:
    """Return seconds, and processor seconds of the program and of Postgres, by stage."""
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="bench-imports-", ignore_cleanup_errors=True)
        home = Path(stack.enter_context(folder))
        postgres, valkey = EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")
        for server in (postgres, valkey):
            stack.callback(server.remove)
            server.start()
        postgres.create_database("bench")
        environment = environment_of(postgres.url("bench"), home / "var") | {"REDIS_URL": valkey.url()}
        run_python(["manage.py", "migrate", "--verbosity", "0"], environment)
        printed = run_python(["-m", "bench.common_imports", str(rows), str(recorded)], environment)
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of the file that is read and kept")
    parser.add_argument("--recorded", type=int, default=1_000, help="rows of the file that is previewed and recorded")
    options = parser.parse_args()
    measured = measure(options.rows, options.recorded)
    print(f"{'stage':12} {'rows':>7} {'seconds':>9} {'rows a second':>14} {'CPU ms a row':>13}")
    for stage, took in measured.items():
        rows, seconds = int(took["rows"]), took["seconds"]
        print(f"{stage:12} {rows:7} {seconds:9.1f} {rows / seconds:14.0f} {1000 * took['cpu_seconds'] / rows:13.2f}")
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
