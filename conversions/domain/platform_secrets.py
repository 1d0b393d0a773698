"""Secrets that platforms sign with: made here, two of them valid while a platform changes over."""

import base64
import secrets

from django.db import transaction

from conversions.models import Platform

_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a random secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def rotate_secret(platform: Platform, *, secret: str) -> Platform:
    """Sign with `secret` from now on; the one before stays valid until the changeover is ended."""
    with transaction.atomic():
        locked = Platform.objects.select_for_update().get(pk=platform.pk)
        if locked.secret != secret:
            locked.previous_secret, locked.secret = locked.secret, secret
            locked.save(update_fields=["secret", "previous_secret"])
    return locked


def end_changeover(platform: Platform) -> None:
    """Accept the current secret alone."""
    Platform.objects.filter(pk=platform.pk).update(previous_secret="")
