"""The command line of the simulator."""

import argparse
import errno
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from tests.outside.bookkeeping import Bookkeeping
from tests.outside.comparison import Comparison
from tests.outside.interactive import Interactive
from tests.outside.play import Play
from tests.outside.receivers import ReceivedRequest, Receiver
from tests.outside.setup import (
    Demo,
    TrackerUnreachable,
    command_environment,
    find_demo_file,
    read_demo,
    require_answers,
)

ALL_RIGHT, DIFFERENT, UNREACHABLE = 0, 1, 2
DEFAULT_VISITORS = 200
SHOW_SECONDS = 0.5

_DESCRIPTION = """\
Plays the outside world against the running tracker: visitors who click, a casino that
posts signed webhooks, and receivers of postbacks (Meta by its own rules, a generic one,
a partner). Then prints what had to come out beside what did. With --interactive a person
chooses each step and sees what it changes. With neither it only receives postbacks and
shows them."""
_EPILOG = """\
exit status: 0 everything came out as expected, 1 something differs, 2 the tracker could not be played at all.
It may be run again and again: every run has players, events and click ids of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        demo = read_demo(find_demo_file(options.config))
        if options.auto or options.interactive:
            require_answers(demo)
        with _receiver(demo) as receiver:
            if options.interactive:
                return _direct(demo, receiver, options)
            return _play(demo, receiver, options) if options.auto else _show_postbacks(receiver)
    except TrackerUnreachable as error:
        sys.stderr.write(f"{error}\n")
        return UNREACHABLE
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="test_gaming_webhook_server.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--auto", action="store_true", help="play everything and compare")
    how.add_argument(
        "--interactive", action="store_true", help="play step by step from a menu, and see what each step changes"
    )
    parser.add_argument(
        "--clicks", type=_positive, default=DEFAULT_VISITORS, metavar="N", help="visitors (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="repeat a run's choices (default: another each time)")
    parser.add_argument(
        "--config", metavar="FILE", help="what the demo data wrote (default: demo.json in var/ or VAR_DIR)"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number, at least 1")
    return int(text)


def _receiver(demo: Demo) -> Receiver:
    try:
        return Receiver(port=demo.receiver_port, meta_tokens={demo.meta_dataset_id: demo.meta_access_token})
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise TrackerUnreachable(
            f"Port {demo.receiver_port}, to which the demo's postbacks go, is taken: "
            "stop the program that uses it (another run of this one?) and start again."
        ) from None


def _play(demo: Demo, receiver: Receiver, options: argparse.Namespace) -> int:
    started_at = time.monotonic()
    run, seed = _new_run(options)
    _say(f"Run {run}: postbacks are received at {receiver.url}; --seed {seed} repeats its choices.")
    play = Play(demo, receiver, Bookkeeping(command_environment()), run=run, seed=seed, say=_say)
    play.perform(visitors=options.clicks)
    return _verdict(play.comparison, started_at)


def _direct(demo: Demo, receiver: Receiver, options: argparse.Namespace) -> int:
    """Let a person choose each step; the end of what he types is the end of the play."""
    started_at = time.monotonic()
    run, seed = _new_run(options)
    _write(f"Run {run}: postbacks are received at {receiver.url}; what a step changes shows after some seconds.")
    bookkeeping = Bookkeeping(command_environment())
    play = Interactive(demo, receiver, bookkeeping, run=run, seed=seed, say=_write, ask=_ask)
    play.direct()
    return _verdict(play.comparison, started_at)


def _new_run(options: argparse.Namespace) -> tuple[str, int]:
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    return f"{int(time.time() * 1000):x}-{seed}", seed


def _verdict(comparison: Comparison, started_at: float) -> int:
    seconds = time.monotonic() - started_at
    sys.stdout.write(f"\n{comparison.table()}\n\n")
    if comparison.wrong:
        sys.stdout.write(f"{comparison.wrong} of {len(comparison.lines)} lines differ ({seconds:.0f} s).\n")
        return DIFFERENT
    sys.stdout.write(f"All {len(comparison.lines)} lines are as expected ({seconds:.0f} s).\n")
    return ALL_RIGHT


def _show_postbacks(receiver: Receiver) -> int:
    """Show what arrives until Ctrl-C."""
    _say(f"Receiving postbacks at {receiver.url}; Ctrl-C ends it, --auto plays everything, --interactive step by step.")
    shown = 0
    while True:
        requests = receiver.wait_for(shown + 1, timeout=SHOW_SECONDS)
        for request in requests[shown:]:
            _say(_in_short(request))
        shown = len(requests)


def _in_short(request: ReceivedRequest) -> str:
    query = " ".join(f"{name}={value}" for name, value in request.query.items())
    return f"{request.status} {request.method} {request.path} {query}".rstrip()


def _ask(question: str) -> str:
    """Show a question and return the line that is typed; raises EOFError when nothing more comes."""
    sys.stdout.write(question)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    if not sys.stdin.isatty():  # a terminal shows what is typed
        sys.stdout.write(line)
    return line.rstrip("\n")


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now().astimezone():%H:%M:%S}  {text}\n")
    sys.stdout.flush()
