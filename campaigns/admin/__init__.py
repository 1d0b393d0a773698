"""Where buyers set up what is advertised."""

from campaigns.admin import catalogue, costs, running

__all__ = ["catalogue", "costs", "running"]
