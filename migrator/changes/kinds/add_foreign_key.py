"""Add a foreign key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from migrator.changes.addition import ConstraintAddition
from migrator.changes.constraint import (
    NewConstraint,
    RowConstraint,
    add_statement,
    added_constraint,
    constraint_name,
    definition_of,
    is_not_valid,
    named,
    node_of,
    stays_not_valid,
    unchecked_then_validated,
    waits_for_contract,
    with_validation,
)
from migrator.changes.kind import Context, Draft, Expression, Obstacle, Spec
from migrator.changes.partitioned import added_by_partitions, refuse_foreign_partitions
from migrator.changes.release import require_place
from migrator.changes.trial import added_before, copy_of, key_on_copies, may_be_tried
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class AddForeignKey(ConstraintAddition):
    """Add a foreign key.

    What happens
        Expand changes nothing: a foreign key refuses orphans that old code may still write, and deletes of rows that
        are pointed to, even NOT VALID. Contract, once no old code is left, adds it NOT VALID, which locks both tables
        for a moment, and then validates it while reads and writes of both go on. Of a partitioned table, each partition
        gets its own in this way, and then the table takes them for parts of its own, without a look at a row. To a
        table that the same migration creates, expand adds it: two new tables may point to each other.

        Written NOT VALID, it is not validated: rows that are there by then stay as they are, until a later migration
        says VALIDATE CONSTRAINT. With that in the same migration, NOT VALID makes no difference.

    What is refused
        A reference to columns that no primary key or unique constraint covers. A foreign table among the partitions of
        the table. Contract, while a row points nowhere:
        such rows are counted before the gate, and nothing changes.

    Limits
        Deletes of the table pointed to look up the rows that point there: without an index on the columns each of them
        reads the whole table. Create the index in a migration before this one.

    Example:
        ALTER TABLE orders ADD CONSTRAINT orders_customer_fk FOREIGN KEY (customer_id) REFERENCES customers (id)
    """

    name = "add_foreign_key"
    contype = pb.CONSTR_FOREIGN
    spec = RowConstraint
    may_follow = frozenset({"add_column"})
    joins = (("add_foreign_key", "validate_constraint"),)

    def recognise(self, action: Action, schema: Schema) -> RowConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] FOREIGN KEY (…) REFERENCES …``."""
        found = added_constraint(action, schema, pb.CONSTR_FOREIGN)
        if found is None:
            return None
        target, node = found
        referenced = schema.resolve(node.pktable.schemaname, node.pktable.relname)
        node.pktable.schemaname = referenced.schema
        if not node.pk_attrs:
            known = schema.relation(referenced)
            keys = [each.columns for each in known.constraints if each.type == "primary key"] if known else []
            for column in keys[0] if keys else ():
                node.pk_attrs.add().string.sval = column
        name = constraint_name(node, target, named(node.fk_attrs), "fkey")
        return RowConstraint(
            schema=target.schema,
            table=target.name,
            constraint=name,
            definition=definition_of(node),
            not_valid=is_not_valid(action),
        )

    def joined(self, one: Spec, other: Spec, schema: Schema) -> RowConstraint | None:
        """NOT VALID, with VALIDATE CONSTRAINT in the same migration: what is done anyway."""
        del schema
        return with_validation(one, other)

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns that point, and those pointed to."""
        node = node_of(change.definition, pb.CONSTR_FOREIGN)
        touched = {change.target: named(node.fk_attrs)}
        referenced = _referenced(node)
        touched[referenced] = tuple(dict.fromkeys((*touched.get(referenced, ()), *named(node.pk_attrs))))
        return touched

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """Both sides are there, the name is free, and what is pointed to is unique."""
        node = node_of(change.definition, pb.CONSTR_FOREIGN)
        if node.pk_attrs and len(node.fk_attrs) != len(node.pk_attrs):
            raise Refused(
                f'foreign key "{change.constraint}" points with {len(node.fk_attrs)} columns to {len(node.pk_attrs)}',
                detail=f"({', '.join(named(node.fk_attrs))}) to ({', '.join(named(node.pk_attrs))})",
            )
        relation = require_place(change, named(node.fk_attrs), context, or_partitioned=True)
        if relation is not None:
            refuse_foreign_partitions(relation, "foreign keys")
            if stays_not_valid(change) and relation.partition_key:
                raise Refused(
                    f'foreign key "{change.constraint}" of partitioned table "{change.target}" cannot stay NOT VALID: '
                    "its partitions get theirs one by one, each of which is validated",
                    hint="leave NOT VALID out",
                )
        referenced = _referenced(node)
        if relation is not None:
            _require_unique(referenced, named(node.pk_attrs), context)
            leading = (index.columns for index in relation.indexes if index.is_valid)
            if not any(set(named(node.fk_attrs)) <= set(columns) for columns in leading):
                made = {("COLUMN", change.schema, change.table, name) for name in named(node.fk_attrs)} & context.made
                place = "this migration, behind ADD COLUMN" if made else "a migration before this one"
                yield (
                    f"no index of {change.target} covers ({', '.join(named(node.fk_attrs))}): every delete in "
                    f"{referenced} will read the whole table; create one in {place}"
                )
        if change.target in context.created and referenced not in context.created:
            yield f"a row here refuses the delete of the row of {referenced} it points to, for old code too"
        yield from waits_for_contract(change, context, "rows that point nowhere")

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """Whether the server takes it."""
        node = node_of(change.definition, pb.CONSTR_FOREIGN)
        if may_be_tried(context, change.target) and node.pk_attrs and not node.fk_with_period:
            there = structs.replace(change, schema=copy_of(change.target).schema)
            yield key_on_copies(
                f'foreign key "{change.constraint}"',
                change.target,
                node,
                lambda key: add_statement(there, key),
                added_before(context, change.target, there.sql),
            )

    def before_contract(self, change: NewConstraint, context: Context) -> None:
        """What is pointed to is unique still."""
        node = node_of(change.definition, pb.CONSTR_FOREIGN)
        if context.schema.relation(_referenced(node)) is not None:
            _require_unique(_referenced(node), named(node.pk_attrs), context)

    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint, then its validation."""
        relation = context.schema.relation(change.target)
        if relation is not None and relation.partition_key:
            node = node_of(change.definition, pb.CONSTR_FOREIGN)
            referenced = _referenced(node)
            yield added_by_partitions(
                change,
                node,
                locks=f"ACCESS EXCLUSIVE ON {qualified(referenced.schema, referenced.name)}, "
                f"SHARE ROW EXCLUSIVE ON {change.sql}",
                first="it is added NOT VALID and validated",
                waived="LK013",
            )
            return
        yield from unchecked_then_validated(
            change, pb.CONSTR_FOREIGN, refuses="orphans", meanwhile="reads and writes of both tables"
        )

    def rollback(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """It goes before the tables do: another new one may be what it points to."""
        if change.target in context.created:
            yield Draft(
                f"drop-{slug(change.constraint)}",
                self.template("drop", table=change.sql, constraint=change.constraint),
                "goes with its table, and is in the way of the one it points to",
                slug(change.table),
                undoes=f"add-{slug(change.constraint)}",
            )

    def in_the_way(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Rows that point nowhere."""
        del context
        node = node_of(change.definition, pb.CONSTR_FOREIGN)
        if not node.pk_attrs or node.fk_with_period:
            return
        referenced = _referenced(node)
        pairs = list(zip(named(node.fk_attrs), named(node.pk_attrs), strict=True))
        yield Obstacle(
            self.template(
                "orphans", table=change.sql, referenced=qualified(referenced.schema, referenced.name), pairs=pairs
            ),
            f"rows of {change.target} point to no row of {referenced}",
            f"repair them first, or {change.constraint} cannot be validated",
        )


def _referenced(node: Any) -> TableName:
    return TableName(node.pktable.schemaname, node.pktable.relname)


def _require_unique(referenced: TableName, columns: tuple[str, ...], context: Context) -> None:
    if referenced in context.created:
        return
    relation = context.schema.relation(referenced)
    if relation is None:
        raise Refused(f'table "{referenced}" does not exist')
    if not columns:
        raise Refused(f'table "{referenced}" has no primary key to point to')
    unique = (index for index in relation.indexes if index.is_unique and index.is_valid)
    if not any(set(index.columns) == set(columns) for index in unique):
        raise Refused(
            f'no unique constraint of "{referenced}" is about ({", ".join(columns)})',
            hint="create one in a migration before this one, and contract it first",
        )
