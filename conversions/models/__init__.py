"""Tables of what players did, of who is told, and of what Apple tells without naming anybody."""

from conversions.models.app_postbacks import AppPostback, AppPostbackConflict, SourceIdentifier
from conversions.models.intake import Anomaly, InboxEvent, Platform
from conversions.models.players import Conversion, CustomerLtv, Player, Revenue, StatusReport
from conversions.models.postbacks import Destination, Postback, PostbackAttempt

__all__ = [
    "Anomaly",
    "AppPostback",
    "AppPostbackConflict",
    "Conversion",
    "CustomerLtv",
    "Destination",
    "InboxEvent",
    "Platform",
    "Player",
    "Postback",
    "PostbackAttempt",
    "Revenue",
    "SourceIdentifier",
    "StatusReport",
]
