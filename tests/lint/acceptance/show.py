"""Prints the score of lint against ``truth.json``, miss by miss: ``python -m tests.lint.acceptance.show``."""

from __future__ import annotations

from tests.lint.acceptance.score import score

if __name__ == "__main__":
    print(score().report())
