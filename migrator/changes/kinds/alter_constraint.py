"""Change when a foreign key is checked, whether it is at all, or whether children get a NOT NULL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from migrator.changes.constraint import NewConstraint, definition_of, earlier, node_of, unchecked_then_validated
from migrator.changes.kind import Context, Draft, Kind, Obstacle, OnTable, altered_table, require_table
from migrator.changes.statement import require_known
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Constraint, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import foreign_key_columns, slug

_To = Literal[
    "not deferrable", "deferrable", "initially deferred", "enforced", "not enforced", "inherited", "not inherited"
]
_HOW: dict[_To, str] = {
    "not deferrable": "NOT DEFERRABLE",
    "deferrable": "DEFERRABLE INITIALLY IMMEDIATE",
    "initially deferred": "DEFERRABLE INITIALLY DEFERRED",
    "not enforced": "NOT ENFORCED",
    "inherited": "INHERIT",
    "not inherited": "NO INHERIT",
}
_INHERITING = ("inherited", "not inherited")


class ConstraintAlteration(OnTable, frozen=True):
    """Parameters of ``alter_constraint``.

    Attributes:
        constraint: its name.
        to: what it is afterwards; ``deferrable`` is checked at once unless a transaction asks for later.
    """

    constraint: str
    to: _To


class AlterConstraint(Kind[ConstraintAlteration]):
    """Change when a foreign key is checked, whether it is at all, or whether children get a NOT NULL.

    What happens
        Each change is a lock for a moment. DEFERRABLE: expand makes it so, which no statement notices that does not ask
        for it by SET CONSTRAINTS, and rollback takes it back. INITIALLY DEFERRED: old code counts on errors where it
        wrote, not at COMMIT; so expand makes the foreign key DEFERRABLE, new code writes
        ``SET CONSTRAINTS name DEFERRED`` until contract does that for everybody. What takes away, NOT DEFERRABLE,
        INITIALLY IMMEDIATE or NOT ENFORCED, is for contract, once no old code is left that counts on it.
        ENFORCED would read every row while both tables are locked (200,000 rows took 190 ms on PostgreSQL 18.6): so
        contract drops the foreign key, which kept nobody from anything, adds it NOT VALID in the same transaction, and
        validates it while reads and writes go on; rows that point nowhere are counted before the gate. INHERIT and NO
        INHERIT of a NOT NULL are for tables that have no children yet: expand changes it, and rollback changes it back.

    What is refused
        A constraint that is not there, that is so already, or that a partition has from its table. ENFORCED and NOT
        ENFORCED of anything but a foreign key, and INHERIT of anything but a NOT NULL: the server has no such change.
        Two of them in one migration for one constraint. Without a database: what it is now is not known.

    Limits
        ``SET CONSTRAINTS ALL DEFERRED`` of old code defers the foreign key from expand on. A key or an exclusion
        constraint cannot be altered: add another one. NOT ENFORCED and INHERIT are of PostgreSQL 18.

    Example:
        ALTER TABLE orders ALTER CONSTRAINT orders_customer_fk DEFERRABLE INITIALLY DEFERRED
    """

    name = "alter_constraint"
    spec = ConstraintAlteration
    unknown_without_tables = frozenset({Phase.EXPAND, Phase.CONTRACT})
    gives_way_to_phase = True

    def recognise(self, action: Action, schema: Schema) -> ConstraintAlteration | None:
        """``ALTER TABLE … ALTER CONSTRAINT …``."""
        if action.command is None or action.command.subtype != pb.AT_AlterConstraint:
            return None
        target = altered_table(action.node.relation, schema)
        asked = unwrap(getattr(action.command, "def"))
        wanted: list[_To] = []
        if asked.alter_deferrability:
            deferrable: _To = "initially deferred" if asked.initdeferred else "deferrable"
            wanted.append(deferrable if asked.deferrable else "not deferrable")
        if asked.alter_enforceability:
            wanted.append("enforced" if asked.is_enforced else "not enforced")
        if asked.alter_inheritability:
            wanted.append("not inherited" if asked.noinherit else "inherited")
        if len(wanted) != 1:
            raise Refused(
                f'ALTER CONSTRAINT "{asked.conname}" says {len(wanted)} things at once',
                hint="one change in each migration: DEFERRABLE, NOT ENFORCED, …",
            )
        return ConstraintAlteration(schema=target.schema, table=target.name, constraint=asked.conname, to=wanted[0])

    def touched(self, change: ConstraintAlteration) -> dict[TableName, tuple[str, ...]]:
        """The table itself."""
        return {change.target: ()}

    def assumes(self, change: ConstraintAlteration, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        found = _found(change, schema.relation(change.target))
        return {f'constraint "{change.constraint}" of "{change.target}"': found.definition if found else "absent"}

    def validate(self, change: ConstraintAlteration, context: Context) -> Iterator[str]:
        """It is there, is otherwise, and can be altered so."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="write it so there")
        before = [spec for _, spec in earlier(change, context) if isinstance(spec, ConstraintAlteration)]
        if any((each.target, each.constraint) == (change.target, change.constraint) for each in before):
            raise Refused(
                f'two changes of constraint "{change.constraint}" of table "{change.target}"',
                hint="write two migrations, and contract the first before the second",
            )
        require_known(context, f'what constraint "{change.constraint}" of table "{change.target}" is now')
        relation = require_table(change, context, or_partitioned=True, or_partition=True)
        found = _found(change, relation)
        if relation is None or found is None:
            known = ", ".join(f'"{each.name}"' for each in relation.constraints) if relation else ""
            raise Refused(
                f'constraint "{change.constraint}" of table "{change.target}" does not exist',
                detail=f"constraints: {known or 'none'}",
            )
        wanted = "not null" if change.to in _INHERITING else "foreign key"
        if found.type != wanted:
            raise Refused(
                f'"{change.constraint}" of table "{change.target}" is a {found.type} constraint, and the server alters '
                f"only a {wanted} in this way",
                hint="add another constraint, and drop this one in the same migration",
            )
        if found.is_inherited:
            raise Refused(
                f'partition "{change.target}" has constraint "{change.constraint}" from the table it is a part of',
                hint="change it there",
            )
        if wanted == "not null" and relation.partition_key:
            raise Refused(f'the partitions of "{change.target}" cannot do without its constraint "{change.constraint}"')
        if change.to in _states(found):
            raise Refused(f'constraint "{change.constraint}" of table "{change.target}" is {change.to} already')
        if change.to == "initially deferred":
            yield f"until contract new code writes SET CONSTRAINTS {change.constraint} DEFERRED where it needs that"
        elif change.to == "enforced":
            yield f"{change.constraint} is enforced by contract: until then old code may write rows that point nowhere"

    def expand(self, change: ConstraintAlteration, context: Context) -> Iterator[Draft]:
        """What no running code notices."""
        found = _found(change, context.schema.relation(change.target))
        step = _at_expand(change, found)
        if step is not None:
            yield Draft(
                f"alter-{slug(change.constraint)}",
                self._alter(change, step),
                "no row changes, and no statement notices that does not ask for it",
                slug(change.table),
            )

    def rollback(self, change: ConstraintAlteration, context: Context) -> Iterator[Draft]:
        """What it was."""
        found = _found(change, context.schema.relation(change.target))
        step = _at_expand(change, found)
        if step is not None:
            before: _To = "not deferrable" if step == "deferrable" else _other(step)
            yield Draft(
                f"undo-alter-{slug(change.constraint)}",
                self._alter(change, before),
                "as it was before expand",
                slug(change.table),
                undoes=f"alter-{slug(change.constraint)}",
            )

    def contract(self, change: ConstraintAlteration, context: Context) -> Iterator[Draft]:
        """What old code would notice."""
        found = _found(change, context.schema.relation(change.target))
        if found is None or change.to in _states(found) or change.to == _at_expand(change, found):
            return
        if change.to == "enforced":
            yield from self._enforced(change, found)
            return
        referenced = foreign_key_columns(found.definition)[1]
        yield Draft(
            f"alter-{slug(change.constraint)}",
            self._alter(change, change.to),
            "no code is left that counts on what it was",
            slug(change.table),
            locks=f"ACCESS EXCLUSIVE ON {change.sql}, ACCESS EXCLUSIVE ON {qualified(*referenced)}"
            if change.to == "not enforced"
            else "",
        )

    def obstacles(self, change: ConstraintAlteration, context: Context) -> Iterator[Obstacle]:
        """Rows that point nowhere."""
        found = _found(change, context.schema.relation(change.target))
        if change.to != "enforced" or found is None or _node(found).fk_with_period:
            return
        columns, referenced, keys = foreign_key_columns(found.definition)
        yield Obstacle(
            self.template(
                "orphans",
                table=change.sql,
                referenced=qualified(*referenced),
                pairs=list(zip(columns, keys, strict=True)),
            ),
            f"rows of {change.target} point to no row of {'.'.join(referenced)}",
            f"repair them first, or {change.constraint} cannot be validated",
        )

    def _alter(self, change: ConstraintAlteration, to: _To) -> Sql:
        return self.template("alter", table=change.sql, constraint=change.constraint, how=Sql(_HOW[to]))

    def _enforced(self, change: ConstraintAlteration, found: Constraint) -> Iterator[Draft]:
        """The same foreign key NOT VALID in its place, with its comment, and its validation."""
        node = _node(found)
        node.is_enforced, node.skip_validation, node.initially_valid = True, False, True
        same = NewConstraint(
            schema=change.schema, table=change.table, constraint=change.constraint, definition=definition_of(node)
        )
        yield Draft(
            f"drop-{slug(change.constraint)}",
            self.template("drop", table=change.sql, constraint=change.constraint),
            "it keeps nobody from anything, and is there again in the same transaction",
            slug(change.table),
        )
        added, validated = unchecked_then_validated(
            same, pb.CONSTR_FOREIGN, refuses="orphans", meanwhile="reads and writes of both tables"
        )
        yield added
        if found.comment is not None:
            yield Draft(
                f"comment-{slug(change.constraint)}",
                self.template("comment", table=change.sql, constraint=change.constraint, text=found.comment),
                "as before",
                slug(change.table),
            )
        yield validated


def _found(change: ConstraintAlteration, relation: Relation | None) -> Constraint | None:
    return next((each for each in relation.constraints if each.name == change.constraint), None) if relation else None


def _node(found: Constraint) -> Any:
    return node_of(found.definition, pb.CONSTR_FOREIGN)


def _states(found: Constraint) -> set[_To]:
    """What a foreign key or NOT NULL is now."""
    if found.type == "not null":
        return {"not inherited" if found.definition.endswith("NO INHERIT") else "inherited"}
    node = _node(found)
    time: _To = "initially deferred" if node.initdeferred else "deferrable"
    return {time if node.deferrable else "not deferrable", "enforced" if node.is_enforced else "not enforced"}


def _at_expand(change: ConstraintAlteration, found: Constraint | None) -> _To | None:
    """What expand makes of it, if anything."""
    if change.to in _INHERITING:
        return change.to
    if found is not None and change.to in ("deferrable", "initially deferred"):
        return "deferrable" if "not deferrable" in _states(found) else None
    return None


def _other(to: _To) -> _To:
    return "inherited" if to == "not inherited" else "not inherited"
