"""Edges that live for one test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from attribution.domain.partitions import ensure_click_partitions
from bench.common import environment_of
from tests.attribution.edge.serving import ServedEdge, configuration_in
from tests.faults.harness import EdgeProcess

Serve = Callable[..., ServedEdge]
ServeForReal = Callable[[], EdgeProcess]


@pytest.fixture
def days(transactional_db: None) -> None:
    ensure_click_partitions(at=datetime.now(UTC), days_back=1, days_ahead=2)


@pytest.fixture
def serve(days: None, tmp_path: Path) -> Iterator[Serve]:
    """Start an edge on what the tables hold by now; keywords change its configuration."""
    served: list[ServedEdge] = []

    def start(**changes: Any) -> ServedEdge:
        edge = ServedEdge(configuration_in(changes.pop("folder", tmp_path), **changes))
        edge.start()
        served.append(edge)
        return edge

    yield start
    for edge in served:
        edge.stop()


@pytest.fixture
def serve_for_real(days: None, tmp_path: Path) -> Iterator[ServeForReal]:
    """Start an edge as the Procfile runs it, on what the tables hold by now."""
    served: list[EdgeProcess] = []

    def start() -> EdgeProcess:
        login = "{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
        served.append(EdgeProcess(environment_of(f"postgres://{login}", tmp_path)))
        return served[-1]

    yield start
    for edge in served:
        edge.kill()
