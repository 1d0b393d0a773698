"""Supervisor's event listener that starts again what supervisor itself has given up on."""

import os
import time
from contextlib import suppress
from typing import Any
from xmlrpc.client import Fault

from supervisor import childutils

PAUSE_SECONDS = 5.0
WITHOUT_WAITING = False


def main() -> None:
    supervisor = childutils.getRPCInterface(os.environ).supervisor
    while True:
        _, payload = childutils.listener.wait()
        _start_again(supervisor, payload)
        childutils.listener.ok()


def _start_again(supervisor: Any, payload: str) -> None:
    event = childutils.get_headers(payload)
    time.sleep(PAUSE_SECONDS)
    with suppress(Fault):  # somebody has started it meanwhile, or everything is being stopped
        supervisor.startProcess(f"{event['groupname']}:{event['processname']}", WITHOUT_WAITING)


if __name__ == "__main__":
    main()
