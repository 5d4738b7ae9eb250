"""Plans: changes to steps, steps to phase files and back, and what a plan assumes about the tables it touches."""
