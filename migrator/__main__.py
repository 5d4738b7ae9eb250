"""``python -m migrator``: the command line, where its script is not on the PATH."""

from __future__ import annotations

from migrator.cli import main

main()
