"""What players did: intake of webhooks, players, conversions, lifetime value, postbacks."""
