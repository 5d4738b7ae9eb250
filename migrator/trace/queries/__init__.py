"""SQL this room runs, read by ``migrator.postgres.queries.load``."""
