"""One kind of change per file; the registry finds them here."""
