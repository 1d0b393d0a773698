"""Which hosts serve clicks alone, and which may never do so."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from campaigns.models import TrackingDomain


def active_hosts() -> frozenset[str]:
    """Return the hosts of all active tracking domains."""
    return frozenset(TrackingDomain.objects.filter(is_active=True).values_list("host", flat=True))


def refuse_click_address(url: str) -> None:
    """Raise `ValidationError` where `url` leads back to a click host."""
    try:
        address, own = urlsplit(url.lower()), urlsplit(settings.PUBLIC_CLICK_URL.lower())
    except ValueError:  # an open bracket: another check says so
        return
    if address.netloc == own.netloc or address.hostname in active_hosts():
        raise ValidationError("This is the tracker's own address: visitors would go round in a circle.")


def refuse_web_host(host: str) -> None:
    """Raise `ValidationError` where `host` is the admin's: a click host serves clicks only."""
    web = (urlsplit(settings.PUBLIC_WEB_URL).hostname or "").lower()
    own = {web, *(name.lower().strip("[]") for name in settings.ALLOWED_HOSTS if not name.startswith((".", "*")))}
    if host in own:
        raise ValidationError(
            f"{host} is a host of the admin and the webhooks: a click host serves clicks only. Point another name at "
            "the click edge."
        )
