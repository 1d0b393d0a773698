"""Tables of what players did, of who is told, and of what Apple tells without naming anybody."""

from conversions.models.api_keys import ApiKey
from conversions.models.app_postbacks import AppPostback, AppPostbackConflict, SourceIdentifier
from conversions.models.endpoints import DroppedField, Endpoint, IntakeRequest
from conversions.models.facts import (
    ActivityReport,
    DailyActivity,
    Install,
    Milestone,
    MilestoneReport,
    Movement,
    PlayerStatus,
)
from conversions.models.health import DayReport, DayReportAmount, DeveloperLink, SourceHour, SourceWatch
from conversions.models.intake import Anomaly, InboxEvent, Platform
from conversions.models.players import Conversion, CustomerLtv, Player, Revenue, StatusReport
from conversions.models.postbacks import Destination, Postback, PostbackAttempt
from conversions.models.private_tokens import PrivateToken

__all__ = [
    "ActivityReport",
    "Anomaly",
    "ApiKey",
    "AppPostback",
    "AppPostbackConflict",
    "Conversion",
    "CustomerLtv",
    "DailyActivity",
    "DayReport",
    "DayReportAmount",
    "Destination",
    "DeveloperLink",
    "DroppedField",
    "Endpoint",
    "InboxEvent",
    "Install",
    "IntakeRequest",
    "Milestone",
    "MilestoneReport",
    "Movement",
    "Platform",
    "Player",
    "PlayerStatus",
    "Postback",
    "PostbackAttempt",
    "PrivateToken",
    "Revenue",
    "SourceHour",
    "SourceIdentifier",
    "SourceWatch",
    "StatusReport",
]
