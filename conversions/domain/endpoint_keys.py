"""Keys that senders of postbacks show: made here, kept as hashes, two of them valid while a sender changes over."""

import hashlib
import secrets

from django.db import transaction

from conversions.models import Endpoint

_KEY_BYTES = 24


def new_key() -> str:
    """Return a random key that may stand in an address."""
    return secrets.token_urlsafe(_KEY_BYTES)


def hash_key(key: str) -> str:
    """Return what is kept of a key: its SHA-256, which is enough for 192 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def rotate_key(endpoint: Endpoint, *, key: str) -> Endpoint:
    """Take `key` from now on; the one before stays valid until the changeover is ended."""
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        if locked.key_hash != hash_key(key):
            locked.previous_key_hash, locked.key_hash = locked.key_hash, hash_key(key)
            locked.save(update_fields=["key_hash", "previous_key_hash"])
    return locked


def end_key_changeover(endpoint: Endpoint) -> None:
    """Accept the current key alone."""
    Endpoint.objects.filter(pk=endpoint.pk).update(previous_key_hash="")
