"""What tests of Apple's postbacks share: production signed by a key of the tests' own."""

import pytest

from conversions.apple import signatures
from tests.conversions.apple.signing import PUBLIC_KEY


@pytest.fixture
def our_apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests' key stand for Apple's production key, whose private half only Apple has."""
    monkeypatch.setitem(signatures.KEYS, signatures.PRODUCTION_KEY, PUBLIC_KEY)
