"""Refuse to deploy with settings that only a demo may have."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def no_private_egress(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.EGRESS_ALLOWED_ADDRESSES:
        return []
    return [
        Error(
            "EGRESS_ALLOWED_ADDRESSES lets postbacks reach addresses that are not public.",
            hint="Unset it: only demo and tests may name extra addresses.",
            id="tracker.E001",
        )
    ]
