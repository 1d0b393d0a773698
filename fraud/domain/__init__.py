"""Rules and verbs of review."""
