"""One rule of other dialects per file; found by ``migrator.lint.registry``, no list to edit."""
