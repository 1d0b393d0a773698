"""Fetching reports from servers that hold to the partners' rules."""
