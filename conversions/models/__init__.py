"""Tables of what players did, and of who is told."""

from conversions.models.intake import Anomaly, InboxEvent, Platform
from conversions.models.players import Conversion, CustomerLtv, Player, Revenue, StatusReport
from conversions.models.postbacks import Destination, Postback, PostbackAttempt

__all__ = [
    "Anomaly",
    "Conversion",
    "CustomerLtv",
    "Destination",
    "InboxEvent",
    "Platform",
    "Player",
    "Postback",
    "PostbackAttempt",
    "Revenue",
    "StatusReport",
]
