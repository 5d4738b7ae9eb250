"""Whether the contract written some time ago gives the partitioned table what hangs on the table now, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from migrator.changes.kinds.partition_table import besides, swap
from migrator.changes.kinds.partition_table.besides import Template
from migrator.changes.kinds.partition_table.swap import Partitioning
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import relation_parts

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_TAKES_NAME = re.compile(rf"ALTER INDEX (?P<index>(?:{_NAME}\.)?{_NAME}) RENAME TO (?P<name>{_NAME})")


def require_as_planned(change: Partitioning, relation: Relation, contract_sql: str, template: Template) -> None:
    """Make sure that contract carries over all that hangs on the table now, and brings back nothing that went.

    Raises:
        Refused: something was made or changed since it was planned, and would stay with the old table alone; or went,
            and would be back.
    """
    wanted = list(_wanted(change, relation, template))
    lost = [what for what, text in wanted if f"{text}\n" not in f"{contract_sql}\n"]
    if lost:
        raise Refused(
            f'what was made on table "{relation.name}" since it was planned would stay with {change.partition} alone',
            detail="\n".join(dict.fromkeys(lost)),
            hint="roll back and expand again after planning anew, or drop it and create it again after contract",
        )
    now = "\n".join(text for _, text in wanted)
    back = [line for line in _of_table(change, relation, contract_sql) if f"{line}\n" not in f"{now}\n"]
    if back:
        raise Refused(
            f'what went from table "{relation.name}" since it was planned is still in its contract',
            detail="\n".join(back),
            hint="roll back and expand again after planning anew, or take it out of contract.sql",
        )


def _wanted(change: Partitioning, relation: Relation, template: Template) -> Iterator[tuple[str, Sql]]:
    """What hangs on the table, as somebody would call it, and each statement of the swap about it."""
    for index in relation.indexes:
        yield f"index {index.name}", swap.takes_name(change, index, template)
        if index.constraint is None:
            yield f"index {index.name}", Sql(index.definition)
    for constraint in swap.added_keys(relation):
        yield f"constraint {constraint.name}", swap.key(change, constraint, template)
    for trigger in relation.own_triggers:
        yield f"trigger {trigger.name}", template("drop_trigger", trigger=trigger.name, table=change.part_sql)
        yield f"trigger {trigger.name}", Sql(trigger.definition)
    for grant, column in swap.grants_on(relation):
        whose = f"privilege {grant.privilege} of {grant.grantee or 'PUBLIC'}"
        yield f"{whose} on column {column}" if column else whose, swap.granted(change, grant, column)
    for each in relation.columns:
        for draft in swap.column_steps(change, each, template):
            yield f"column {each.name}: {' '.join(draft.sql.split())}", Sql(draft.sql)
    yield from swap.comments(change, relation, template)
    yield from besides.renamed(relation, partial(swap.name_on_partition, change), template)
    yield from besides.carried(relation, template)


def _of_table(change: Partitioning, relation: Relation, contract_sql: str) -> Iterator[str]:
    """Lines of contract that are about what hangs on the table."""
    table, part = re.escape(change.sql), re.escape(change.part_sql)
    indexes = _any_of(qualified(change.schema, each.name) for each in relation.indexes)
    statistics = _any_of(qualified(each.schema, each.name) for each in relation.statistics)
    about = re.compile(
        rf"GRANT .+ ON {table} TO |COMMENT ON (?:TABLE |(?:CONSTRAINT|TRIGGER) .+ ON ){table} IS "
        rf"|CREATE STATISTICS .+ FROM {table}$|ALTER TABLE {table} (?:ADD CONSTRAINT|SET TABLESPACE) "
        rf"|COMMENT ON (?:INDEX {indexes}|STATISTICS {statistics}) IS "
        rf"|ALTER (?:INDEX {indexes} SET TABLESPACE|STATISTICS {statistics} SET STATISTICS) "
        rf"|ALTER TABLE {table} ALTER COLUMN |ALTER SEQUENCE \S+ OWNED BY {table}\.|DROP TRIGGER .+ ON {part}$"
    )
    for line in contract_sql.splitlines():
        taken = _TAKES_NAME.fullmatch(line)
        schema, index = relation_parts(taken["index"]) if taken else (None, "")
        is_ours = schema in (None, change.schema)
        if about.match(line) or (taken and is_ours and taken["name"] == ident(swap.name_on_partition(change, index))):
            yield line


def _any_of(names: Iterable[Sql]) -> str:
    """A pattern of names, which matches nothing where there are none."""
    return f"(?:{'|'.join(map(re.escape, names)) or '(?!)'})"
