"""Imports: a file's rows staged without personal data, tried, recorded through the inbox, and undone."""
