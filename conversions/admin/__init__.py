"""Who reports events, what was reported, who is told, and what Apple tells."""

from conversions.admin import (
    api_keys,
    app_postbacks,
    destinations,
    endpoints,
    exchange_rates,
    facts,
    intake,
    jurisdictions,
    players,
    postbacks,
)

__all__ = [
    "api_keys",
    "app_postbacks",
    "destinations",
    "endpoints",
    "exchange_rates",
    "facts",
    "intake",
    "jurisdictions",
    "players",
    "postbacks",
]
