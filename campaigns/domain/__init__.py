"""Rules and verbs of what is advertised."""
