"""One Postgres for all faults, an edge for each."""

from collections.abc import Iterator

import pytest

from tests.faults.harness import EdgeProcess, Store


@pytest.fixture(scope="session")
def _prepared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("faults"))
    yield store
    store.postgres.remove()


@pytest.fixture
def store(_prepared_store: Store) -> Store:
    _prepared_store.postgres.start()
    _prepared_store.empty()
    return _prepared_store


@pytest.fixture
def edge(store: Store) -> Iterator[EdgeProcess]:
    edge = EdgeProcess(store)
    yield edge
    edge.kill()


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a test does its worst."""
    return 20 if request.config.getoption("--long-faults") else 2
