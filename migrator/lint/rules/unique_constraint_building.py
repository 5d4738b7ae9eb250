"""LK015 unique-constraint-building."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import constraint_name
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class UniqueConstraintBuilding(AlterTableRule):
    """ADD UNIQUE or PRIMARY KEY that builds its index on the spot.

    Why it matters
        The index is built under ACCESS EXCLUSIVE: nobody can read or write the table meanwhile.

    What to do
        Create the unique index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX, which is brief. A primary key also
        wants its columns NOT NULL first, or it reads the table. There is no NOT VALID for these constraints.

    Source
        PostgreSQL documentation, ALTER TABLE, "ADD table_constraint_using_index"; measured on 15 and 18.
    """

    code = "LK015"
    name = "unique-constraint-building"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BUILD
    breaks = ()
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;"),
        Good("CREATE TABLE users (id bigint); ALTER TABLE users ADD PRIMARY KEY (id);"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE (email);",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);\n"
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;",
        ),
        Bad(
            "ALTER TABLE ONLY app.users ADD PRIMARY KEY (id);",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_pkey ON app.users (id);\n"
            "ALTER TABLE app.users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, relation = action.definition, action.relation
        if constraint.contype not in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY) or constraint.indexname or action.is_new:
            return
        columns = names_in(constraint.keys)
        unique = constraint.contype == pb.CONSTR_UNIQUE
        words, suffix = ("UNIQUE", "key") if unique else ("PRIMARY KEY", "pkey")
        name = constraint_name(constraint.conname, action.table.key[1], columns if unique else (), suffix)
        listed = ", ".join(ident(column) for column in columns)
        yield Problem(
            f"adding {words} builds an index on {relation} under an exclusive lock",
            why="nobody can read or write the table while the index is built",
            fix=f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {relation} ({listed});\n"
            f"ALTER TABLE {relation} ADD CONSTRAINT {name} {words} USING INDEX {name};",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(constraint.location),
        )
