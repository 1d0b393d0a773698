"""The world outside the tracker: visitors, a casino and receivers of postbacks, with what must come out of them."""
