"""Imports of files, from their bytes to the facts."""
