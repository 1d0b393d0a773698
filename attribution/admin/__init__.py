"""The admin's pages of clicks, of what happens around them, and of who counts as a visitor."""

from attribution.admin import clicks, landings, set_aside, visitors

__all__ = ["clicks", "landings", "set_aside", "visitors"]
