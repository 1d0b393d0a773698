"""Links by which a casino's developer sees his own platform's requests: signed, for a while, taken back at will."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.core import signing

from conversions.models import DeveloperLink, Platform

log = structlog.get_logger(__name__)

LONGEST_DAYS = 90
_SALT = "conversions.developer_link"
_NOTED_EVERY = timedelta(minutes=1)


class NoSuchLink(LookupError):
    """Nothing is to be seen by this address: it is not ours, or it has ended."""


def give_link(platform: Platform, *, given_to: str, days: int, by: Any, at: datetime) -> DeveloperLink:
    """Make a link that shows one platform's requests for `days`, at most `LONGEST_DAYS`."""
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"a link lasts 1 to {LONGEST_DAYS} days")
    link = DeveloperLink.objects.create(
        platform=platform, given_to=given_to, created_by=by, created_at=at, expires_at=at + timedelta(days=days)
    )
    log.info("developer_link_given", developer_link=link.pk, platform=platform.pk)
    return link


def revoke_link(link: DeveloperLink, *, at: datetime) -> None:
    """End a link now; a second time changes nothing."""
    if DeveloperLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=at):
        log.info("developer_link_revoked", developer_link=link.pk)


def token_of(link: DeveloperLink) -> str:
    """Return what the link's address ends with: its key, signed."""
    return signing.Signer(salt=_SALT).sign(link.key.hex)


def open_link(token: str, *, at: datetime) -> DeveloperLink:
    """Return the link that an address ends with, noting that it was used; raises `NoSuchLink`."""
    try:
        key = UUID(signing.Signer(salt=_SALT).unsign(token))
    except (signing.BadSignature, ValueError) as error:
        raise NoSuchLink("not signed by us") from error
    link = DeveloperLink.objects.select_related("platform").filter(key=key).first()  # at most one, by constraint
    if link is None or not is_open(link, at=at):
        raise NoSuchLink("ended")
    if link.last_opened_at is None or link.last_opened_at <= at - _NOTED_EVERY:
        DeveloperLink.objects.filter(pk=link.pk).update(last_opened_at=at)
    return link


def is_open(link: DeveloperLink, *, at: datetime) -> bool:
    return link.revoked_at is None and at < link.expires_at and link.platform.is_active
