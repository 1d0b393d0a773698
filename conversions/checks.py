"""Refuse to deploy with what only a developer's tracker may have."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def no_development_postbacks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.APPLE_DEVELOPMENT_POSTBACKS:
        return []
    return [
        Error(
            "APPLE_DEVELOPMENT_POSTBACKS takes postbacks that any developer's device can sign.",
            hint="Unset it: production takes postbacks of Apple's production key alone.",
            id="tracker.E101",
        )
    ]
