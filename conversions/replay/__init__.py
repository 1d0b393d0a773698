"""Replay: what the inbox says, rebuilt beside the live tables and compared with them."""
