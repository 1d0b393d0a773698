"""The sandbox of a platform: its own secret, rows of its own, and whatever comes by it is a test and counts nowhere."""

from dataclasses import replace
from typing import TypeVar

from django.db import transaction

from conversions.domain.platform_secrets import new_secret
from conversions.domain.reported import Reported
from conversions.models import Platform

AnyReported = TypeVar("AnyReported", bound=Reported)

_NAME_ENDS = " (sandbox)"
_SLUG_ENDS = "-sandbox"


class NoSandbox(ValueError):
    """A sandbox has no sandbox of its own."""


@transaction.atomic
def open_sandbox(platform: Platform) -> Platform:
    """Return the platform's sandbox, made with a secret of its own if there is none yet; raises `NoSandbox`.

    It takes the platform's rules. Its players, ids and transactions are apart from the real ones, so that a test
    meets no real player whatever ids it uses.
    """
    locked = Platform.objects.select_for_update().get(pk=platform.pk)
    if locked.is_sandbox:
        raise NoSandbox(f"{locked} is a sandbox itself.")
    known = Platform.objects.filter(sandbox_of=locked).first()  # at most one, by constraint
    return known or Platform.objects.create(
        name=locked.name[: 100 - len(_NAME_ENDS)] + _NAME_ENDS,
        slug=locked.slug[: 50 - len(_SLUG_ENDS)] + _SLUG_ENDS,
        brand_id=locked.brand_id,
        secret=new_secret(),
        default_status=locked.default_status,
        time_zone=locked.time_zone,
        sandbox_of=locked,
    )


def as_it_counts(reported: AnyReported, platform: Platform) -> AnyReported:
    """Return the event as it is recorded: a test, whatever it says of itself, where it came to a sandbox."""
    return replace(reported, is_test=True) if platform.is_sandbox else reported
