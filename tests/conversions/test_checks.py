"""What must not be deployed."""

from typing import Any

import pytest

from conversions.checks import no_development_postbacks


@pytest.mark.parametrize(("allowed", "complaints"), [(False, []), (True, ["tracker.E101"])])
def test_development_postbacks_are_not_deployed(settings: Any, allowed: bool, complaints: list[str]) -> None:
    settings.APPLE_DEVELOPMENT_POSTBACKS = allowed

    assert [complaint.id for complaint in no_development_postbacks(None)] == complaints
