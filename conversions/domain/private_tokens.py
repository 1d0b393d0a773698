"""Keyed tokens that stand for personal data: the same value gives the same token, and no token gives the value."""

import hashlib
import hmac
import re
from functools import cache

from django.conf import settings
from django.db import models

from tracker_project.common.addresses import parse_address

_IPV6_PREFIX_BITS = 64


class TokenKind(models.TextChoices):
    """What a token stands for; each kind has a key of its own, so that tokens of two kinds never meet."""

    EMAIL = "email", "E-mail"
    PHONE = "phone", "Phone"
    INSTRUMENT = "instrument", "Payment instrument"
    DEVICE = "device", "Device"
    ADDRESS = "address", "Network address"
    PLAYER = "player", "Player's id"
    INSTALL = "install", "Installation"


def private_token(kind: TokenKind | str, value: str) -> str:
    """Return the token of a value, 64 hexadecimal digits; spellings that mean the same give the same."""
    return hmac.digest(_key(str(kind)), normalised(str(kind), value).encode(), hashlib.sha256).hex()


def normalised(kind: str, value: str) -> str:
    """Return the one spelling of a value: no blanks, small letters; a phone's digits; an IPv6 address' network."""
    text = re.sub(r"\s+", "", value).lower()
    if kind == TokenKind.PHONE:
        return re.sub(r"[^0-9]", "", text).lstrip("0")
    if kind == TokenKind.INSTRUMENT:
        return re.sub(r"[^0-9a-z*]", "", text)
    address = parse_address(text) if kind == TokenKind.ADDRESS else None
    if address is None:
        return text
    if address.version == 6:  # whoever has one address of a network has them all
        return str(int(address) >> (128 - _IPV6_PREFIX_BITS))
    return str(address)


@cache
def _key(kind: str) -> bytes:
    return hmac.digest(settings.PRIVATE_TOKEN_KEY, f"private token: {kind}".encode(), hashlib.sha256)
