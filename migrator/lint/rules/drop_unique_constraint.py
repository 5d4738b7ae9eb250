"""BC015 drop-unique-constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap

_WHY = (
    "ON CONFLICT of the running version fails without a unique index over exactly its columns; GROUP BY over the "
    "primary key alone and logical replication want the primary key"
)
_FIX = "-- create the index or constraint that takes its place first, and drop this one in contract.sql"


class DropUniqueConstraint(AlterTableRule):
    """A unique constraint, unique index or primary key is dropped while code that relies on it may be running.

    Why it matters
        INSERT … ON CONFLICT (column) fails without a unique index over exactly these columns. Without the primary
        key, queries that GROUP BY it alone fail, and so do UPDATE and DELETE on a published table. Nothing keeps
        duplicates out from then on.

    What to do
        Create what takes its place first; drop this one in the contract phase. Another primary key takes the place of
        the one that is there in one migration: ``migrator new`` writes it, see ``migrator explain change_primary_key``.

    Only for constraints and indexes that a file created (or that are named like PostgreSQL names a primary key),
    since others may not be unique.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC015"
    name = "drop-unique-constraint"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.UPSERTS, Breaks.REPLICATION)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropConstraint,)
    good = (
        Good("ALTER TABLE t DROP CONSTRAINT c;", earlier="CREATE TABLE t (a int CONSTRAINT c CHECK (a > 1));"),
        Good("DROP INDEX CONCURRENTLY users_email;", earlier="CREATE INDEX users_email ON users (email);"),
        Good("ALTER TABLE users DROP CONSTRAINT users_pkey;", phase=Phase.CONTRACT),
    )
    bad = (
        Bad("ALTER TABLE users DROP CONSTRAINT users_pkey;", fix=_FIX),
        Bad(
            "ALTER TABLE users DROP CONSTRAINT users_email_key;",
            earlier="CREATE TABLE users (email text UNIQUE);",
            fix=_FIX,
        ),
        Bad(
            "DROP INDEX CONCURRENTLY users_email;",
            earlier="CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);",
            fix=_FIX,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type != pb.OBJECT_INDEX:
            return
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            key = catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1], catalog.indexes)
            index = catalog.indexes.get(key)
            if index is not None and index.unique and index.file != catalog.file:
                lock = context.effects.locks[0].mode
                yield Problem(f"running code may upsert by unique index {ident(parts[-1])}", _WHY, _FIX, lock)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        name = action.command.name
        known = action.table.constraints.get(name)
        unique = known is not None and known.kind in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY, pb.CONSTR_EXCLUSION)
        if action.is_new or not (unique or (known is None and name == f"{action.table.key[1]}_pkey")):
            return
        if known is not None and known.transaction[0] == context.file:
            return
        yield Problem(
            f"running code may rely on {ident(name)} of {action.relation}",
            _WHY,
            _FIX,
            LockMode.ACCESS_EXCLUSIVE,
            span=context.span_of(name),
        )
