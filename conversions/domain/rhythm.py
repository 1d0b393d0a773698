"""Whether a source's silence is unusual: measured by its own week, hour by hour.

Messages are taken to come by chance at the rate that the same hour of the week had before; a silence in which so many
were to be expected that none at all has a chance of less than one in a thousand is no chance (Poisson: exp(-expected)).
"""

import math
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
HOURS_OF_A_WEEK = 168

# How far back a rhythm is learned from, counted from the last message: a long silence does not teach silence.
LEARNED_WEEKS = 8
# With less than two weeks of history there is no rhythm, and the plain rule for new sources holds.
LEARNING = timedelta(weeks=2)
IMPROBABLE = 0.001
# A slow week brings half of what is usual, and no alarm is due for that.
SLOW_WEEK = 0.5
EXPECTED_TO_ALARM = -math.log(IMPROBABLE) / SLOW_WEEK
# Nobody is told of less than this, however busy a source is; and what is due may be this late.
SHORTEST_SILENCE = timedelta(minutes=30)
LATENESS = timedelta(minutes=15)
# A source that brought fewer messages in the learned weeks has no rhythm that could be missed.
LEAST_MESSAGES = 20
# The plain rule for a source of less than two weeks: it was busy in the week before, and silent for a day.
NEW_SILENCE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What is known of a source: when it was heard first and last, and its messages by the hour that they came in.

    Its week is that of `time_zone`: who works at nine works at nine after the clocks have changed.
    """

    first_at: datetime
    last_at: datetime
    hours: Mapping[datetime, int]
    time_zone: str = "UTC"


def silence_alarm(heard: Heard, *, at: datetime) -> str:
    """Return what is unusual about a source's silence at `at`, in a sentence, or "" where nothing is."""
    silence = at - heard.last_at
    if silence < SHORTEST_SILENCE or _messages(heard) < LEAST_MESSAGES:
        return ""
    if heard.last_at - heard.first_at < LEARNING:
        is_unusual = silence >= NEW_SILENCE
        return f"Nothing has come for {in_words(silence)}; it is new, and was busy before." if is_unusual else ""
    expected = expected_messages(heard, at=at - LATENESS)
    if expected < EXPECTED_TO_ALARM:
        return ""
    return f"Nothing has come for {in_words(silence)}; about {expected:,.0f} messages are usual in such a time."


def expected_messages(heard: Heard, *, at: datetime) -> float:
    """Return how many messages were usual between the last one and `at`."""
    rates = _rates(heard)
    expected, hour = 0.0, _hour_of(heard.last_at)
    while hour < at:
        part = (min(hour + HOUR, at) - max(hour, heard.last_at)) / HOUR
        expected += part * _rate(rates, _hour_of_week(hour, heard.time_zone), is_whole=part == 1)
        hour += HOUR
    return expected


def in_words(silence: timedelta) -> str:
    """Return a length of time as a person says it."""
    minutes = int(silence.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 60 // 24} days"


def _rates(heard: Heard) -> list[float]:
    """Return the messages an hour for each hour of the week, over the weeks that were learned from."""
    learned_from = _hour_of(max(heard.first_at, heard.last_at - LEARNED_WEEKS * WEEK))
    sums = [0] * HOURS_OF_A_WEEK
    for hour, messages in heard.hours.items():
        if hour >= learned_from:
            sums[_hour_of_week(hour, heard.time_zone)] += messages
    begins_with = _hour_of_week(learned_from, heard.time_zone)
    weeks, further_hours = divmod((heard.last_at - learned_from) // HOUR, HOURS_OF_A_WEEK)
    times = [weeks + ((each - begins_with) % HOURS_OF_A_WEEK < further_hours) for each in range(HOURS_OF_A_WEEK)]
    return [messages / max(often, 1) for messages, often in zip(sums, times, strict=True)]


def _rate(rates: list[float], hour: int, *, is_whole: bool) -> float:
    """Return an hour's rate; of a part of one no more than its neighbours have.

    Who sends everything at ten minutes to three is neither silent at half past two nor at three.
    """
    return rates[hour] if is_whole else min(rates[hour], rates[hour - 1], rates[(hour + 1) % HOURS_OF_A_WEEK])


def _messages(heard: Heard) -> int:
    return sum(messages for hour, messages in heard.hours.items() if hour >= heard.last_at - LEARNED_WEEKS * WEEK)


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _hour_of_week(hour: datetime, time_zone: str) -> int:
    local = hour.astimezone(zoneinfo.ZoneInfo(time_zone))
    return local.weekday() * 24 + local.hour
