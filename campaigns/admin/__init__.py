"""Where buyers set up what is advertised."""

from campaigns.admin import campaigns, caps, catalogue, costs, domains, flows, offers, permits, running, sources

__all__ = ["campaigns", "caps", "catalogue", "costs", "domains", "flows", "offers", "permits", "running", "sources"]
