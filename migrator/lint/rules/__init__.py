"""One rule per file, found by ``migrator.lint.registry``: add a file and it is in."""
