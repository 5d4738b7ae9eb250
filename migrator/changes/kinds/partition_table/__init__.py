"""Make a table a partitioned one whose first partition is all that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.kind import Context, Draft, Kind, Obstacle, require_table
from migrator.changes.kinds.partition_table import besides, swap
from migrator.changes.kinds.partition_table.as_planned import require_as_planned
from migrator.changes.kinds.partition_table.swap import Partitioning, strategy_of
from migrator.changes.left_behind import left_behind
from migrator.changes.partition import condition_of, require_bound
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Index, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, ident
from migrator.sql.parser import deparse, parse_script, pb, unwrap
from migrator.sql.rewrite import slug

_DIRECTIVE = "-- migrator: partition = orders_2026 FOR VALUES FROM (MINVALUE) TO ('2027-01-01')"


class PartitionTable(Kind[Partitioning]):
    """Make a table a partitioned one whose first partition is all that is there.

    What happens
        No row is copied. Expand adds a CHECK that says what the bound of the partition says, and validates it while
        reads and writes go on. Contract, in one short transaction: the table takes the name of the partition, a
        partitioned table takes its name, with its columns, defaults, identity, constraints, indexes, foreign keys,
        triggers, extended statistics, tablespaces, privileges and owner, and the old table is attached, for which the
        CHECK spares the server the look at the rows and every index is found to be there. Then the partitioned table is
        analyzed. Partitions for further rows are created by later migrations.

    What old and new code see
        One table under one name, before and after. Statements that wait for the swap, and prepared ones, go on with the
        partitioned table. What PostgreSQL does not do with one: COPY TO it before 18 (COPY (SELECT …) TO works),
        TRUNCATE ONLY, CREATE INDEX CONCURRENTLY on all of it; an UPDATE that moves a row to another partition can make
        a concurrent one of that row fail. So the swap waits until no old code is left. Row triggers see the name of the
        partition in TG_TABLE_NAME.

    What is refused
        A primary key, unique constraint or index that lacks a column of the partition key; exclusion constraints;
        constraints that are not validated, or NO INHERIT. Whatever knows the table by its number and would stay with
        the old one: foreign keys that point here, views, functions and columns of its row type; rules, security labels,
        membership in an extension. Row security, publications and subscriptions; triggers that are disabled, ALWAYS or
        REPLICA, that are constraint triggers, or that have transition tables for each row. HASH, which no existing rows
        fulfil. Other changes of the table in one migration. A database is needed.

    Limits
        Between expand and contract the CHECK refuses rows outside the bound, as no partition takes them afterwards:
        choose one that holds every row until the next partition is there, or DEFAULT, which needs no CHECK. With
        DEFAULT, attaching a partition later has to read it (attach_partition does so beforehand). Storage parameters
        stay with the partition. Default privileges of the schema apply to the partitioned table besides those that are
        carried over; what was granted on an identity sequence is not. Once contracted there is no rollback.

    Example::

        -- migrator: partition = orders_2026 FOR VALUES FROM (MINVALUE) TO ('2027-01-01')
        CREATE TABLE orders (LIKE orders) PARTITION BY RANGE (created_at)
    """

    name = "partition_table"
    unknown_without_tables = frozenset({Phase.EXPAND, Phase.CONTRACT})
    spec = Partitioning
    takes_whole_table = True
    relies_on_indexes = True
    options = frozenset({"partition"})

    def recognise(self, action: Action, schema: Schema) -> Partitioning | None:
        """``CREATE TABLE t (LIKE t) PARTITION BY …`` with a directive ``partition``."""
        if action.kind != "create_stmt" or "partition" not in action.options:
            return None
        node = action.node
        target = schema.resolve(node.relation.schemaname, node.relation.relname)
        like = [unwrap(each) for each in node.table_elts]
        if not node.HasField("partspec") or len(like) != 1 or not isinstance(like[0], pb.TableLikeClause):
            raise Refused(
                f'"{target}" is made a partitioned table, but its columns are written anew or PARTITION BY is missing',
                hint=f"{_DIRECTIVE}, and then: CREATE TABLE orders (LIKE orders) PARTITION BY RANGE (created_at)",
            )
        if schema.resolve(like[0].relation.schemaname, like[0].relation.relname) != target:
            raise Refused(
                f'a new table is made like "{like[0].relation.relname}", not "{target}" a partitioned one',
                hint=f"write the same name twice: CREATE TABLE {target.name} (LIKE {target.name}) PARTITION BY …",
            )
        partition, bound = _partition(action.options["partition"])
        return Partitioning(
            schema=target.schema,
            table=target.name,
            by=_strategy(node),
            partition=partition,
            bound=bound,
        )

    def touched(self, change: Partitioning) -> dict[TableName, tuple[str, ...]]:
        """The table, and the name it takes, which must be free."""
        return {change.target: strategy_of(change.by).columns, change.part: ()}

    def validate(self, change: Partitioning, context: Context) -> Iterator[str]:
        """Everything about the table can be carried over, and the bound can be proved."""
        if change.target in context.created:
            raise Refused(f'"{change.target}" is created by this migration', hint="create it with PARTITION BY there")
        relation = require_table(
            change, context, instead="it is one already: create its partitions, or attach tables with ATTACH PARTITION"
        )
        if relation is None:
            raise Refused(
                f'what hangs on table "{change.target}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        taken = context.schema.relation(change.part)
        if taken is not None:
            raise Refused(f'{taken.kind} "{change.part}" exists already')
        _require_key(change, relation)
        _condition(change, relation)
        besides.require_places(relation, context)
        swap.require_portable(change, relation)
        for trigger in relation.own_triggers:
            yield f"trigger {trigger.name} sees {change.partition} in TG_TABLE_NAME for rows of that partition"
        for function in relation.functions:
            yield f"the text of function {function} mentions {change.table}: it finds the partitioned table afterwards"
        if not change.is_default:
            yield f"from expand on, rows outside {change.bound.removeprefix('FOR VALUES ')} are refused"

    def expand(self, change: Partitioning, context: Context) -> Iterator[Draft]:
        """The proof of the bound."""
        relation = context.schema.relation(change.target)
        if relation is None or change.is_default:
            return
        yield Draft(
            "add-bound",
            self.template(
                "add_check", table=change.sql, constraint=_check(change), condition=_condition(change, relation)
            ),
            "refuses rows outside the bound from here on; existing rows are not looked at",
            slug(change.table),
        )
        yield Draft(
            "validate-bound",
            self.template("validate", table=change.sql, constraint=_check(change)),
            "looks at every row while reads and writes go on",
        )

    def contract(self, change: Partitioning, context: Context) -> Iterator[Draft]:
        """The partitioned table takes the name and all that hangs on it; the old one becomes its partition."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        check = None if change.is_default else _check(change)
        for draft in swap.steps(change, relation, check, self.template):
            yield replace(draft, group=slug(change.table))
        yield Draft(
            "analyze",
            self.template("analyze", table=change.sql),
            "autovacuum never analyzes a partitioned table itself; rows are sampled while reads and writes go on",
        )

    def obstacles(self, change: Partitioning, context: Context) -> Iterator[Obstacle]:
        """Rows outside the bound, and what would stay with the partition and is not seen when the schema is read."""
        relation = context.schema.relation(change.target)
        if relation is not None and relation.kind == "table" and not change.is_default:
            yield Obstacle(
                self.template("outside", table=change.sql, condition=_condition(change, relation)),
                f"rows of {change.target} are outside {change.bound.removeprefix('FOR VALUES ')}",
                "choose a bound that holds every row, or DEFAULT",
                Phase.EXPAND,
            )
        for phase in (Phase.EXPAND, Phase.CONTRACT):
            yield Obstacle(
                self.template("rules", table=str(change.sql)),
                f"rules of table {change.target} would stay with {change.partition}: writes to {change.table} would no "
                "longer meet them",
                "replace them by triggers in a migration before this one",
                phase,
            )
            yield from left_behind("table", change.target, phase)

    def before_contract(self, change: Partitioning, context: Context) -> None:
        """Nothing came to the table since it was planned that would not be carried over."""
        relation = context.schema.relation(change.target)
        if relation is None or relation.kind != "table":
            return
        _require_key(change, relation)
        besides.require_places(relation, context)
        swap.require_portable(change, relation)
        require_as_planned(change, relation, context.contract_sql, self.template)

    def rollback(self, change: Partitioning, context: Context) -> Iterator[Draft]:
        """The CHECK goes; nothing else has changed."""
        del context
        if not change.is_default:
            yield Draft(
                "drop-bound",
                self.template("drop_check", table=change.sql, constraint=_check(change)),
                "rows outside the bound are accepted again",
                slug(change.table),
                undoes="add-bound",
            )


