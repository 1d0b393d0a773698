"""When a platform that states values anew may be told of a correction: never before it has confirmed what it corrects.

A correction of what the platform does not know would count as another conversion.
"""

from conversions.models import Destination, Postback
from conversions.postbacks.adapter import NothingToTell

_UNDECIDED = (Postback.State.PENDING, Postback.State.ACCEPTED)


def reason_to_wait(correction: Postback) -> str:
    """Return why a correction must wait, or ""; raises `NothingToTell` when it must not be sent at all."""
    if correction.destination.kind != Destination.Kind.GOOGLE:
        return ""
    others = list(
        Postback.objects.filter(
            destination=correction.destination_id, conversion=correction.conversion_id, dedup_id=correction.dedup_id
        )
        .exclude(pk=correction.pk)
        .order_by("pk")
    )
    if any(other.pk > correction.pk and other.state != Postback.State.CANCELLED for other in others):
        raise NothingToTell("A later correction takes its place.")
    if any(other.state in _UNDECIDED for other in others):
        return "It waits until Google has confirmed what was told before."
    if not any(not other.is_correction and other.state == Postback.State.DONE for other in others):
        raise NothingToTell("Google never confirmed the conversion: a correction could count as another one.")
    return ""
