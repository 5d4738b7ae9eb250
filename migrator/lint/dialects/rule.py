"""What a rule of other dialects is: as ``migrator.lint.rule.Rule``, over words instead of trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Problem, Rule
from migrator.sql.dialect import ForeignStatement


class DialectRule(Rule):
    """A rule over statements of MySQL, MariaDB or SQLite.

    Attributes:
        dialects: where it holds; ``good`` and ``bad`` are in the first.
    """

    dialects: ClassVar[tuple[str, ...]]

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """Problems of one statement; ``tables`` is what holds just before it runs."""
        raise NotImplementedError
