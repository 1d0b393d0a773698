"""Tables of what is advertised and by whom."""

from campaigns.models.catalogue import Brand, Offer, Partner, TrafficSource
from campaigns.models.costs import Cost, ExchangeRate
from campaigns.models.running import Campaign, Creative, Goal, LinkTerms, RoutingVersion, TrackingLink

__all__ = [
    "Brand",
    "Campaign",
    "Cost",
    "Creative",
    "ExchangeRate",
    "Goal",
    "LinkTerms",
    "Offer",
    "Partner",
    "RoutingVersion",
    "TrackingLink",
    "TrafficSource",
]
