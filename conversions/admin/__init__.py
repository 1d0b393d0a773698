"""Who reports events, what was reported, who is told, and what Apple tells."""

from conversions.admin import app_postbacks, destinations, endpoints, exchange_rates, facts, intake, players, postbacks

__all__ = ["app_postbacks", "destinations", "endpoints", "exchange_rates", "facts", "intake", "players", "postbacks"]
