"""Postbacks: one file a vendor builds its request and reads its answer."""
