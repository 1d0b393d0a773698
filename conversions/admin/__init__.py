"""Who reports events, what was reported, who is told, and what Apple tells."""

from conversions.admin import (
    api_keys,
    app_postbacks,
    day_reports,
    destinations,
    endpoints,
    exchange_rates,
    facts,
    intake,
    players,
    postbacks,
    source_health,
)

__all__ = [
    "api_keys",
    "app_postbacks",
    "day_reports",
    "destinations",
    "endpoints",
    "exchange_rates",
    "facts",
    "intake",
    "players",
    "postbacks",
    "source_health",
]
