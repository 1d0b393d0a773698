"""Rules and verbs of what partners earn."""