def _partition(text: str) -> tuple[str, str]:
    """Name and bound of a directive."""
    if len(text.split()) < 2:  # the server's grammar would point behind its end, into a statement nobody wrote
        raise Refused(f"not a name and the bound of a partition: {text}", hint=_DIRECTIVE)
    statements = parse_script(f"ALTER TABLE t ATTACH PARTITION {text}", "partition").statements
    commands = statements[0].node.cmds if [each.kind for each in statements] == ["alter_table_stmt"] else []
    if len(commands) != 1 or unwrap(commands[0]).subtype != pb.AT_AttachPartition:
        raise Refused(f"not a name and the bound of a partition: {text}", hint=_DIRECTIVE)
    name = unwrap(getattr(unwrap(commands[0]), "def")).name
    if name.schemaname:
        raise Refused(
            f'partition "{name.schemaname}.{name.relname}" would be in a schema of its own',
            hint="leave the schema out: the table stays where it is",
        )
    ident(name.relname)
    written = deparse("alter_table_stmt", statements[0].node)
    return name.relname, str(require_bound(written.partition(f" {ident(name.relname)} ")[2]))


def _strategy(node: pb.CreateStmt) -> str:
    """``RANGE (created_at)`` of a CREATE TABLE."""
    alone = pb.CreateStmt()
    alone.CopyFrom(parse_script("CREATE TABLE t (a integer) PARTITION BY RANGE (a)").statements[0].node)
    alone.partspec.CopyFrom(node.partspec)
    return deparse("create_stmt", alone).partition(" PARTITION BY ")[2]


