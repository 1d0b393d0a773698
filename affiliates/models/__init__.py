"""Tables of what partners earn."""
