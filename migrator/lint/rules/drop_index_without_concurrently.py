"""LK003 drop-index-without-concurrently."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, after_word, at_end
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap
from migrator.sql.tokens import tokens


class DropIndexWithoutConcurrently(Rule):
    """DROP INDEX without CONCURRENTLY.

    Why it matters
        It takes ACCESS EXCLUSIVE on the table. The drop is brief, but it waits behind the longest running query, and
        every other query, reads as well, queues behind it.

    What to do
        DROP INDEX CONCURRENTLY, one index at a time, outside a transaction. It does not exist for the index of a
        partitioned table and for one behind a constraint (ALTER TABLE … DROP CONSTRAINT).

    Source
        PostgreSQL documentation, DROP INDEX; measured on 15 and 18.
    """

    code = "LK003"
    name = "drop-index-without-concurrently"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("drop_stmt",)
    good = (
        Good("DROP INDEX CONCURRENTLY users_email;"),
        Good("CREATE TABLE users (email text); CREATE INDEX users_email ON users (email); DROP INDEX users_email;"),
        Good("DROP TRIGGER users_sync ON users;"),
        Good(
            "DROP INDEX events_at;",
            earlier="CREATE TABLE events (at date) PARTITION BY RANGE (at); CREATE INDEX events_at ON events (at);",
        ),
    )
    bad = (
        Bad("DROP INDEX users_email;", fix="DROP INDEX CONCURRENTLY users_email;"),
        Bad(
            "DROP INDEX IF EXISTS app.users_email, users_name;",
            fix="DROP INDEX CONCURRENTLY IF EXISTS app.users_email;\nDROP INDEX CONCURRENTLY IF EXISTS users_name;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.remove_type != pb.OBJECT_INDEX or node.concurrent:
            return
        names = [object_name(item) for item in node.objects if not self._harmless(item, context)]
        if not names:
            return
        exists = "IF EXISTS " if node.missing_ok else ""
        yield Problem(
            f"dropping index {', '.join(names)} blocks reads and writes of its table",
            why="the drop waits for the longest running query on the table, and everything else queues behind it",
            fix="\n".join(f"DROP INDEX CONCURRENTLY {exists}{object_name(item)};" for item in node.objects),
            lock=LockMode.ACCESS_EXCLUSIVE,
            repair=self._repair(statement, exists) if len(names) == len(node.objects) else None,
        )

    @staticmethod
    def _repair(statement: Statement, exists: str) -> Repair | None:
        """Each in a statement of its own; CONCURRENTLY takes one index and no CASCADE."""
        node = statement.node
        word = after_word(statement, ("INDEX",), " CONCURRENTLY")
        if word is None or node.behavior == pb.DROP_CASCADE:
            return None
        words = tokens(statement.text)
        comma = next((each for each in words if each.text == ","), None)
        edits = (
            (word,) if comma is None else (word, Edit(statement.offset + comma.start, at_end(statement, "").end, ""))
        )
        others = (f"DROP INDEX CONCURRENTLY {exists}{object_name(item)}" for item in node.objects[1:])
        return Repair(edits, after=tuple(others), alone=True)

    @staticmethod
    def _harmless(item: object, context: Context) -> bool:
        parts = names_in(unwrap(item).items)
        catalog = context.catalog
        index = catalog.indexes.get(catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1], catalog.indexes))
        table = catalog.tables.get(index.table) if index else None
        return table is not None and (context.made_here(table) or table.partitioned)
