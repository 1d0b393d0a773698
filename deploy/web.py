"""The web process as granian loads it."""

import signal

# A worker that still loads has its server's handler, which does nothing there: told to stop, it would not.
signal.signal(signal.SIGTERM, signal.SIG_DFL)

from tracker_project.wsgi import application  # noqa: E402

__all__ = ["application"]
