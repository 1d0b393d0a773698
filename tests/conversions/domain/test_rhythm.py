"""Silences that are unusual for a source, and those that are not."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conversions.domain.rhythm import Heard, expected_messages, in_words, silence_alarm

# A Monday.
START = datetime(2026, 9, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEKS = timedelta(weeks=1)


def heard(
    rate: Callable[[datetime], int], *, weeks: int = 8, last_at: datetime | None = None, time_zone: str = "UTC"
) -> Heard:
    """Return a source that brought `rate` messages in each hour for so many weeks."""
    last_at = last_at or START + weeks * WEEKS
    hours = {hour: rate(hour) for hour in (START + HOUR * number for number in range(weeks * 168))}
    return Heard(
        first_at=START,
        last_at=last_at,
        hours={hour: messages for hour, messages in hours.items() if messages and hour < last_at},
        time_zone=time_zone,
    )


def minutes_to_alarm(source: Heard, *, at_most: int = 100 * 60) -> int | None:
    """Return after how many minutes of silence the alarm comes, None where none does."""
    silent = (minutes for minutes in range(0, at_most, 5))
    return next((each for each in silent if silence_alarm(source, at=source.last_at + timedelta(minutes=each))), None)


@pytest.mark.parametrize(
    ("messages_an_hour", "minutes"),
    # exp(-expected / 2) is below 0.001 from 13.8 on, counted until 15 minutes ago; never before half an hour.
    [(1000, 30), (60, 30), (30, 45), (10, 100), (5, 185), (1, 845)],
)
def test_silence_alarm_comes_when_none_at_all_is_improbable(messages_an_hour, minutes):
    assert minutes_to_alarm(heard(lambda hour: messages_an_hour)) == minutes


def test_silence_alarm_says_how_long_and_what_is_usual():
    source = heard(lambda hour: 30)

    assert silence_alarm(source, at=source.last_at + timedelta(minutes=75)) == (
        "Nothing has come for 75 minutes; about 30 messages are usual in such a time."
    )


def test_silence_alarm_knows_the_night():
    source = heard(lambda hour: 40 if 8 <= hour.hour < 20 else 0, last_at=START + 8 * WEEKS - 4 * HOUR)

    assert silence_alarm(source, at=START + 8 * WEEKS + 8 * HOUR) == ""
    assert silence_alarm(source, at=START + 8 * WEEKS + 9 * HOUR + timedelta(minutes=15)) != ""


def test_silence_alarm_knows_the_weekend():
    friday_evening = START + 8 * WEEKS - timedelta(days=2, hours=6)
    source = heard(lambda hour: 40 if hour.weekday() < 5 and 8 <= hour.hour < 18 else 0, last_at=friday_evening)

    assert silence_alarm(source, at=START + 8 * WEEKS + 8 * HOUR) == ""
    assert silence_alarm(source, at=START + 8 * WEEKS + 10 * HOUR) != ""


def test_silence_alarm_waits_for_who_sends_once_a_day_late_in_an_hour():
    batch = START + 8 * WEEKS - timedelta(hours=21, minutes=8)
    source = heard(lambda hour: 500 if hour.hour == 2 else 0, last_at=batch)

    assert silence_alarm(source, at=batch + timedelta(hours=24, minutes=15)) == ""
    assert silence_alarm(source, at=batch + timedelta(hours=24, minutes=30)) != ""


def test_silence_alarm_follows_the_clocks_of_the_source_s_zone():
    """In Malta clocks go back on 25 October: nine o'clock is 07:00 UTC before and 08:00 after."""
    zone = ZoneInfo("Europe/Malta")
    rate = lambda hour: 500 if hour.astimezone(zone).hour == 9 else 0  # noqa: E731
    last_at = datetime(2026, 10, 24, 7, 59, tzinfo=UTC)
    at = datetime(2026, 10, 25, 8, 20, tzinfo=UTC)

    assert silence_alarm(heard(rate, weeks=4, last_at=last_at, time_zone="Europe/Malta"), at=at) == ""
    assert silence_alarm(heard(rate, weeks=4, last_at=last_at), at=at) != ""


def test_silence_alarm_learns_nothing_from_the_silence_itself():
    source = heard(lambda hour: 10)

    assert silence_alarm(source, at=source.last_at + 30 * WEEKS).startswith("Nothing has come for 210 days")


def test_silence_alarm_forgets_what_was_usual_nine_weeks_before():
    busy_until = START + 4 * WEEKS
    source = heard(lambda hour: 100 if hour < busy_until else 0, weeks=14)

    assert silence_alarm(source, at=source.last_at + WEEKS) == ""


def test_silence_alarm_leaves_quiet_sources_alone():
    """Two a week: what has no rhythm cannot fall out of it."""
    source = heard(lambda hour: int(hour.weekday() in (1, 4) and hour.hour == 12))

    assert silence_alarm(source, at=source.last_at + 50 * WEEKS) == ""


@pytest.mark.parametrize(
    ("messages_an_hour", "silent_hours", "alarms"),
    [(1, 23, False), (1, 24, True), (100, 23, False), (100, 24, True), (0, 1000, False)],
)
def test_silence_alarm_of_a_new_source_comes_after_a_day(messages_an_hour, silent_hours, alarms):
    source = heard(lambda hour: messages_an_hour, weeks=1)

    assert bool(silence_alarm(source, at=source.last_at + silent_hours * HOUR)) is alarms


def test_silence_alarm_is_false_hardly_ever_in_half_a_year_of_chance():
    """Half a year of arrivals by chance, busy by day, half as busy every third week: looked at in each of its gaps."""
    chance = random.Random(20261128)
    hours: Counter[datetime] = Counter()
    alarms, last_at, now = [], START, START
    while now < START + 26 * WEEKS:
        now += HOUR * chance.expovariate(30)
        slow = 0.5 if (now - START) // WEEKS % 3 == 0 else 1.0
        if chance.random() > slow * (1 if 10 <= now.hour < 23 else 0.1):
            continue
        if now - last_at > timedelta(minutes=30):
            alarms.append(silence_alarm(Heard(first_at=START, last_at=last_at, hours=hours), at=now))
        hours[now.replace(minute=0, second=0, microsecond=0)] += 1
        last_at = now

    assert len(alarms) > 500
    assert len([alarm for alarm in alarms if alarm]) <= 1


def test_expected_messages_counts_parts_of_hours():
    source = heard(lambda hour: 12, last_at=START + 8 * WEEKS - timedelta(minutes=20))

    assert expected_messages(source, at=START + 8 * WEEKS + timedelta(minutes=15)) == pytest.approx(7.0, rel=0.01)


@pytest.mark.parametrize(
    ("silence", "words"),
    [
        (timedelta(minutes=31, seconds=59), "31 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_in_words_says_a_length_of_time(silence, words):
    assert in_words(silence) == words
