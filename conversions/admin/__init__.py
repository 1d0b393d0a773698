"""Who reports events, what was reported, who is told."""

from conversions.admin import destinations, exchange_rates, intake, players, postbacks

__all__ = ["destinations", "exchange_rates", "intake", "players", "postbacks"]
