"""BC031 attribute-changed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap

_FIX = "-- a new type beside the old one, which goes in contract.sql when no code is left that uses it"


class AttributeChanged(Rule):
    """An attribute of a composite type is dropped, retyped or renamed while code that uses it may be running.

    Why it matters
        Row values of the running version no longer fit the type, and every expression that names the attribute fails.
        Tables with a column of the type refuse the change, or lose the values.

    What to do
        A new type beside the old one, and a new column for it; the old ones go in the contract phase.

    Expected in `contract.sql` and `rollback.sql`; quiet for types that the same file created.

    Source
        PostgreSQL documentation, ALTER TYPE.
    """

    code = "BC031"
    name = "attribute-changed"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("alter_table_stmt",)
    good = (
        Good("ALTER TYPE address ADD ATTRIBUTE country text;"),
        Good("ALTER TYPE address DROP ATTRIBUTE street;", phase=Phase.CONTRACT),
        Good("CREATE TYPE address AS (street text); ALTER TYPE address ALTER ATTRIBUTE street TYPE varchar(9);"),
    )
    bad = (
        Bad(
            "ALTER TYPE address DROP ATTRIBUTE street;",
            fix=_FIX,
        ),
        Bad(
            "ALTER TYPE address ALTER ATTRIBUTE street TYPE varchar(9);",
            fix=_FIX,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.objtype != pb.OBJECT_TYPE:
            return
        name = node.relation.relname
        if any(other.node.typevar.relname == name for other in context.all_of("composite_type_stmt")):
            return
        for command in map(unwrap, node.cmds):
            if command.subtype in (pb.AT_DropColumn, pb.AT_AlterColumnType):
                what = "dropping" if command.subtype == pb.AT_DropColumn else "changing the type of"
                yield Problem(
                    f"{what} {ident(name)}.{ident(command.name)} breaks running code that uses it",
                    why="row values of the running version no longer fit the type",
                    fix=_FIX,
                )
