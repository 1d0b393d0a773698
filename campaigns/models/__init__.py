"""Tables of what is advertised and by whom."""

from campaigns.models.catalogue import Brand, Offer, Partner, SourceParameter, TrafficSource
from campaigns.models.costs import Cost, ExchangeRate
from campaigns.models.domains import TrackingDomain
from campaigns.models.flows import Flow, FlowFilter, FlowLandingPage, FlowOffer, LandingPage, Scenario
from campaigns.models.limits import CampaignAlert, CampaignSpend, Cap, CapUse
from campaigns.models.permits import AdvertisingAccount, Licence, PlatformPermission
from campaigns.models.running import Campaign, Creative, Goal, LinkTerms, RoutingVersion, TrackingLink

__all__ = [
    "AdvertisingAccount",
    "Brand",
    "Campaign",
    "CampaignAlert",
    "CampaignSpend",
    "Cap",
    "CapUse",
    "Cost",
    "Creative",
    "ExchangeRate",
    "Flow",
    "FlowFilter",
    "FlowLandingPage",
    "FlowOffer",
    "Goal",
    "LandingPage",
    "Licence",
    "LinkTerms",
    "Offer",
    "Partner",
    "PlatformPermission",
    "RoutingVersion",
    "Scenario",
    "SourceParameter",
    "TrackingDomain",
    "TrackingLink",
    "TrafficSource",
]
