"""Click ids: 48 hexadecimal digits that carry their own time, link and proof.

16 bytes UUIDv7 (the key in `clicks`), 4 bytes link id, 4 bytes truncated HMAC-SHA256 over both. Nothing here needs
Django: edges import it.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_FORM = re.compile(r"[0-9a-fA-F]{48}", re.ASCII)
_PROOF_BYTES = 4
CLICK_ID_DIGITS = 48


class ForgedClickId(ValueError):
    """The text has the form of a click id, but no key of ours signed it."""


class MalformedClickId(ValueError):
    """The text is not 48 hexadecimal digits."""


@dataclass(frozen=True, kw_only=True)
class ClickId:
    """A click id that we issued: its key in `clicks`, its link, its time (to the millisecond)."""

    uuid: UUID
    link_id: int
    clicked_at: datetime


def new_uuid7(milliseconds: int) -> UUID:
    """Return a UUIDv7 for a Unix time in milliseconds, its other 74 bits random."""
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def uuid_time(uuid: UUID) -> datetime:
    """Return the instant that a UUIDv7 carries."""
    return datetime.fromtimestamp((uuid.int >> 80) / 1000, UTC)


def uuid_floor(at: datetime) -> UUID:
    """Return the smallest key that a click at `at` can have: the bound of partitions and date filters."""
    return UUID(int=(int(at.timestamp() * 1000) & 0xFFFFFFFFFFFF) << 80)


def sign_click_id(uuid_bytes: bytes, link_id: int, key: bytes) -> str:
    """Return the click id of a key and link, in lower case."""
    body = uuid_bytes + link_id.to_bytes(4, "big")
    return (body + hmac.digest(key, body, hashlib.sha256)[:_PROOF_BYTES]).hex()


def read_click_id(text: str, keys: Sequence[bytes]) -> ClickId:
    """Return what a click id says once any of `keys` proves it ours; its case does not matter.

    Raises `MalformedClickId` or `ForgedClickId`.
    """
    if not _FORM.fullmatch(text):
        raise MalformedClickId("a click id is 48 hexadecimal digits")
    raw = bytes.fromhex(text)
    body, proof = raw[:20], raw[20:]
    if not any(hmac.compare_digest(hmac.digest(key, body, hashlib.sha256)[:_PROOF_BYTES], proof) for key in keys):
        raise ForgedClickId("no key of ours signed this click id")
    uuid = UUID(bytes=body[:16])
    return ClickId(uuid=uuid, link_id=int.from_bytes(body[16:], "big"), clicked_at=uuid_time(uuid))
