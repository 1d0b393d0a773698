"""What is advertised and by whom: sources, partners, campaigns, offers, links, goals, costs, exchange rates."""