def _require_key(change: Partitioning, relation: Relation) -> None:
    """Refuse a key that the server or the rows would not accept.

    Raises:
        Refused: with what is wrong.
    """
    strategy = strategy_of(change.by)
    for name in strategy.columns:
        column = relation.column(name)
        if column is None:
            known = ", ".join(f'"{each.name}"' for each in relation.columns)
            raise Refused(f'column "{name}" of table "{relation.name}" does not exist', detail=f"columns: {known}")
        if column.generated:
            raise Refused(f'column "{name}" of table "{relation.name}" is generated, and cannot be a partition key')
    if strategy.is_hash:
        raise Refused(
            f'"{relation.name}" cannot be partitioned by HASH: its rows belong to all of the partitions',
            hint="create a partitioned table of another name, and move the rows into it with a backfill of your own",
        )
    lacking = [each for each in relation.indexes if each.is_unique and not _holds(each, strategy.columns)]
    if strategy.has_expression:
        lacking = [each for each in relation.indexes if each.is_unique]
    if lacking:
        raise Refused(
            f'unique keys of table "{relation.name}" lack the partition key {change.by}, which every partition would '
            "enforce by itself",
            detail="\n".join(f"{'constraint' if each.constraint else 'index'} {each.name}" for each in lacking),
            hint="put the key over all of these columns first, in a migration before this one",
        )


def _holds(index: Index, columns: tuple[str, ...]) -> bool:
    """Whether all of these columns are among the keys of an index."""
    keys = {unwrap(each).name for each in parse_script(index.definition).statements[0].node.index_params}
    return keys >= set(columns)


def _condition(change: Partitioning, relation: Relation) -> Sql:
    """What the bound asks of every row.

    Raises:
        Refused: no CHECK could prove it.
    """
    bound = require_bound(change.bound)
    if change.is_default:
        return Sql("true")
    if strategy_of(change.by).has_options:
        raise Refused(
            f"the partition key {change.by} has a collation or operator class of its own, so no CHECK proves {bound}",
            hint="leave it out, or make the table the DEFAULT partition",
        )
    if len(strategy_of(change.by).columns) > 1:
        raise Refused(
            f"no CHECK says beforehand what {change.by} asks of a partition {bound}",
            hint="make the table the DEFAULT partition, or partition it by one column",
        )
    return condition_of(change.bound, replace(relation, partition_key=change.by))


def _check(change: Partitioning) -> str:
    return bounded_name("migrator", change.partition, "bound", over=(str(change.target), str(change.part)))
