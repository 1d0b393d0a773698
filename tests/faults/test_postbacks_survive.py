"""Worker and Redis are killed under load: every deposit is told, and never under a second id."""

import itertools
import time
from contextlib import ExitStack

import pytest

from tests.faults.conftest import REMARK
from tests.faults.harness import wait_until
from tests.faults.postback_harness import Casino, PostbackTracker, ids_by_deposit

pytestmark = pytest.mark.faults

# Rows whose sender died wait until their lease ends.
_RECOVERY_SECONDS = 240.0


def test_postbacks_survive_kills_of_worker_and_redis(tmp_path, profile, record_property):
    rate = profile.rate / 25
    with ExitStack() as stack:
        tracker = PostbackTracker(stack, tmp_path, players=2000 if profile.kills < 20 else 20_000)
        # So slow that something is on its way, heard and not noted yet, whenever somebody is killed.
        tracker.receiver.fail_next(10**9, status=None, delay=0.4)
        faults = itertools.cycle([tracker.kill_worker, tracker.kill_redis, tracker.kill_both])
        with Casino(tracker, rate=rate) as reported:
            for _ in range(profile.kills):
                time.sleep(profile.pause_seconds + 3)
                next(faults)()
            time.sleep(profile.pause_seconds + 3)
        ended_at = time.monotonic()
        deposits = len(reported.numbers)

        assert wait_until(lambda: tracker.has_told(deposits), seconds=_RECOVERY_SECONDS), tracker.states()
        recovery_seconds = time.monotonic() - ended_at
        ids = ids_by_deposit(tracker)

    assert deposits > 5 * rate
    assert reported.other_answers == []
    assert set(reported.numbers) - ids.keys() == set()
    assert {number: told for number, told in ids.items() if len(set(told)) > 1} == {}
    assert len({told for each in ids.values() for told in each}) == deposits
    repeats = sum(len(told) - 1 for told in ids.values())
    figures = (
        f"kill -9 of worker, Redis and both, {profile.kills} times: {deposits} deposits told, {repeats} of them again "
        f"under their own id, the last {recovery_seconds:.0f} s after the load had ended"
    )
    record_property(REMARK, figures)
