"""Tables of what players did, of who is told, and of what Apple tells without naming anybody."""

from conversions.models.api_keys import ApiKey
from conversions.models.app_postbacks import AppPostback, AppPostbackConflict, SourceIdentifier
from conversions.models.credit import CreditDecision, CreditIntervention, PlayerMerge, TheftEvidence, Touchpoint
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
from conversions.models.imports import Import, ImportRow, ReportPull
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
    "CreditDecision",
    "CreditIntervention",
    "CustomerLtv",
    "DailyActivity",
    "DayReport",
    "DayReportAmount",
    "Destination",
    "DeveloperLink",
    "DroppedField",
    "Endpoint",
    "Import",
    "ImportRow",
    "InboxEvent",
    "Install",
    "IntakeRequest",
    "Milestone",
    "MilestoneReport",
    "Movement",
    "Platform",
    "Player",
    "PlayerMerge",
    "PlayerStatus",
    "Postback",
    "PostbackAttempt",
    "PrivateToken",
    "ReportPull",
    "Revenue",
    "SourceHour",
    "SourceIdentifier",
    "SourceWatch",
    "StatusReport",
    "TheftEvidence",
    "Touchpoint",
]
