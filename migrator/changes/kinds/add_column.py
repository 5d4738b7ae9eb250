"""Add a column that old code does not know."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Expression, Kind, OnTable, altered_table, refuse_absent, require_table
from migrator.changes.user_type import names_type
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, ident, qualified, type_name
from migrator.sql.effects import default_may_be_volatile
from migrator.sql.parser import deparse_expression, deparse_type, parse_expression, pb, unwrap
from migrator.sql.rewrite import slug

_SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})


class Addition(OnTable, frozen=True):
    """Parameters of ``add_column``.

    Attributes:
        column: its name.
        type: as SQL.
        collation: as SQL, or an empty string.
        not_null: whether NULL is refused; needs a default.
        default: as SQL; an empty string for none.
    """

    column: str
    type: str
    collation: str = ""
    not_null: bool = False
    default: str = ""


class AddColumn(Kind[Addition]):
    """Add a column that old code does not know.

    What happens
        Expand adds it: nullable, with a default that is the same for every row, or NOT NULL with such a default. The
        server then notes the default in the catalog and rewrites nothing (PostgreSQL documentation, ALTER TABLE,
        "Notes"). There is nothing to contract: the migration is complete after expand.

    What is refused
        NOT NULL without a default: inserts of old code would fail. A default that may differ from row to row, serial,
        identity and stored generated columns, a domain that checks its values: each rewrites the table while nobody
        can read it. CHECK, UNIQUE and REFERENCES inside ADD COLUMN: each scans or locks more than it needs to.

    Limits
        Server-side prepared ``SELECT *`` fails once when the column appears. Rolling back drops the values new code
        wrote; it says how many rows have one and needs --yes.

    Example:
        ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT 'en'
    """

    name = "add_column"
    spec = Addition

    def recognise(self, action: Action, schema: Schema) -> Addition | None:
        """``ALTER TABLE … ADD COLUMN …``."""
        if action.command is None or action.command.subtype != pb.AT_AddColumn:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        definition = unwrap(getattr(action.command, "def"))
        ident(definition.colname)
        kind_of_type = unwrap(definition.type_name.names[-1]).sval
        if kind_of_type in _SERIAL:
            raise Refused(
                f'adding column "{definition.colname}" as {kind_of_type} rewrites the table while nobody can read it'
            )
        not_null, default = False, ""
        for wrapped in definition.constraints:
            constraint = unwrap(wrapped)
            if constraint.contype == pb.CONSTR_NOTNULL:
                not_null = True
            elif constraint.contype == pb.CONSTR_DEFAULT:
                default = deparse_expression(constraint.raw_expr)
            elif constraint.contype != pb.CONSTR_NULL:
                _refuse_constraint(definition.colname, constraint)
        collation = ""
        if definition.HasField("coll_clause"):
            parts = [unwrap(part).sval for part in definition.coll_clause.collname]
            collation = qualified(parts[-2] if len(parts) > 1 else None, parts[-1])
        addition = Addition(
            schema=target.schema,
            table=target.name,
            column=definition.colname,
            type=deparse_type(definition.type_name),
            collation=collation,
            not_null=not_null,
            default="" if default.upper() == "NULL" else default,
        )
        _require_fast(addition)
        return addition

    def touched(self, change: Addition) -> dict[TableName, tuple[str, ...]]:
        """The new name must be free."""
        return {change.target: (change.column,)}

    def validate(self, change: Addition, context: Context) -> Iterator[str]:
        """The name is free and the type checks nothing."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates',
                hint="write it into the CREATE TABLE",
            )
        _require_fast(change)
        relation = require_table(change, context)
        if relation is None:
            yield f"whether {change.target} has a column {change.column} could not be checked without a database"
            return
        refuse_absent(relation, change, change.column)
        domain = change.type.rsplit(".", 1)[-1].strip('"')
        if domain in context.schema.constrained_domains:
            raise Refused(
                f'type {change.type} is a domain that checks its values: adding such a column rewrites the table "'
                f'{change.target}" while nobody can read it',
                hint="add it with the domain's base type",
            )

    def expressions(self, change: Addition, context: Context) -> Iterator[Expression]:
        """The default; without one, whether the type is known, unless it is one that this migration creates."""
        if not change.default and names_type(change.type, context.created_types):
            return
        default = expression(change.default) if change.default else Sql("NULL")
        yield Expression(
            change.default or change.type, self.template("typed", default=default, type=type_name(change.type))
        )

    def expand(self, change: Addition, context: Context) -> Iterator[Draft]:
        """The column."""
        del context
        yield Draft(
            f"add-{slug(change.column)}",
            self.template(
                "add_column",
                table=change.sql,
                column=change.column,
                type=type_name(change.type),
                collation=Sql(change.collation) if change.collation else None,
                not_null=change.not_null,
                default=expression(change.default) if change.default else None,
            ),
            "old code does not see it; no row is rewritten",
            slug(change.table),
        )

    def rollback(self, change: Addition, context: Context) -> Iterator[Draft]:
        """The column goes, with what new code wrote into it."""
        del context
        yield Draft(
            f"drop-{slug(change.column)}",
            self.template("drop_column", table=change.sql, column=change.column),
            "only new code knows it",
            slug(change.table),
            undoes=f"add-{slug(change.column)}",
            loses=self.template(
                "loses",
                table=change.sql,
                column=change.column,
                type=type_name(change.type),
                default=expression(change.default) if change.default else None,
            ),
        )


def _require_fast(change: Addition) -> None:
    """Refuse what is not the same for every row.

    Raises:
        Refused: NOT NULL without a default, or a default that may be volatile.
    """
    if change.not_null and not change.default:
        raise Refused(
            f'column "{change.column}" would be NOT NULL without a default: every insert of old code fails',
            hint="give it a DEFAULT; or add it nullable, and SET NOT NULL in a later migration",
        )
    if change.default and default_may_be_volatile(parse_expression(change.default)):
        raise Refused(
            f'the default of column "{change.column}" may differ from row to row, '
            "which rewrites the table while nobody can read it",
            detail=f"default: {change.default}",
            hint="add the column without a default; set the default and fill existing rows in a later migration",
        )


def _refuse_constraint(column: str, constraint: object) -> None:
    contype = constraint.contype  # type: ignore[attr-defined]
    what, hint = {
        pb.CONSTR_CHECK: ("a CHECK scans the table", "add the column first, then the constraint NOT VALID"),
        pb.CONSTR_UNIQUE: ("UNIQUE builds an index", "add the column, then CREATE UNIQUE INDEX in a later migration"),
        pb.CONSTR_PRIMARY: ("PRIMARY KEY builds an index", "add the column, then its index, then the constraint"),
        pb.CONSTR_FOREIGN: ("REFERENCES locks two tables", "add the column first, then the foreign key NOT VALID"),
        pb.CONSTR_IDENTITY: ("an identity column rewrites the table", "add a nullable column and fill it"),
        pb.CONSTR_GENERATED: ("a generated column rewrites the table", "add an ordinary column and fill it"),
    }.get(contype, ("this constraint is not understood", "write the constraint as a statement of its own"))
    raise Refused(f'column "{column}" cannot be added in one step: {what} while others wait', hint=hint)
