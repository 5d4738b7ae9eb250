"""Change or drop the default of a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Kind,
    OnTable,
    altered_table,
    require_column,
    require_table,
)
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, is_null, type_name
from migrator.sql.parser import deparse_expression, pb
from migrator.sql.rewrite import slug


class Defaulting(OnTable, frozen=True):
    """Parameters of ``set_default``.

    Attributes:
        column: its name.
        default: the new default, as SQL; an empty string: none.
        before: the one before, which rollback restores; an empty string: none.
        phase: ``contract``, or ``expand`` where old code may get the new default too.
    """

    column: str
    default: str = ""
    before: str = ""
    phase: Literal["expand", "contract"] = "contract"


class SetDefault(Kind[Defaulting]):
    """Change or drop the default of a column.

    What happens
        A default is for all inserts that leave the column out, whichever version makes them. So contract changes it,
        once no old code is left; until then new code names the value it wants. Where old code may get the new default
        too, say so with a directive, and expand changes it. Rows that are there keep their values.

    What is refused
        An identity or generated column. Dropping the default of a NOT NULL column in expand: inserts of old code would
        fail. In expand: a partitioned table whose partitions have defaults of their own.

    Example::

        -- migrator: phase = expand
        ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'new'
    """

    name = "set_default"
    spec = Defaulting
    options = frozenset({"phase"})
    may_follow = frozenset({"set_not_null", "change_type"})

    def recognise(self, action: Action, schema: Schema) -> Defaulting | None:
        """``ALTER TABLE … ALTER COLUMN … SET DEFAULT …`` and ``… DROP DEFAULT``."""
        if action.command is None or action.command.subtype != pb.AT_ColumnDefault:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        command = action.command
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a default changes in expand or in contract")
        default = deparse_expression(getattr(command, "def")) if command.HasField("def") else ""
        relation = schema.relation(target)
        known = relation.column(command.name) if relation else None
        return Defaulting(
            schema=target.schema,
            table=target.name,
            column=command.name,
            default="" if default.upper() == "NULL" else default,
            before=known.default if known and known.default else "",
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: Defaulting) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: Defaulting, context: Context) -> Iterator[str]:
        """The column is there, and has a default of this kind."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="write the default there"
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is None and change.phase == "expand":
            raise Refused(
                f'the default of column "{change.column}", which rollback restores, is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        column = require_column(relation, change, change.column)
        if column is not None and (column.identity or column.generated):
            raise Refused(f'column "{change.column}" of table "{change.target}" computes its values itself')
        drops = not change.default or is_null(change.default)
        if column is not None and column.not_null and drops and change.phase == "expand":
            raise Refused(
                f'column "{change.column}" of table "{change.target}" is NOT NULL: inserts of old code that leave it '
                "out would fail without a default",
                hint="leave -- migrator: phase out: contract drops the default",
            )
        differing = [each for each in relation.below.defaults if each.column == change.column] if relation else []
        if differing and change.phase == "expand":
            raise Refused(
                f'partitions of "{change.target}" have defaults of their own for column "{change.column}", which '
                "rollback would not restore",
                detail="\n".join(f"{each.table}: {each.default or 'none'}" for each in differing),
                hint="leave -- migrator: phase out: contract changes the default of all of them",
            )
        for each in differing:
            yield f"partition {each.table} has {each.default or 'NULL'} as its own default, which contract replaces"
        if change.phase == "contract":
            yield (
                f"until contract, inserts that leave {change.table}.{change.column} out get "
                f"{change.before or 'NULL'}: new code names the value"
            )

    def expressions(self, change: Defaulting, context: Context) -> Iterator[Expression]:
        """The new default."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if change.default and column is not None:
            query = self.template("typed", default=expression(change.default), type=type_name(column.type_name))
            yield Expression(change.default, query)

    def expand(self, change: Defaulting, context: Context) -> Iterator[Draft]:
        """The new default, if old code may get it too."""
        del context
        if change.phase == "expand":
            yield self._draft(change, change.default, "old code may get it too, as the directive says")

    def contract(self, change: Defaulting, context: Context) -> Iterator[Draft]:
        """The new default."""
        del context
        if change.phase == "contract":
            yield self._draft(change, change.default, "no code is left that counts on the one before")

    def rollback(self, change: Defaulting, context: Context) -> Iterator[Draft]:
        """The default as it was."""
        del context
        if change.phase == "expand":
            yield self._draft(change, change.before, "as it was before expand", undoes=f"default-{slug(change.column)}")

    def _draft(self, change: Defaulting, default: str, why: str, undoes: str | None = None) -> Draft:
        values = {"table": change.sql, "column": change.column}
        text: Sql = (
            self.template("set_default", **values, default=expression(default))
            if default
            else self.template("drop_default", **values)
        )
        return Draft(
            f"{'restore-' if undoes else ''}default-{slug(change.column)}", text, why, slug(change.table), undoes=undoes
        )
