"""Who reports events, what was reported, who is told."""

from conversions.admin import exchange_rates, intake, players, postbacks

__all__ = ["exchange_rates", "intake", "players", "postbacks"]
