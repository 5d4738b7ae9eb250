"""Have the rows that are there checked by a constraint that was added NOT VALID."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, Obstacle, OnTable, altered_table, require_table
from migrator.changes.statement import unchecked
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Constraint, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import deparse_expression, parse_script, pb, unwrap
from migrator.sql.rewrite import foreign_key_columns, slug


class Validation(OnTable, frozen=True):
    """Parameters of ``validate_constraint``.

    Attributes:
        constraint: its name.
    """

    constraint: str


class ValidateConstraint(Kind[Validation]):
    """Have the rows that are there checked by a constraint that was added NOT VALID.

    What happens
        A constraint that is NOT VALID binds every write already, of old code as of new. So expand validates it: every
        row is read while reads and writes go on, and nothing becomes forbidden that was not. There is nothing to
        contract, and nothing to undo: a rollback leaves it valid.

    What is refused
        A constraint that is not there, or is NOT ENFORCED. Rows that violate it are counted before anything
        runs.

    Limits
        Of a foreign key, updates and deletes of the rows pointed to go on, too; other schema changes of both tables
        wait until all rows were read.

    Example:
        ALTER TABLE orders VALIDATE CONSTRAINT orders_total_positive
    """

    name = "validate_constraint"
    spec = Validation
    gives_way_to_phase = True

    def recognise(self, action: Action, schema: Schema) -> Validation | None:
        """``ALTER TABLE … VALIDATE CONSTRAINT …``."""
        if action.command is None or action.command.subtype != pb.AT_ValidateConstraint:
            return None
        target = altered_table(action.node.relation, schema)
        return Validation(schema=target.schema, table=target.name, constraint=action.command.name)

    def touched(self, change: Validation) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: Validation, context: Context) -> Iterator[str]:
        """It is there, and not valid yet."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="leave NOT VALID out there")
        relation = require_table(change, context, or_partitioned=True, or_partition=True)
        yield from unchecked(context, f"constraint {change.constraint} of {change.target}")
        if relation is None:
            return
        found = _found(change, context.schema)
        if found is None:
            known = ", ".join(f'"{each.name}"' for each in relation.constraints if not each.is_valid) or "none"
            raise Refused(
                f'constraint "{change.constraint}" of table "{change.target}" does not exist',
                detail=f"constraints that are not valid: {known}",
            )
        if "NOT ENFORCED" in found.definition:
            raise Refused(
                f'constraint "{change.constraint}" of table "{change.target}" is NOT ENFORCED: no row is kept to it',
                hint="drop it, and add it without NOT ENFORCED, in one migration",
            )
        if found.is_valid:
            # After a rollback, or of a run that was cut off, it is.
            yield f"constraint {change.constraint} of {change.table} is valid already"

    def expand(self, change: Validation, context: Context) -> Iterator[Draft]:
        """The validation, outside a transaction."""
        del context
        yield Draft(
            f"validate-{slug(change.constraint)}",
            self.template("validate", table=change.sql, constraint=change.constraint),
            "looks at every row while reads and writes go on; writes are bound by it already",
        )

    def obstacles(self, change: Validation, context: Context) -> Iterator[Obstacle]:
        """Rows that violate it."""
        found = _found(change, context.schema)
        count = _counting(self, change, found) if found is not None and not found.is_valid else None
        if count is not None:
            yield Obstacle(
                count,
                f"rows of {change.target} violate {change.constraint}",
                "correct or delete them first",
                Phase.EXPAND,
            )


def _counting(kind: ValidateConstraint, change: Validation, constraint: Constraint) -> Sql | None:
    """A SELECT that counts the rows that violate a constraint; None where there is none that says it shortly."""
    if constraint.type == "not null":
        (column,) = constraint.columns
        return kind.template("violating", table=change.sql, condition=Sql(f"{ident(column)} IS NOT NULL"))
    node = unwrap(
        getattr(unwrap(parse_script(f"ALTER TABLE t ADD {constraint.definition}").statements[0].node.cmds[0]), "def")
    )
    if node.contype == pb.CONSTR_CHECK:
        return kind.template("violating", table=change.sql, condition=Sql(deparse_expression(node.raw_expr)))
    if node.contype != pb.CONSTR_FOREIGN or node.fk_with_period or node.fk_matchtype == "f":
        return None
    columns, (schema, name), keys = foreign_key_columns(constraint.definition)
    pairs = list(zip(columns, keys, strict=True))
    return kind.template("orphans", table=change.sql, referenced=qualified(schema, name), pairs=pairs)


def _found(change: Validation, schema: Schema) -> Constraint | None:
    relation = schema.relation(change.target)
    return next((each for each in relation.constraints if each.name == change.constraint), None) if relation else None
