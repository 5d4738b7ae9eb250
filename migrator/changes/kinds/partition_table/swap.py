"""The swap: a partitioned table takes the name of the old one and all that hangs on it, and the old one is attached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from migrator.changes.kind import Draft, OnTable
from migrator.changes.kinds.partition_table import besides
from migrator.changes.kinds.partition_table.besides import Template
from migrator.changes.partition import require_bound
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.schema import Column, Constraint, Index, Relation, TableName
from migrator.sql.compose import MAX_NAME_BYTES, Sql, bounded_name, ident, literal, qualified
from migrator.sql.effects import relation_name
from migrator.sql.parser import deparse_expression, parse_script, pb, relation_parts, unwrap
from migrator.sql.rewrite import columns_in, role_sql, slug, statement_sql

_COPIED_BY_LIKE = ("SET STORAGE", "SET COMPRESSION")
_NOTHING_WAITS = "none on a table that others know: it is new in this transaction"


class Partitioning(OnTable, frozen=True):
    """Parameters of ``partition_table``.

    Attributes:
        by: how rows are divided: ``RANGE (created_at)``.
        partition: what the table that is there is called afterwards, in the same schema.
        bound: which rows it holds: ``FOR VALUES FROM (MINVALUE) TO ('2027-01-01')``, ``DEFAULT``.
    """

    by: str
    partition: str
    bound: str

    @property
    def part(self) -> TableName:
        """The table under its later name."""
        return TableName(self.schema, self.partition)

    @property
    def part_sql(self) -> Sql:
        """The same as SQL."""
        return qualified(self.schema, self.partition)

    @property
    def is_default(self) -> bool:
        """Whether it takes every row that no other partition takes."""
        return require_bound(self.bound) == "DEFAULT"


@dataclass(frozen=True, slots=True)
class Strategy:
    """How rows are divided.

    Attributes:
        columns: of the key, those in expressions included.
        has_expression: whether a part of the key is not a plain column.
        has_options: whether a part has a collation or an operator class.
    """

    sql: Sql
    columns: tuple[str, ...]
    is_hash: bool
    has_expression: bool
    has_options: bool


def strategy_of(by: str) -> Strategy:
    """What follows PARTITION BY, taken apart.

    Raises:
        Refused: it is not that.
    """
    statements = parse_script(f"CREATE TABLE t (a integer) PARTITION BY {by}", "by").statements
    node = statements[0].node
    if len(statements) != 1 or not node.HasField("partspec") or node.options or node.tablespacename:
        raise Refused(f"not a strategy of partitioning: {by}", hint="for instance: RANGE (created_at)")
    parts = [unwrap(each) for each in node.partspec.part_params]
    columns = [part.name for part in parts if part.name]
    for part in parts:
        if not part.name:
            columns += sorted(columns_in(deparse_expression(part.expr)))
    return Strategy(
        sql=Sql(statement_sql("create_stmt", node).partition(" PARTITION BY ")[2]),
        columns=tuple(dict.fromkeys(columns)),
        is_hash=node.partspec.strategy == pb.PARTITION_STRATEGY_HASH,
        has_expression=any(not part.name for part in parts),
        has_options=any(part.collation or part.opclass for part in parts),
    )


def require_portable(change: Partitioning, relation: Relation) -> None:
    """Refuse what cannot be carried over to a partitioned table, or would stay with the old one unnoticed.

    Raises:
        Refused: with everything that is in the way.
    """
    in_the_way = [f"{each}: it would stay with {change.partition}" for each in relation.users]
    for condition, what in (
        (relation.is_published, "a publication sends its changes, under the name of the partition afterwards"),
        (relation.is_subscribed, "a subscription writes it"),
        (relation.has_row_security or relation.forces_row_security, "row security is in force"),
    ):
        if condition:
            in_the_way.append(what)
    for constraint in relation.constraints:
        if constraint.type == "exclusion":
            in_the_way.append(f"exclusion constraint {constraint.name}: it would hold within one partition only")
        elif not constraint.is_valid:
            in_the_way.append(f"{constraint.type} {constraint.name} is not validated")
        elif constraint.type == "check" and constraint.definition.endswith(" NO INHERIT"):
            in_the_way.append(f"check {constraint.name} is NO INHERIT")
    in_the_way += [f"index {index.name} is invalid" for index in relation.indexes if not index.is_valid]
    for trigger in relation.own_triggers:
        node = parse_script(trigger.definition).statements[0].node
        if trigger.enabled != "O":
            in_the_way.append(f"trigger {trigger.name} is not enabled as usual (tgenabled {trigger.enabled})")
        elif node.isconstraint:
            in_the_way.append(f"trigger {trigger.name} is a constraint trigger")
        elif node.row and node.transition_rels:
            in_the_way.append(f"trigger {trigger.name} has transition tables for each row")
    if in_the_way:
        raise Refused(
            f'table "{relation.name}" cannot be exchanged for a partitioned one while other things hang on it',
            detail="\n".join(in_the_way),
            hint="drop or replace them in a migration before this one, and create what you need anew afterwards",
        )


def steps(change: Partitioning, relation: Relation, check: str | None, template: Template) -> Iterator[Draft]:
    """The one transaction.

    Args:
        check: name of the CHECK that proves the bound; None: there is none.
    """
    table, part = change.sql, change.part_sql
    yield Draft(
        f"rename-{slug(change.table)}",
        template("rename", table=table, new_name=change.partition),
        "everybody waits from here on, until the partitioned table has its name",
    )
    for index in relation.indexes:
        yield Draft(
            f"rename-{slug(index.name)}",
            takes_name(change, index, template),
            "its name is for the one of the partitioned table"
            + ("; its constraint is called the same" if index.constraint else ""),
        )
    for what, text in besides.renamed(relation, partial(name_on_partition, change), template):
        yield Draft(f"rename-{slug(*what.split()[2:])}", text, "its name is for those of the partitioned table")
    for trigger in relation.own_triggers:
        yield Draft(
            f"drop-{slug(trigger.name)}",
            template("drop_trigger", trigger=trigger.name, table=part),
            "comes back with the partitioned table",
        )
    yield Draft(
        f"create-{slug(change.table)}",
        template("create", table=table, partition=part, by=strategy_of(change.by).sql),
        "columns, defaults and CHECKs as they are",
        locks=_NOTHING_WAITS,
    )
    yield Draft(
        "owner",
        template("owner", table=literal(str(table)), partition=literal(str(part))),
        "as of the table before",
        locks=_NOTHING_WAITS,
    )
    for column in relation.columns:
        yield from column_steps(change, column, template)
    for constraint in added_keys(relation):
        yield Draft(
            f"add-{slug(constraint.name)}",
            key(change, constraint, template),
            "as it is on the partition, which need not be looked at then",
            locks=_locks_of(constraint),
        )
    for index in relation.indexes:
        if index.constraint is None:
            yield Draft(
                f"index-{slug(index.name)}",
                Sql(index.definition),
                "empty: the one of the partition becomes a part of it",
                locks=_NOTHING_WAITS,
            )
    for trigger in relation.own_triggers:
        yield Draft(f"trigger-{slug(trigger.name)}", Sql(trigger.definition), "as before", locks=_NOTHING_WAITS)
    for what, text in besides.carried(relation, template):
        yield Draft(slug(what), text, "as before", locks=_NOTHING_WAITS)
    for what, text in comments(change, relation, template):
        yield Draft(f"comment-{slug(*what.split()[2:])}", text, "as before", locks=_NOTHING_WAITS)
    for number, (grant, column_name) in enumerate(grants_on(relation), 1):
        yield Draft(
            f"grant-{number}", granted(change, grant, column_name), "as on the table before", locks=_NOTHING_WAITS
        )
    yield Draft(
        f"attach-{slug(change.partition)}",
        template("attach", table=table, partition=part, bound=require_bound(change.bound)),
        "the validated CHECK proves the bound: no row is looked at" if check else "takes every row: none is looked at",
        locks=f"ACCESS EXCLUSIVE ON {part}: reads and writes wait, for a moment",
    )
    if check is not None:
        yield Draft(
            "drop-bound",
            template("drop_check", table=table, constraint=check),
            "the bound says the same; with that on the partition",
            locks=f"ACCESS EXCLUSIVE ON {part}: reads and writes wait, for a moment",
        )


def column_steps(change: Partitioning, column: Column, template: Template) -> Iterator[Draft]:
    """What LIKE does not copy of a column."""
    for setting in column.settings:
        if not setting.startswith(_COPIED_BY_LIKE):
            yield Draft(
                f"set-{slug(column.name)}",
                template("setting", table=change.sql, column=column.name, setting=Sql(setting)),
                "as before",
                locks=_NOTHING_WAITS,
            )
    if column.sequence is None:
        return
    sequence = Sql(column.sequence.name)
    if not column.identity:
        yield Draft(
            f"own-{slug(column.name)}",
            template("own_sequence", sequence=sequence, table=change.sql, column=column.name),
            "goes with the partitioned table, not with the partition",
        )
        return
    schema, name = relation_parts(column.sequence.name)
    temporary = bounded_name("migrator", name, over=(str(change.target), column.name, "partition"))
    yield Draft(
        f"identity-{slug(column.name)}",
        template(
            "add_identity",
            table=change.sql,
            column=column.name,
            always=column.identity == "always",
            sequence=qualified(schema, temporary),
            options=Sql(column.sequence.options),
        ),
        "the sequence of an identity column cannot change hands",
        locks=_NOTHING_WAITS,
    )
    yield Draft(
        f"position-{slug(column.name)}",
        template("set_sequence", new=literal(str(qualified(schema, temporary))), old=sequence),
        "goes on where the one before stands",
    )
    yield Draft(
        f"drop-identity-{slug(column.name)}",
        template("drop_identity", table=change.part_sql, column=column.name),
        "with its sequence; values come from the partitioned table",
    )
    yield Draft(
        f"rename-sequence-{slug(column.name)}",
        template("rename_sequence", sequence=qualified(schema, temporary), new_name=name),
        "as before",
        locks=_NOTHING_WAITS,
    )


def comments(change: Partitioning, relation: Relation, template: Template) -> Iterator[tuple[str, Sql]]:
    """What is commented on that LIKE does not copy, and the statement that says it of the partitioned table."""
    said = [(f"table {change.table}", Sql(f"TABLE {change.sql}"), relation.comment)]
    said += [
        (f"constraint {each.name}", Sql(f"CONSTRAINT {ident(each.name)} ON {change.sql}"), each.comment)
        for each in added_keys(relation)
    ]
    said += [
        (f"index {each.name}", Sql(f"INDEX {qualified(change.schema, each.name)}"), each.comment)
        for each in relation.indexes
    ]
    said += [
        (f"trigger {each.name}", Sql(f"TRIGGER {ident(each.name)} ON {change.sql}"), each.comment)
        for each in relation.own_triggers
    ]
    for what, named, text in said:
        if text is not None:
            yield f"comment of {what}", template("comment", what=named, text=text)


def added_keys(relation: Relation) -> Iterator[Constraint]:
    """Constraints that LIKE does not copy as they are wanted."""
    return (each for each in relation.constraints if each.type in ("primary key", "unique", "foreign key"))


def _locks_of(constraint: Constraint) -> str:
    """What adding a constraint to the empty partitioned table locks."""
    if constraint.type != "foreign key":
        return _NOTHING_WAITS
    node = parse_script(f"ALTER TABLE t ADD {constraint.definition}").statements[0].node
    referenced = unwrap(getattr(unwrap(node.cmds[0]), "def")).pktable
    return f"SHARE ROW EXCLUSIVE ON {relation_name(referenced)}: writes wait, for a moment"


def takes_name(change: Partitioning, index: Index, template: Template) -> Sql:
    """What gives an index the name it has on the partition."""
    new_name = name_on_partition(change, index.name)
    return template("rename_index", index=qualified(change.schema, index.name), new_name=new_name)


def name_on_partition(change: Partitioning, index: str) -> str:
    """What an index is called on the partition."""
    rest = index.removeprefix(change.table) if index.startswith(change.table) else f"_{index}"
    name = f"{change.partition}{rest}"
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    return bounded_name(change.partition, index, over=(change.schema, index, change.partition))


def key(change: Partitioning, constraint: Constraint, template: Template) -> Sql:
    """What adds a constraint to the partitioned table."""
    definition = Sql(constraint.definition)
    return template("add_constraint", table=change.sql, constraint=constraint.name, definition=definition)


def grants_on(relation: Relation) -> list[tuple[Grant, str]]:
    """Privileges on the table, then those on single columns."""
    wanted = [(grant, "") for grant in relation.grants]
    return wanted + [(grant, column.name) for column in relation.columns for grant in column.grants]


def granted(change: Partitioning, grant: Grant, column: str) -> Sql:
    """What grants a privilege on the partitioned table, or on one column of it."""
    what = f"{grant.privilege} ({ident(column)})" if column else grant.privilege
    option = " WITH GRANT OPTION" if grant.is_grantable else ""
    return Sql(f"GRANT {what} ON {change.sql} TO {role_sql(grant.grantee)}{option}")
