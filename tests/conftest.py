"""What all tests need of pytest beyond its plugins."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

import tracker_project.celery  # noqa: F401 (hints go to its broker; without it they wait for one that is not there)
from tracker_project.common import click_hosts

# The ledger refuses TRUNCATE; tests that commit are cleaned up by it.
_GUARDED = ["ledger_transfers", "ledger_entries"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long-faults", action="store_true", help="kill servers twenty times where two are usual")
    parser.addoption(
        "--long-orders", action="store_true", help="5,000 events and 1,000 orders where 300 and 24 are usual"
    )


@pytest.fixture(scope="session", autouse=True)
def _clean_up_may_empty_the_ledger() -> Iterator[None]:
    original = DatabaseOperations.sql_flush

    def sql_flush(self: DatabaseOperations, *args: Any, **kwargs: Any) -> list[str]:
        disable = [f"ALTER TABLE {table} DISABLE TRIGGER refuse_truncate" for table in _GUARDED]
        enable = [f"ALTER TABLE {table} ENABLE TRIGGER refuse_truncate" for table in _GUARDED]
        return [*disable, *original(self, *args, **kwargs), *enable]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def _click_hosts_are_read_once() -> Iterator[None]:
    """Read again every two seconds they would add a query to whichever request comes then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(click_hosts, "READ_EVERY_SECONDS", float("inf"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_jurisdiction_is_prohibited() -> Iterator[None]:
    """Read every two seconds the list would add a query to whichever test comes then."""
    from conversions.domain import jurisdictions  # models can be imported by now only

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jurisdictions, "READ_EVERY_SECONDS", float("inf"))
        patch.setattr(jurisdictions._list, "_read_at", 0.0)
        yield
