"""What ``migrator new`` and ``migrator init`` do: SQL text to a folder of phase files, a project set up."""
