"""Measurements: each script runs from a fresh checkout and prints a table and one JSON object."""
