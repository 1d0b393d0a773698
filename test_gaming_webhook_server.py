#!/usr/bin/env python3
"""Plays the whole outside world against the running tracker: visitors, a casino, and receivers of postbacks.

Any Python from 3.8 on may start it; the project's own does the work.
"""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")


def main():  # type: () -> int
    python = os.path.join(VENV, "bin", "python")
    if not os.path.exists(python):
        sys.stderr.write("The tracker is not installed here yet: run ./restarter.sh first.\n")
        return 2
    if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        os.execv(python, [python, os.path.abspath(__file__)] + sys.argv[1:])  # noqa: RUF005, S606 (Python 3.8; no shell)
    from tests.outside.run import main as play

    return play()


if __name__ == "__main__":
    sys.exit(main())
