"""What the rooms hand to one another: frozen dataclasses, standard library only."""
