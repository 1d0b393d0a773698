"""What stories begin with: noon on 22 November 2026, a platform, and its sender."""

from collections.abc import Iterator

import pytest
import time_machine

import tracker_project.celery  # noqa: F401  (hints go to its broker, not to Celery's default one)
from conversions.models import Platform
from tests.stories.webhooks import Webhooks
from tests.world import NOON, make_platform


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def platform(db: None) -> Platform:
    return make_platform(slug="gaming", is_default=True)


@pytest.fixture
def casino(platform: Platform) -> Webhooks:
    return Webhooks(platform)


@pytest.fixture
def orders(request: pytest.FixtureRequest) -> int:
    """Return in how many orders a history is told."""
    return 1_000 if request.config.getoption("--long-orders") else 24


@pytest.fixture
def events_at_once(request: pytest.FixtureRequest) -> int:
    """Return how many events are delivered by many threads."""
    return 5_000 if request.config.getoption("--long-orders") else 300
