"""A replay from beginning to end: one moment of the live tables, processes that rebuild, the comparison."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_int64
from dataclasses import dataclass, field
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from django.db import connection

from conversions.models import InboxEvent
from conversions.replay.comparing import Difference, count_live_rows, find_differences, store_live_rows
from conversions.replay.explaining import explain, look_again
from conversions.replay.ordering import Choice, copy_inbox, order_events
from conversions.replay.scratch import copy_indexes, copy_tables, one_moment, scratch_schema
from conversions.replay.staff import store_staff_decisions
from conversions.replay.then import kept, store_rates
from conversions.replay.worker import work

_LOOK_EVERY_SECONDS = 0.2
MOST_LISTED = 1_000


class ShareFailed(RuntimeError):
    """A process of the replay ended before its share was rebuilt; it said why on standard error."""


@dataclass(kw_only=True)
class Replayed:
    """What a replay found.

    `rows` counts the live rows of each table. `differences` are the first of those that nothing explains, `unexplained`
    is how many there are. `explained` counts the others by reason, `kept` what was rebuilt with what was known then.
    """

    events: int
    seconds: float
    quarantined: int
    discarded: int
    rows: dict[str, int]
    differences: list[Difference] = field(default_factory=list)
    unexplained: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    kept: dict[str, int] = field(default_factory=dict)


def replay(
    choice: Choice,
    *,
    scratch: str,
    processes: int,
    keep: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Replayed:
    """Rebuild what the inbox says in a schema of its own, compare it with the live rows and return what was found.

    The live schema is only read. `progress` is told now and then how many events are placed, of how many. Raises
    `ScratchInUse` and `ShareFailed`; whatever happens the schema is dropped, unless it is to be kept.
    """
    with scratch_schema(scratch, keep=keep):
        events = _prepare(scratch, choice, shares=processes)
        began = time.monotonic()
        _rebuild(scratch, processes, lambda done: progress(done, events))
        seconds = time.monotonic() - began
        states = _left_out(choice)
        replayed = Replayed(
            events=events,
            seconds=seconds,
            quarantined=states[InboxEvent.State.QUARANTINED],
            discarded=states[InboxEvent.State.DISCARDED],
            rows=count_live_rows(scratch),
            kept=kept(scratch),
        )
        look_again()
        for difference in find_differences(scratch):
            _note(replayed, difference)
    return replayed


def _prepare(scratch: str, choice: Choice, *, shares: int) -> int:
    with one_moment():
        copy_tables(scratch)
        copy_inbox(scratch, choice)
        events = order_events(scratch, choice, shares=shares)
        store_live_rows(scratch, choice)
        store_rates(scratch)
        store_staff_decisions(scratch)
        copy_indexes(scratch)
    return events


def _left_out(choice: Choice) -> Counter[str]:
    events = InboxEvent.objects.filter(platform__in=choice.platforms).exclude(state=InboxEvent.State.RECORDED)
    return Counter(events.values_list("state", flat=True))


def _note(replayed: Replayed, difference: Difference) -> None:
    reason = explain(difference)
    if reason:
        replayed.explained[reason] += 1
        return
    replayed.unexplained += 1
    if len(replayed.differences) < MOST_LISTED:
        replayed.differences.append(difference)


def _rebuild(scratch: str, processes: int, progress: Callable[[int], None]) -> None:
    context = multiprocessing.get_context("spawn")
    done = [context.Value(c_int64, 0) for _ in range(processes)]
    with _running(context, scratch, done) as workers:
        while any(worker.is_alive() for worker in workers):
            workers[0].join(_LOOK_EVERY_SECONDS)
            progress(sum(each.value for each in done))
            if any(worker.exitcode for worker in workers):
                break
    if any(worker.exitcode for worker in workers):
        raise ShareFailed("A process of the replay failed; what it wrote above says why. Nothing was changed.")


@contextmanager
def _running(context: SpawnContext, scratch: str, done: list[Any]) -> Iterator[list[SpawnProcess]]:
    """Run one process a share; whoever leaves the block early ends them."""
    database = connection.settings_dict["NAME"]
    workers = [
        context.Process(target=work, args=(scratch, share, database, os.getpid(), each))
        for share, each in enumerate(done)
    ]
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
