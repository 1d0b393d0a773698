"""Tables of what players did, and of who is told."""

from conversions.models.facts import (
    ActivityReport,
    DailyActivity,
    Install,
    Milestone,
    MilestoneReport,
    Movement,
    PlayerStatus,
)
from conversions.models.intake import Anomaly, InboxEvent, Platform
from conversions.models.players import Conversion, CustomerLtv, Player, Revenue, StatusReport
from conversions.models.postbacks import Destination, Postback, PostbackAttempt

__all__ = [
    "ActivityReport",
    "Anomaly",
    "Conversion",
    "CustomerLtv",
    "DailyActivity",
    "Destination",
    "InboxEvent",
    "Install",
    "Milestone",
    "MilestoneReport",
    "Movement",
    "Platform",
    "Player",
    "PlayerStatus",
    "Postback",
    "PostbackAttempt",
    "Revenue",
    "StatusReport",
]
