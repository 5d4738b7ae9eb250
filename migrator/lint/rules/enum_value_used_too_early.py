"""RB006 enum-value-used-too-early."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import literal
from migrator.sql.parser import Statement, pb, walk


class EnumValueUsedTooEarly(Rule):
    """A label of an enum is used in the transaction that adds it.

    Why it matters
        "unsafe use of new value" (error 55P04): the migration stops there. Only labels of a type that the same
        transaction created may be used at once.

    What to do
        ALTER TYPE … ADD VALUE in a migration, or at least a transaction, of its own.

    A warning where whoever runs the file may put it into one transaction or not.

    Source
        PostgreSQL documentation, ALTER TYPE, "Notes"; run on 14 and 18.
    """

    code = "RB006"
    name = "enum-value-used-too-early"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.UNSAFE
    kinds = ("alter_enum_stmt",)
    good = (
        Good(
            "BEGIN; ALTER TYPE mood ADD VALUE 'calm'; INSERT INTO words (word) VALUES ('calm'); COMMIT;",
            earlier="CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE words (word text);",
        ),
        Good("ALTER TYPE mood ADD VALUE 'calm';\nALTER TABLE users ADD COLUMN mood mood;"),
        Good("BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nINSERT INTO moods VALUES ('calm');"),
        Good("BEGIN;\nCREATE TYPE mood AS ENUM ('a');\nALTER TYPE mood ADD VALUE 'calm';\n"
             "INSERT INTO moods VALUES ('calm');\nCOMMIT;"),
        Good("-- migrator: transaction = false\nALTER TYPE mood ADD VALUE 'calm';\nINSERT INTO moods VALUES ('calm');"),
    )  # fmt: skip
    bad = (
        Bad(
            "BEGIN; ALTER TYPE app.mood ADD VALUE 'calm'; DELETE FROM words WHERE mood = 'calm'; COMMIT;",
            earlier="CREATE TYPE app.mood AS ENUM ('sad'); CREATE TABLE words (word text, mood app.mood);",
            fix="ALTER TYPE app.mood ADD VALUE 'calm';\nCOMMIT;\nBEGIN;",
        ),
        Bad(
            "BEGIN; ALTER TYPE mood ADD VALUE 'calm'; INSERT INTO words (mood) VALUES ('calm'); COMMIT;",
            earlier="CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE words (word text, mood mood);",
            fix="ALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nBEGIN;",
        ),
        Bad(
            "BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\n"
            "ALTER TABLE users ALTER COLUMN mood SET DEFAULT 'calm';\nCOMMIT;",
            fix="ALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nBEGIN;",
        ),
        Bad(
            "ALTER TYPE mood ADD VALUE 'calm';\nINSERT INTO moods VALUES ('calm');",
            fix="ALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nBEGIN;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.old_val or context.membership is Membership.OUTSIDE:
            return
        type_name = names_in(node.type_name)[-1]
        for other in context.earlier_of("create_enum_stmt"):
            if names_in(other.node.type_name)[-1] == type_name:
                return
        for later in context.following:
            if later.kind == "transaction_stmt":
                return
            if (
                node.new_val in later.text
                and _uses(later, node.new_val)
                and not _is_of_others(later, type_name, context)
            ):
                yield Problem(
                    f"line {later.line} uses {literal(node.new_val)} before it is committed",
                    why="PostgreSQL refuses a new label in the transaction that adds it, and the migration stops there",
                    fix=f"{statement.text};\nCOMMIT;\nBEGIN;",
                    severity=Severity.WARNING if context.membership is Membership.UNKNOWN else None,
                    repair=Repair(alone=True),
                )
                return


def _uses(statement: Statement, label: str) -> bool:
    if statement.kind in ("alter_enum_stmt", "comment_stmt"):
        return False
    return any(isinstance(inner, pb.A_Const) and inner.sval.sval == label for inner in walk(statement.node))


def _is_of_others(statement: Statement, type_name: str, context: Context) -> bool:
    """Whether a statement about rows reads and writes no column of the type: then a text that is alike is no label."""
    if statement.kind not in ("insert_stmt", "update_stmt", "delete_stmt", "select_stmt"):
        return False
    parts = list(walk(statement.node))
    if any(isinstance(part, pb.TypeName) and names_in(part.names)[-1] == type_name for part in parts):
        return False
    tables = [context.catalog.table(part) for part in parts if isinstance(part, pb.RangeVar)]
    return bool(tables) and all(
        table is not None
        and table.complete
        and all(
            column.type is not None and column.type.name.rpartition(".")[2] != type_name
            for column in table.columns.values()
        )
        for table in tables
    )
