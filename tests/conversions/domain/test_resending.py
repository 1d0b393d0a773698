"""Sending again by hand: what may go again, and what would count twice."""

from datetime import timedelta
from typing import Any

import pytest

from conversions.domain.delivery import claim_due_postbacks
from conversions.domain.outbox import withdraw_postbacks, write_postbacks
from conversions.domain.resending import (
    NotResendable,
    count_resendable,
    resend_postback,
    resend_postbacks,
    resendable,
)
from conversions.models import Postback
from tests.conversions.postbacks.rows import (
    APPSFLYER_ID,
    GCLID,
    TTCLID,
    make_appsflyer,
    make_conversion,
    make_generic,
    make_google,
    make_meta,
    make_player,
    make_tiktok,
)
from tests.world import NOON

pytestmark = pytest.mark.django_db

FACTS = {"platform_click_ids": {"gclid": GCLID, "ttclid": TTCLID}, "appsflyer_id": APPSFLYER_ID}
HOUR = timedelta(hours=1)


def a_postback(make, state, *, finished_at=NOON, **columns) -> Postback:
    make(on_deposit=True)
    write_postbacks(make_conversion(make_player(click_facts=FACTS)), at=NOON)
    finished = None if state in ("pending", "accepted") else finished_at
    Postback.objects.update(state=state, finished_at=finished, tries=8, batch_limit=1, **columns)
    return Postback.objects.get()


@pytest.mark.parametrize("make", [make_generic, make_meta, make_google, make_tiktok, make_appsflyer])
def test_resend_postback_owes_what_was_given_up_under_its_old_id(make):
    postback = a_postback(make, "dead")
    dedup_id = postback.dedup_id

    resend_postback(postback, at=NOON + HOUR)

    assert (postback.state, postback.tries, postback.next_attempt_at) == ("pending", 0, NOON + HOUR)
    assert (postback.dedup_id, postback.finished_at, postback.batch_limit) == (dedup_id, None, None)


@pytest.mark.parametrize(
    ("make", "hours", "is_sent"),
    [
        (make_generic, 1000, True),
        (make_google, 1000, True),
        (make_meta, 46, True),
        (make_meta, 48, False),
        (make_tiktok, 46, True),
        (make_tiktok, 48, False),
        (make_appsflyer, 1, False),
    ],
)
def test_resend_postback_sends_nothing_that_would_count_twice(make, hours, is_sent):
    postback = a_postback(make, "done")
    at = NOON + hours * HOUR

    if is_sent:
        assert resend_postback(postback, at=at).state == "pending"
    else:
        with pytest.raises(NotResendable, match="count it twice"):
            resend_postback(postback, at=at)
        assert Postback.objects.get().state == "done"


@pytest.mark.parametrize(("state", "columns"), [("pending", {}), ("accepted", {"receipt": "r", "accepted_at": NOON})])
def test_resend_postback_leaves_alone_what_is_on_its_way(state, columns):
    with pytest.raises(NotResendable, match="on its way"):
        resend_postback(a_postback(make_google, state, **columns), at=NOON)


def test_resend_postback_leaves_alone_what_was_taken_back():
    postback = a_postback(make_generic, "done")
    withdraw_postbacks(postback.conversion, at=NOON)

    with pytest.raises(NotResendable, match="taken back"):
        resend_postback(postback, at=NOON)


def test_resend_postback_asks_again_whether_it_may_be_sent():
    postback = a_postback(make_generic, "dead")
    postback.conversion.player.consent_ad_user_data = False
    postback.conversion.player.save()

    resend_postback(postback, at=NOON)

    assert claim_due_postbacks(room={postback.destination_id: 1}, at=NOON) == []
    assert Postback.objects.get().state == "cancelled"


def a_day_of_postbacks():
    destination, other = make_generic(on_deposit=True), make_generic(on_deposit=True)
    for hour in range(4):
        write_postbacks(make_conversion(), at=NOON + hour * HOUR)
    Postback.objects.update(state="dead", finished_at=NOON + 9 * HOUR)
    Postback.objects.filter(created_at=NOON + 2 * HOUR).update(state="done")
    return destination, other


def test_resend_postbacks_takes_a_half_open_period_of_one_destination():
    destination, other = a_day_of_postbacks()
    period = {"starts_at": NOON + HOUR, "ends_at": NOON + 3 * HOUR}

    sent = resend_postbacks(destination, **period, also_delivered=False, at=NOON + 10 * HOUR)

    assert sent == 1
    assert [row.created_at for row in Postback.objects.filter(state="pending")] == [NOON + HOUR]
    assert not Postback.objects.filter(destination=other, state="pending").exists()


def test_resend_postbacks_counts_before_as_it_sends_after():
    destination, _ = a_day_of_postbacks()
    period: dict[str, Any] = {"starts_at": NOON, "ends_at": NOON + 3 * HOUR, "also_delivered": True}

    counted = count_resendable(resendable(destination, **period), at=NOON + 10 * HOUR)

    assert counted == resend_postbacks(destination, **period, at=NOON + 10 * HOUR) == 3
    assert resend_postbacks(destination, **period, at=NOON + 10 * HOUR) == 0
