"""How dates and times are written for people, in the place where Django looks for it."""
