"""Verbs and queries over clicks."""
