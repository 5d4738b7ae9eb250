"""Where evidence about running code comes from: one source per file, found by ``migrator.gate.source``."""
