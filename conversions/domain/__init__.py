"""Rules and verbs of what players did."""
