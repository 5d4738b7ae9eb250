"""Attach a table as a partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.constraint import earlier
from migrator.changes.index import default_index_name
from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.changes.partition import (
    HAS_PARTITIONED_IDENTITY,
    OnPartition,
    bound_of,
    condition_of,
    default_partition,
    index_like,
    require_bound,
    require_parent,
)
from migrator.changes.replication import require_writable
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Index, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.sql.rewrite import slug


class Attaching(OnPartition, frozen=True, kw_only=True):
    """Parameters of ``attach_partition``.

    Attributes:
        bound: which rows it holds: ``FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')``.
    """

    bound: str


class AttachPartition(Kind[Attaching]):
    """Attach a table as a partition.

    What happens
        All in expand. Indexes of the partitioned table that the table lacks are built CONCURRENTLY. A CHECK that says
        what the bound says is added NOT VALID and validated while reads and writes go on, so that attaching looks at no
        row; with a default partition, a CHECK on that one says that it holds no such row. Then, in one transaction, the
        table is attached and the CHECKs go. There is nothing to contract.

    What old and new code see
        The rows appear in the partitioned table at once. From the first CHECK on, writes outside the bound into the
        table itself fail, as they do ever after; with a default partition, so do inserts of rows of the bound, which
        would have kept the table from being attached: let code write such rows after expand.

    What is refused
        Bounds by hash, over several columns, and DEFAULT: no CHECK proves them, so every row would be read under the
        lock. Columns that differ; keys and foreign keys of the partitioned table that the table lacks, since each is
        built or verified under the lock: add them in a migration before. A table without a replica identity where a
        publication sends the partitioned one. CREATE INDEX before it in the same migration: write it behind. A database
        is needed.

    Limits
        Rolling back detaches it with a lock for a moment; rows in it are no longer seen through the partitioned table,
        so it says how many there are and needs --yes.

    Example:
        ALTER TABLE measurements ATTACH PARTITION measurements_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
    """

    name = "attach_partition"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = Attaching

    def recognise(self, action: Action, schema: Schema) -> Attaching | None:
        """``ALTER TABLE … ATTACH PARTITION … FOR VALUES …``."""
        if action.command is None or action.command.subtype != pb.AT_AttachPartition:
            return None
        if "phase" in action.options:
            return None  # raw_sql: the author says when it runs
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        relation, partition = action.node.relation, unwrap(getattr(action.command, "def")).name
        target = schema.resolve(relation.schemaname, relation.relname)
        part = schema.resolve(partition.schemaname, partition.relname)
        return Attaching(
            schema=target.schema,
            table=target.name,
            partition=part.name,
            partition_schema=part.schema if part.schema != target.schema else "",
            bound=bound_of(action.command),
        )

    def touched(self, change: Attaching) -> dict[TableName, tuple[str, ...]]:
        """Both tables."""
        return {change.target: (), change.part: ()}

    def validate(self, change: Attaching, context: Context) -> Iterator[str]:
        """The table is as the partitioned one is, and its bound can be proved."""
        parent = require_parent(change, context)
        part = require_table(
            OnTable(schema=change.part.schema, table=change.partition),
            context,
            instead="attach it while it has no partitions yet, and then attach these to it one by one",
        )
        condition_of(require_bound(change.bound), parent)
        if part is None:
            raise Refused(
                f'"{change.part}" is created by this migration', hint="create it with CREATE TABLE … PARTITION OF"
            )
        _require_alike(parent, part, context.schema.server_version)
        made = next((spec for kind, spec in earlier(change, context) if kind == "create_index"), None)
        if made is not None and getattr(made, "target", None) == change.target:
            raise Refused(
                f'this migration makes an index of "{change.target}" before, which the server would build anew on '
                f'"{change.part}" while others wait, and which would stay there after a rollback',
                hint="write CREATE INDEX behind ATTACH PARTITION",
            )
        require_writable(
            replace(
                part,
                publications=(*part.publications, *parent.publications),
                indexes=(*part.indexes, *(each for each in parent.indexes if each.is_primary)),
            ),
            part,
            "give it a primary key, or another REPLICA IDENTITY, in a migration before this one",
            context.schema.server_version,
        )
        default = default_partition(parent)
        if default is not None:
            yield (
                f"{default.name} is the default partition: until {change.partition} is attached, inserts of rows of "
                "its bound fail, and expand stops if there are such rows in it"
            )
        if part.estimated_rows > 0:
            yield f"the rows of {change.part} appear in {change.target} when expand has attached it"

    def expand(self, change: Attaching, context: Context) -> Iterator[Draft]:
        """Indexes, proof, and the attachment."""
        parent, part = context.schema.relation(change.target), context.schema.relation(change.part)
        if parent is None or part is None:
            return
        for index in _missing_indexes(parent, part):
            yield Draft(
                f"index-{slug(index.name)}",
                index_like(index.definition, part.name, _index_name(index, change, part)),
                f"as {index.name} of {change.table}; built while reads and writes go on",
            )
        condition, check, group = condition_of(change.bound, parent), _check(change), slug(change.table)
        checks = [("bound", change.part_sql, condition, "rows outside the bound")]
        default = default_partition(parent)
        if default is not None:
            other = qualified(default.name.schema, default.name.name)
            checks.append(("default", other, Sql(f"NOT ({condition})"), "rows of the bound"))
        for step, table, text, refused in checks:
            yield Draft(
                f"add-{step}",
                self.template("add_check", table=table, constraint=check, condition=text),
                f"refuses {refused} from here on; existing rows are not looked at",
                f"{step}-{group}",
            )
            yield Draft(
                f"validate-{step}",
                self.template("validate", table=table, constraint=check),
                "looks at every row while reads and writes go on",
            )
        yield Draft(
            f"attach-{slug(change.partition)}",
            self.template("attach", table=change.sql, partition=change.part_sql, bound=require_bound(change.bound)),
            "the validated CHECK proves the bound, no row is looked at",
            group,
            locks=f"ACCESS EXCLUSIVE ON {change.part_sql}, SHARE UPDATE EXCLUSIVE ON {change.sql}: reads and writes "
            "wait, for a moment",
        )
        for step, table, _, _ in checks:
            yield Draft(
                f"drop-{step}",
                self.template("drop_check", table=table, constraint=check),
                "the bound says the same",
                group,
            )

    def rollback(self, change: Attaching, context: Context) -> Iterator[Draft]:
        """It becomes a table of its own again; what was made for it goes."""
        parent, part, group = (
            context.schema.relation(change.target),
            context.schema.relation(change.part),
            slug(change.table),
        )
        yield Draft(
            f"detach-{slug(change.partition)}",
            self.template("detach", table=change.sql, partition=change.part_sql),
            "a table of its own as before; its rows are no longer seen through the other",
            group,
            undoes=f"attach-{slug(change.partition)}",
            loses=self.template("rows", partition=change.part_sql),
        )
        default = default_partition(parent) if parent else None
        tables = [("bound", change.part_sql)]
        if default is not None:
            tables.append(("default", qualified(default.name.schema, default.name.name)))
        for step, table in tables:
            yield Draft(
                f"drop-{step}",
                self.template("drop_check_if_there", table=table, constraint=_check(change)),
                "where expand stopped before the table was attached",
                group,
                undoes=f"add-{step}",
            )
        if parent is None or part is None:
            return
        for index in _missing_indexes(parent, part):
            yield Draft(
                f"drop-{slug(index.name)}",
                self.template("drop_index", index=qualified(change.part.schema, _index_name(index, change, part))),
                "it was not there before",
                undoes=f"index-{slug(index.name)}",
            )


def _require_alike(parent: Relation, part: Relation, server_version: int) -> None:
    """Refuse a table that could not be attached, or only with work under the lock.

    Raises:
        Refused: with everything that differs.
    """
    differs: list[str] = []
    for column in parent.columns:
        own = part.column(column.name)
        if own is None:
            differs.append(f"column {column.name} is missing")
        elif (own.type_name, own.collation) != (column.type_name, column.collation):
            differs.append(f"column {column.name} is of type {own.type_name}, not {column.type_name}")
        elif column.not_null and not own.not_null:
            differs.append(f"column {column.name} is not NOT NULL")
        elif own.generated != column.generated:
            differs.append(f"column {column.name} is not generated in the same way")
        elif own.identity and server_version >= HAS_PARTITIONED_IDENTITY:
            differs.append(f"column {column.name} is an identity column")
    differs += [f"column {own.name} is not in {parent.name}" for own in part.columns if parent.column(own.name) is None]
    known = {(each.type, each.definition) for each in part.constraints if each.is_valid}
    differs += [
        f"{each.type} {each.definition} is missing"
        for each in parent.constraints
        if each.type in ("primary key", "unique", "exclusion", "foreign key", "check")
        and (each.type, each.definition) not in known
    ]
    if differs:
        raise Refused(
            f'table "{part.name}" is not as "{parent.name}" is',
            detail="\n".join(differs),
            hint="change it in a migration before this one; what is built or verified by attaching makes others wait",
        )


def _missing_indexes(parent: Relation, part: Relation) -> list[Index]:
    """Indexes of the partitioned table that serve no constraint and have no valid like on the other."""
    there = {index_like(each.definition, part.name, "i") for each in part.indexes if each.is_valid}
    return [
        each
        for each in parent.indexes
        if each.constraint is None and index_like(each.definition, part.name, "i") not in there
    ]


def _index_name(index: Index, change: Attaching, part: Relation) -> str:
    """The name PostgreSQL would choose, or one with a hash where that is too long or taken."""
    name = default_index_name(change.part, parse_script(index.definition).statements[0].node)
    if all(each.name != name for each in part.indexes):
        return name
    return bounded_name(change.partition, index.name, over=(change.schema, index.name, str(change.part)))


def _check(change: Attaching) -> str:
    return bounded_name("migrator", change.partition, "bound", over=(str(change.target), str(change.part)))
