"""What every address of the intake does with a request: who sent it, from where, its body within bounds."""

from collections.abc import Sequence

from django.conf import settings
from rest_framework.request import Request

from conversions.api.errors import WebhookError
from conversions.dialects.dialect import MAX_BODY_BYTES
from tracker_project.common.addresses import client_address, is_in, parse_networks

# A body too long is read to its end, up to here, so that the sender reads our answer rather than a broken pipe.
_MAX_DRAINED_BYTES = 32 * 1024 * 1024
# In the environment of a request that we make ourselves as a sample; no header can put it there.
SAMPLE = "tracker.sample"


def check_address(request: Request, allowed_addresses: Sequence[str]) -> None:
    """Raise a 403 unless the request comes from one of the addresses; an empty list allows any."""
    if not allowed_addresses:
        return
    address = client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        parse_networks(settings.TRUSTED_PROXIES),
    )
    if address is None or not is_in(address, parse_networks(allowed_addresses)):
        raise WebhookError(403, "address_not_allowed", "This address may not post for the platform.")


def read_body(request: Request, *, at_most: int = MAX_BODY_BYTES) -> bytes:
    """Return the body's bytes; raises a 413 for one that is too long."""
    body: bytes = request._request.read(at_most + 1)
    if len(body) > at_most:
        drained = 0
        while drained < _MAX_DRAINED_BYTES and (chunk := request._request.read(65536)):
            drained += len(chunk)
        raise WebhookError(413, "too_large", f"A body has at most {at_most // 1024} KiB.")
    return body


def is_sample(request: Request) -> bool:
    """Tell whether we made the request ourselves, to show a sample's whole way."""
    return SAMPLE in request.META


def media_type(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()
