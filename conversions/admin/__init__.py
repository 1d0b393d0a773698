"""Who reports events, what was reported, who is told."""

from conversions.admin import endpoints, exchange_rates, facts, intake, players, postbacks

__all__ = ["endpoints", "exchange_rates", "facts", "intake", "players", "postbacks"]
