"""Clicks: the click edge, their storage, and who gets the credit for what followed."""
