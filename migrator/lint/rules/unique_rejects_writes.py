"""BC009 unique-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import Table, columns_read, names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap

_WHY = (
    "an INSERT or UPDATE of the running version that writes a value twice is refused; and with duplicates in the "
    "table, building it fails"
)
_WHY_EXCLUSION = (
    "an INSERT or UPDATE of the running version that writes a row which another one excludes is refused; and with "
    "such rows in the table, building it fails"
)


class UniqueRejectsWrites(AlterTableRule):
    """A new unique index, UNIQUE, PRIMARY KEY or EXCLUDE before the deploy.

    Why it matters
        Running code that writes a value twice fails from that moment. If there are duplicates already, the migration
        itself fails, and a concurrent build leaves an invalid index that still refuses writes.

    What to do
        Release code that avoids duplicates, remove those there are, then add it in the contract phase.

    An error in `expand.sql`, where old code is certain to be running; a warning elsewhere, and where a trigger of the
    same file may repair what old code writes. Quiet for columns that the same file added.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC009"
    name = "unique-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.SHARE
    work = Effort.BUILD
    breaks = (Breaks.WRITES, Breaks.MIGRATION)
    phases = BEFORE_THE_DEPLOY
    kinds = ("index_stmt",)
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("CREATE INDEX CONCURRENTLY users_email ON users (email);"),
        Good("CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);", phase=Phase.CONTRACT),
        Good("ALTER TABLE users ADD COLUMN email text; CREATE UNIQUE INDEX CONCURRENTLY u ON users (email);"),
        Good("ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;"),
        Good("CREATE TABLE users (id int, email text); CREATE UNIQUE INDEX users_email ON users (email);"),
    )
    bad = (
        Bad(
            "CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);",
            fix="-- contract.sql of a phased migration, when no code is left that writes duplicates:\n"
            "-- CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email)",
        ),
        Bad(
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE (email);",
            phase=Phase.EXPAND,
            fix="-- contract.sql of a phased migration, when no code is left that writes duplicates:\n"
            "-- ALTER TABLE users ADD CONSTRAINT users_email UNIQUE (email)",
        ),
        Bad(
            "ALTER TABLE rooms ADD EXCLUDE USING gist (during WITH &&);",
            fix="-- contract.sql of a phased migration, when no code is left that writes rows that exclude each "
            "other:\n"
            "-- ALTER TABLE rooms ADD EXCLUDE USING gist (during WITH &&)",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if not node.unique or context.is_new(node.relation):
            return
        elements = [unwrap(element) for element in node.index_params]
        columns = tuple(name for element in elements for name in (element.name, *columns_read(element)) if name)
        table = context.catalog.table_or_assumed(node.relation)
        if self._has_new(table, columns, context):
            return
        yield Problem(
            f"running code that writes duplicates into {relation_name(node.relation)} fails",
            why=_WHY,
            fix="-- contract.sql of a phased migration, when no code is left that writes duplicates:\n"
            f"-- {' '.join(statement.text.split())}",
            lock=LockMode.SHARE_UPDATE_EXCLUSIVE if node.concurrent else LockMode.SHARE,
            severity=self._severity(table, context),
        )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, table = action.definition, action.table
        if constraint.contype not in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY, pb.CONSTR_EXCLUSION):
            return
        if constraint.indexname or action.is_new or self._has_new(table, names_in(constraint.keys), context):
            return
        by_key = constraint.contype != pb.CONSTR_EXCLUSION and not constraint.without_overlaps
        rows = "duplicates" if by_key else "rows that exclude each other"
        yield Problem(
            f"running code that writes {rows} into {action.relation} fails",
            why=_WHY if by_key else _WHY_EXCLUSION,
            fix=f"-- contract.sql of a phased migration, when no code is left that writes {rows}:\n"
            f"-- ALTER TABLE {action.relation} ADD {' '.join(context.clause(constraint.location).split())}",
            lock=LockMode.ACCESS_EXCLUSIVE,
            severity=self._severity(table, context),
            span=context.span_at(constraint.location),
        )

    @staticmethod
    def _has_new(table: Table, columns: tuple[str, ...], context: Context) -> bool:
        """Old code does not fill a column it does not know, so it cannot write duplicates with it, but NULL."""
        return any(context.all_new(table, (name,)) for name in columns)

    @staticmethod
    def _severity(table: Table, context: Context) -> Severity | None:
        certain = context.phase is Phase.EXPAND and not context.repaired_by_trigger(table)
        return Severity.ERROR if certain else None
