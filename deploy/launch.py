"""Becomes one process of the Procfile: python -m deploy.launch NAME COMMAND, under the supervisor."""

import os
import sys
from pathlib import Path

from deploy.processes import HOME_MARK, end_processes, marked_processes


def main() -> None:
    name, command = sys.argv[1:]
    # The children of a process that was killed live on, keep its port and do its work twice.
    end_processes(marked_processes(Path(os.environ[HOME_MARK]), name=name), patience_seconds=0)
    os.execv("/bin/sh", ["/bin/sh", "-c", f"exec {command}"])  # noqa: S606 (the Procfile holds shell commands)


if __name__ == "__main__":
    main()
