"""Files of events: how each is read, and what its rows say in our words."""
