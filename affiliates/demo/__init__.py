"""Demo data: a brand, campaigns, a partner, a platform, destinations; clicks and players are the simulator's."""
