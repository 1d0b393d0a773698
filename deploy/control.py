"""The verbs of restarter.sh: start, stop, status, logs and test."""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deploy import checks
from deploy.environment import Checkout, UnusableSetup, read_checkout
from deploy.following import follow, open_logs, show
from deploy.lifecycle import Tracker
from deploy.ports import PortTaken
from deploy.server import ServerFailed

ROOT = Path(__file__).resolve().parent.parent
NOT_RUNNING = 3
SHOWN_LINES = 50


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    _end_on_signals()
    try:
        if words[:1] == ["test"]:
            return checks.run_all(ROOT, words[1:])
        return _run(_parser().parse_args(words), read_checkout(ROOT, environment=os.environ))
    except (UnusableSetup, ServerFailed, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except PermissionError:
        print("Another user started this tracker or owns its files: do it as that user.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read what is printed here has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./restarter.sh", description=__doc__)
    parser.add_argument("verb", nargs="?", default="start", choices=["start", "stop", "status", "logs"])
    parser.add_argument("name", nargs="?", help="a process, for logs")
    parser.add_argument("-d", dest="is_detached", action="store_true", help="start in the background")
    parser.add_argument("-f", dest="is_followed", action="store_true", help="keep showing logs")
    return parser


def _run(options: argparse.Namespace, checkout: Checkout) -> int:
    tracker = Tracker(checkout)
    if options.verb == "start":
        return _start(tracker, is_detached=options.is_detached)
    if options.verb == "stop":
        with _only_one(checkout):
            print("Stopped." if tracker.stop() else "Nothing was running.")
        return 0
    if options.verb == "status":
        return _print_status(tracker)
    return _show_logs(tracker, options.name, is_followed=options.is_followed or sys.stdout.isatty())


def _start(tracker: Tracker, *, is_detached: bool) -> int:
    checkout = tracker.checkout
    with _only_one(checkout):
        tracker.restart()
        logs = open_logs(checkout.logs, tracker.process_names, last_lines=None)
        print(tracker.addresses(), flush=True)
    if is_detached:
        return 0
    supervisor_pid = tracker.supervisor.pid
    try:
        follow(logs, while_true=lambda: tracker.supervisor.pid == supervisor_pid)
    except KeyboardInterrupt:
        print("Stopping ...", flush=True)
        with _only_one(checkout):
            if tracker.supervisor.pid == supervisor_pid:
                tracker.stop()
        show(logs)
        return 0
    print("The tracker was stopped or restarted from elsewhere.")
    return 0


def _print_status(tracker: Tracker) -> int:
    states = tracker.supervisor.states()
    if not states:
        print("Not running: start it with ./restarter.sh")
        return NOT_RUNNING
    for process in states:
        minutes, seconds = divmod(process.seconds, 60)
        running = f"process {process.pid}, for {minutes} min {seconds} s" if process.pid else ""
        print(f"{process.name:<9} {process.state.lower():<9} {running}".rstrip())
    print(tracker.addresses())
    return 0 if all(process.state == "RUNNING" for process in states) else 1


def _show_logs(tracker: Tracker, name: str | None, *, is_followed: bool) -> int:
    names = tracker.process_names
    if name is not None and name not in names:
        raise UnusableSetup(f"There is no process {name!r}: choose one of {', '.join(names)}.")
    logs = open_logs(tracker.checkout.logs, [name] if name else names, last_lines=SHOWN_LINES)
    show(logs)
    if is_followed:
        follow(logs, while_true=lambda: True)
    return 0


def _end_on_signals() -> None:
    """A closed terminal and a polite kill end the foreground as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)  # also where a shell has started us deaf to it, in the background
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it to live on
        signal.signal(signal.SIGHUP, interrupt)


@contextmanager
def _only_one(checkout: Checkout) -> Iterator[None]:
    """Wait until no other restarter starts or stops this checkout."""
    descriptor = os.open(checkout.root / "deploy", os.O_RDONLY)  # needs no file that could be left behind
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another restarter is at work here; waiting for it ...", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
