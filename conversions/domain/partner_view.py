"""What a partner may read of the postbacks that are sent to him."""

from conversions.domain.consent import PARTNERS_WORD
from conversions.models import Postback

_WORDS: dict[str, str] = {
    Postback.State.PENDING: "To be sent.",
    Postback.State.ACCEPTED: "Sent.",
    Postback.State.DONE: "Sent.",
    Postback.State.DEAD: "Could not be delivered.",
    # Whatever the reason: that a player excluded himself, or is being looked into, is nobody else's business.
    Postback.State.CANCELLED: PARTNERS_WORD,
}


def word_for_partners(postback: Postback) -> str:
    """Return what became of a postback in the words for partners: never why it was not sent."""
    return _WORDS[postback.state]
