"""Which repeats of an event an edge notices by itself."""

from attribution.edge.events import RecentEvents

NOON = 1_795_348_800_000


def test_the_same_event_within_ten_seconds_is_a_repeat():
    recent = RecentEvents()

    first = recent.is_repeat("a", NOON)

    assert (first, recent.is_repeat("a", NOON + 9_999)) == (False, True)
    assert recent.is_repeat("b", NOON + 9_999) is False


def test_the_same_event_after_ten_seconds_counts_again():
    recent = RecentEvents()
    recent.is_repeat("a", NOON + 9_000)

    assert recent.is_repeat("a", NOON + 19_000) is False
    assert recent.is_repeat("a", NOON + 28_999) is True


def test_repeats_do_not_put_off_when_the_next_counts():
    recent = RecentEvents()
    recent.is_repeat("a", NOON)
    recent.is_repeat("a", NOON + 6_000)

    assert recent.is_repeat("a", NOON + 10_000) is False


def test_a_clock_that_steps_back_a_little_counts_nothing_twice():
    recent = RecentEvents()
    recent.is_repeat("a", NOON)

    assert recent.is_repeat("a", NOON - 500) is True


def test_what_is_long_past_is_forgotten():
    recent = RecentEvents()
    for number in range(1_000):
        recent.is_repeat(number, NOON)

    recent.is_repeat("a", NOON + 60_000)

    assert len(recent._now) + len(recent._before) == 1
