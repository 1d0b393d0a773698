"""One process of a replay. Nothing of Django is imported before it is set up: the process begins here."""

import gc
import os
import signal
from typing import Any


def work(scratch: str, share: int, database: str, parent: int, done: Any) -> None:
    """Rebuild one share; `done` counts its events. Ends soon after the process that started it."""
    import django

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it is interrupted too, and ends it
    django.setup()
    from django.db import connection

    from conversions.replay.rebuilding import rebuild_share
    from conversions.replay.scratch import hold_for_writing
    from conversions.replay.then import search_path

    path = search_path(scratch).replace(" ", "")
    connection.settings_dict["NAME"] = database
    connection.settings_dict["OPTIONS"] = {
        "options": f"-c search_path={path} -c synchronous_commit=off",
        "server_side_binding": True,  # the same few statements a million times: Postgres plans each once
        "prepare_threshold": 1,
    }
    hold_for_writing(scratch)
    gc.freeze()  # rows come and go by the million, what is loaded stays
    gc.set_threshold(50_000)

    def report(placed: int) -> None:
        done.value += placed
        if os.getppid() != parent:
            raise SystemExit("The replay was ended.")

    rebuild_share(scratch, share, report=report)
    connection.close()
