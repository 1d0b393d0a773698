"""Standard Webhooks signatures: HMAC-SHA256 over `{id}.{timestamp}.{raw body}` (standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(Exception):
    """The message is not signed by the platform, or not now; `code` is for the sender."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def secret_bytes(secret: str) -> bytes:
    """Return the key that `whsec_<base64>` writes; raises `ValueError` unless it has 24 to 64 bytes."""
    if not secret.startswith(_PREFIX):
        raise ValueError("a secret begins with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("after whsec_ comes base64") from error
    if not 24 <= len(key) <= 64:
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def validate_secret(secret: str) -> None:
    """Refuse a secret that Standard Webhooks would not accept."""
    try:
        secret_bytes(secret)
    except ValueError as error:
        raise ValidationError(f"This is no Standard Webhooks secret: {error}.") from error


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header of a message."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), content, hashlib.sha256)).decode()


def verify(
    secrets: Sequence[str], *, webhook_id: str, timestamp: str, signature: str, body: bytes, at: datetime
) -> None:
    """Raise `BadSignature` unless one of `signature`'s v1 parts proves id, timestamp and body under one secret."""
    if not webhook_id or not timestamp or not signature:
        raise BadSignature("missing_signature", "webhook-id, webhook-timestamp and webhook-signature are required.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("bad_timestamp", "webhook-timestamp is seconds since 1970, in digits.")
    if abs(at.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("timestamp_outside_tolerance", "webhook-timestamp is more than five minutes off our clock.")
    content = f"{webhook_id}.{timestamp}.".encode() + body
    given = [part.removeprefix("v1,").encode() for part in signature.split(" ") if part.startswith("v1,")]
    for secret in secrets:
        expected = base64.b64encode(hmac.digest(secret_bytes(secret), content, hashlib.sha256))
        if any(hmac.compare_digest(expected, part) for part in given):
            return
    raise BadSignature("bad_signature", "No signature fits: check the secret, and sign the body's exact bytes.")
