"""LK033 foreign-key-locks-both."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import Constraint, Table, names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, timeout_before
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap


class ForeignKeyLocksBoth(AlterTableRule):
    """Dropping a foreign key, or a table that has one, locks the referenced table as well.

    Why it matters
        ACCESS EXCLUSIVE is taken on both tables: whoever reads or writes the referenced one, often the busiest of
        all, waits too.

    What to do
        A short lock_timeout, tried again when it runs out. Before a table with several foreign keys is dropped, drop
        these one by one, each in a transaction of its own.

    A note, since it is brief; quiet under a lock_timeout, and in phase files, which have one. Known where a file tells
    the foreign key.

    Source
        PostgreSQL documentation, DROP TABLE; pg_locks on 14 and 18.
    """

    code = "LK033"
    name = "foreign-key-locks-both"
    severity = Severity.INFO
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    fixable = Fixable.SAFE
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropConstraint,)
    good = (
        Good("ALTER TABLE orders DROP CONSTRAINT positive;",
             earlier="CREATE TABLE orders (a int CONSTRAINT positive CHECK (a > 0));"),
        Good("SET lock_timeout = '2s';\nALTER TABLE orders DROP CONSTRAINT owner;",
             earlier="CREATE TABLE orders (user_id int CONSTRAINT owner REFERENCES users);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE orders DROP CONSTRAINT owner;",
            earlier="CREATE TABLE orders (user_id int CONSTRAINT owner REFERENCES users);",
            fix="SET lock_timeout = '2s';\nALTER TABLE orders DROP CONSTRAINT owner;",
        ),
        Bad(
            "DROP TABLE orders;",
            earlier="CREATE TABLE orders (user_id int CONSTRAINT owner REFERENCES users);",
            fix="-- first, each in a transaction of its own: ALTER TABLE orders DROP CONSTRAINT owner",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type != pb.OBJECT_TABLE:
            return
        for item in map(unwrap, node.objects):
            parts = names_in(item.items)
            table = catalog.tables.get(catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1]))
            if table is None or context.made_here(table):
                continue
            keys = [one for one in table.constraints.values() if _elsewhere(one, table, context)]
            if keys and not context.timeout_set:
                names = ", ".join(ident(one.name) for one in keys)
                others = ", ".join(sorted({one.references[1] for one in keys if one.references}))
                yield Problem(
                    f"dropping {object_name(node.objects[0])} locks {others} too, which it references",
                    why="whoever reads or writes a referenced table waits as well",
                    fix=f"-- first, each in a transaction of its own: ALTER TABLE {object_name(node.objects[0])} "
                    f"DROP CONSTRAINT {names}",
                )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        known = action.table.constraints.get(action.command.name)
        if known is None or action.is_new or context.timeout_set or not _elsewhere(known, action.table, context):
            return
        yield Problem(
            f"dropping {ident(known.name)} locks {known.references[1] if known.references else ''} as well",
            why="whoever reads or writes the referenced table waits too",
            fix=f"SET lock_timeout = '2s';\n{action.statement.text};",
            span=context.span_of(known.name),
            repair=timeout_before(context, "2s"),
        )


def _elsewhere(constraint: Constraint, table: Table, context: Context) -> bool:
    """Whether it is a foreign key to another table that somebody may be using."""
    if constraint.references is None or constraint.references == table.key:
        return False
    other = context.catalog.tables.get(constraint.references)
    return other is None or not context.made_here(other)
