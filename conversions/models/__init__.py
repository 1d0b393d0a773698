"""Tables of what players did, of who is told, and of what Apple tells without naming anybody."""

from conversions.models.api_keys import ApiKey
from conversions.models.app_postbacks import AppPostback, AppPostbackConflict, SourceIdentifier
from conversions.models.credit import CreditDecision, CreditIntervention, PlayerMerge, TheftEvidence, Touchpoint
from conversions.models.destinations import Destination, DestinationCampaign, DestinationNotice, DestinationPartner
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
from conversions.models.imports import Import, ImportRow, ReportPull
from conversions.models.intake import Anomaly, InboxEvent, Platform
from conversions.models.jurisdictions import ProhibitedJurisdiction
from conversions.models.players import AppSystem, AttStatus, Conversion, CustomerLtv, Player, Revenue, StatusReport
from conversions.models.postbacks import Postback, PostbackAttempt
from conversions.models.private_tokens import PrivateToken
from conversions.models.value_curves import ValueCurvePoint

__all__ = [
    "ActivityReport",
    "Anomaly",
    "ApiKey",
    "AppPostback",
    "AppPostbackConflict",
    "AppSystem",
    "AttStatus",
    "Conversion",
    "CreditDecision",
    "CreditIntervention",
    "CustomerLtv",
    "DailyActivity",
    "DayReport",
    "DayReportAmount",
    "Destination",
    "DestinationCampaign",
    "DestinationNotice",
    "DestinationPartner",
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
    "ProhibitedJurisdiction",
    "ReportPull",
    "Revenue",
    "SourceHour",
    "SourceIdentifier",
    "SourceWatch",
    "StatusReport",
    "TheftEvidence",
    "Touchpoint",
    "ValueCurvePoint",
]
