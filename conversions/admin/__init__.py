"""Who reports events, what was reported, who is told."""

from conversions.admin import api_keys, endpoints, exchange_rates, facts, intake, players, postbacks

__all__ = ["api_keys", "endpoints", "exchange_rates", "facts", "intake", "players", "postbacks"]
