"""Secrets change their key: all of them, or none of a model's."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from conversions.models import Destination
from tests.conversions.postbacks.rows import make_generic, make_meta
from tests.world import make_platform
from tracker_project.common import secrets

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def keys(settings):
    def use(*keys: str) -> None:
        settings.FIELD_ENCRYPTION_KEYS = list(keys)
        secrets._keys.cache_clear()

    yield use
    secrets._keys.cache_clear()


def stored_hash_keys() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash_key FROM destinations ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def test_rotate_secrets_encrypts_all_under_the_first_key(keys):
    keys(OLD)
    make_meta(access_token="token")
    make_generic(headers="X-Key: 42")
    make_platform()
    keys(NEW, OLD)

    call_command("rotate_secrets", stdout=(said := StringIO()))

    keys(NEW)
    assert [row.access_token for row in Destination.objects.order_by("id")] == ["token", ""]
    assert [row.headers for row in Destination.objects.order_by("id")] == ["", "X-Key: 42"]
    assert all(Fernet(NEW).decrypt(text.encode()) for text in stored_hash_keys())
    assert "destinations: 2 rows" in said.getvalue()
    assert "token" not in said.getvalue()


def test_rotate_secrets_says_whose_key_is_missing_and_changes_nothing(keys):
    keys(OLD)
    make_meta()
    keys(LOST)
    make_meta()
    keys(NEW, OLD)
    before = stored_hash_keys()

    with pytest.raises(CommandError, match="A secret of destinations fits none of the keys"):
        call_command("rotate_secrets", stdout=StringIO())

    assert stored_hash_keys() == before
