"""Tables of clicks, of what comes before and after them, of who counts as a visitor, and of who gets the credit."""

from attribution.models.clicks import ByDayQuerySet, Click, ClickQuerySet, CreditOutcome, SetAsideClick
from attribution.models.credit_rules import Channel, CreditRule
from attribution.models.landings import Impression, LandingEvent, PreClick
from attribution.models.visitors import BotRule, DailyVisitorKey, StaffNetwork

__all__ = [
    "BotRule",
    "ByDayQuerySet",
    "Channel",
    "Click",
    "ClickQuerySet",
    "CreditOutcome",
    "CreditRule",
    "DailyVisitorKey",
    "Impression",
    "LandingEvent",
    "PreClick",
    "SetAsideClick",
    "StaffNetwork",
]
