"""A shop in two releases, which run side by side while one takes the place of the other."""
