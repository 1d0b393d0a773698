"""Measurement partners from whom reports are fetched, one file each."""
