"""The one client for outgoing HTTP."""
