"""MY001 table-copied."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.online import How, cost_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class TableCopied(DialectRule):
    """The server copies the whole table, and every write waits for it.

    Why it matters
        ALGORITHM=COPY is what the server falls back to without a word where it can do no better: on a large table
        writes wait for minutes or hours.

    What to do
        Write ALGORITHM=INPLACE, LOCK=NONE so that the server refuses instead; then add a new column and move the
        data, or use pt-online-schema-change or gh-ost. A foreign key is added in place with foreign_key_checks = 0,
        unchecked.

    Source
        MySQL 8.4 manual 17.12.1; MariaDB, InnoDB Online DDL Overview.
    """

    code = "MY001"
    name = "table-copied"
    severity = Severity.ERROR
    category = Category.LOCK
    work = Effort.REWRITE
    breaks = ()
    dialects = ("mysql", "mariadb")
    good = (
        Good("CREATE TABLE t (a varchar(20));\nALTER TABLE t MODIFY a int;"),
        Good("ALTER TABLE t ADD INDEX i (a);"),
        Good("SET foreign_key_checks = 0;\nALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id);"),
        Good("ALTER TABLE t ADD COLUMN a int;"),
    )
    bad = (
        Bad("ALTER TABLE t MODIFY a bigint NOT NULL;", fix=""),
        Bad("ALTER TABLE t DROP PRIMARY KEY;", fix=""),
        Bad("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id);", fix=""),
        Bad("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4;", fix=""),
        Bad("ALTER TABLE t ADD INDEX i (a), ALGORITHM=COPY;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement) if statement.starts("ALTER") else ("", 0)
        if not table or tables.is_new(table):
            return
        actions = actions_of(statement)
        for action in actions:
            cost = cost_of(action, actions, table, tables)
            explicit = action.kind == "algorithm" and action.name.upper() == "COPY"
            if cost.how is How.COPY or explicit:
                yield Problem(
                    f"{table} {'may be' if cost.is_guess else 'is'} copied while writes wait",
                    severity=Severity.WARNING if cost.is_guess else None,
                    why=cost.reason or "ALGORITHM=COPY asks for it",
                    blocks="writes",
                    span=action.span,
                )
