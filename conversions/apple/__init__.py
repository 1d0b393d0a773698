"""Apple's anonymous postbacks: read, verified and kept for themselves; no player, credit or total knows of them."""
