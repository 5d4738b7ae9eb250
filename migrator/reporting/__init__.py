"""One output format per file: what a person or a machine reads."""
