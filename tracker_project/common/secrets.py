"""Secrets at rest: encrypted under the first key of FIELD_ENCRYPTION_KEYS, readable under any of them."""

from functools import cache, lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


def encrypt(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


@lru_cache(maxsize=1024)
def decrypt(token: str) -> str:
    """Return the plain text; raises `cryptography.fernet.InvalidToken` when no configured key fits."""
    return _keys().decrypt(token.encode()).decode()
