"""Tables of clicks, of what comes before and after them, and of who counts as a visitor."""

from attribution.models.clicks import ByDayQuerySet, Click, ClickQuerySet, CreditOutcome, SetAsideClick
from attribution.models.landings import Impression, LandingEvent, PreClick
from attribution.models.visitors import BotRule, DailyVisitorKey, StaffNetwork

__all__ = [
    "BotRule",
    "ByDayQuerySet",
    "Click",
    "ClickQuerySet",
    "CreditOutcome",
    "DailyVisitorKey",
    "Impression",
    "LandingEvent",
    "PreClick",
    "SetAsideClick",
    "StaffNetwork",
]
