"""Secrets at rest."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.db import connection

from conversions.models import Platform
from tests.world import SECRET, make_platform
from tracker_project.common import secrets


@pytest.fixture
def keys(settings):
    """Use keys of the test's own, and forget them afterwards."""

    def use(*names: bytes) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [name.decode() for name in names]
        secrets._keys.cache_clear()

    yield use
    secrets._keys.cache_clear()


@pytest.mark.django_db
def test_encrypted_field_is_plain_in_python_and_not_in_the_database():
    make_platform(secret=SECRET)

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret FROM platforms")
        stored, empty = cursor.fetchone()

    assert SECRET not in stored
    assert empty == ""
    assert Platform.objects.get().secret == SECRET


def test_decrypt_reads_what_an_older_key_wrote(keys):
    old, new = Fernet.generate_key(), Fernet.generate_key()
    keys(old)
    token = secrets.encrypt("hidden")

    keys(new, old)

    assert secrets.decrypt(token) == "hidden"


def test_decrypt_refuses_without_the_key(keys):
    keys(Fernet.generate_key())
    token = secrets.encrypt("hidden")

    keys(Fernet.generate_key())

    with pytest.raises(InvalidToken):
        secrets.decrypt(token)
