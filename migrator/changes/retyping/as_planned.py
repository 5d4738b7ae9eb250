"""Whether the contract of a change of type, written some time ago, makes what hangs on the column now, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.changes.retyping import carried, swap
from migrator.changes.retyping.shadow import Retyping, Shadow, Together, temporary_name
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import relation_parts

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_TAKES_NAME = re.compile(
    rf"ALTER INDEX (?:{_NAME}\.)?(?P<index>{_NAME}) RENAME TO (?P<index_name>{_NAME})"
    rf"|ALTER TABLE \S.* ADD CONSTRAINT (?P<key_name>{_NAME}) (?:PRIMARY KEY|UNIQUE) USING INDEX (?P<key>{_NAME})"
    rf"|ALTER TABLE (?P<table>\S.*) RENAME CONSTRAINT (?P<constraint>{_NAME}) TO (?P<constraint_name>{_NAME})"
)


def require_as_planned(
    change: Retyping,
    relation: Relation,
    shadow: Shadow,
    together: Together,
    contract_sql: str,
    template: swap.Template,
) -> None:
    """Make sure that contract carries over all that hangs on the column now, and brings back nothing that went.

    Raises:
        Refused: something was made since it was planned, and would go with the old column; or went, and would be back.
    """
    where = f'column "{change.column}" of table "{relation.name}"'
    lost = list(_lost(change, relation, shadow, together, contract_sql, template))
    if lost:
        raise Refused(
            f"what was made on {where} since it was planned would be lost",
            detail="\n".join(lost),
            hint="roll back and expand again after planning anew, or drop it and create it again after contract",
        )
    back = list(_brought_back(change, relation, shadow, contract_sql, template))
    if back:
        raise Refused(
            f"what went from {where} since it was planned would come back",
            detail="\n".join(back),
            hint="roll back and expand again after planning anew",
        )


def _lost(
    change: Retyping,
    relation: Relation,
    shadow: Shadow,
    together: Together,
    contract_sql: str,
    template: swap.Template,
) -> Iterator[str]:
    for index, name, _ in carried.indexes(change, relation, together):
        if ident(name) not in contract_sql:
            yield f"index {index.name}"
    for copy in (
        *carried.checks(change, relation, together),
        *carried.foreign_keys(change, relation, together),
    ):
        if ident(copy.temporary) not in contract_sql:
            yield f"constraint {copy.name} of {copy.table}"
    column = relation.column(change.column)
    if column is not None:
        for text in swap.set_on(change, column, shadow, template):
            if f"{text}\n" not in f"{contract_sql}\n":
                yield _as_written(text, change, shadow)


def _brought_back(
    change: Retyping, relation: Relation, shadow: Shadow, contract_sql: str, template: swap.Template
) -> Iterator[str]:
    there = {each.name for each in relation.indexes} | {each.name for each in relation.constraints}
    there |= {each.name for each in relation.references}
    column = relation.column(change.column)
    now = "\n".join(swap.set_on(change, column, shadow, template)) if column is not None else ""
    name, table = re.escape(ident(change.column)), re.escape(change.sql)
    settings = re.compile(
        rf"GRANT \w+ \({name}\) ON {table} TO |COMMENT ON COLUMN {table}\.{name} IS "
        rf"|ALTER TABLE {table} ALTER COLUMN (?:{name} SET |{re.escape(ident(shadow.column))} SET NOT NULL)"
    )
    for line in contract_sql.splitlines():
        taken = _TAKES_NAME.fullmatch(line)
        original = _original(taken, change) if taken else None
        if original is not None and original not in there:
            yield f"{'constraint' if taken and taken['constraint'] else 'index'} {original}"
        elif settings.match(line) and f"{line}\n" not in f"{now}\n":
            yield _as_written(line, change, shadow)


def _original(taken: re.Match[str], change: Retyping) -> str | None:
    """Whose name a copy of this change takes; None: it is no copy of this change."""
    temporary = relation_parts(taken["index"] or taken["key"] or taken["constraint"])[1]
    name = relation_parts(taken["index_name"] or taken["key_name"] or taken["constraint_name"])[1]
    places = [""]
    if taken["table"]:
        schema, table = relation_parts(taken["table"])
        places.append(f"{schema}.{table}")
    return name if temporary in {temporary_name(name, change, place) for place in places} else None


def _as_written(text: str, change: Retyping, shadow: Shadow) -> str:
    """A statement as somebody would write it, who does not know of the shadow."""
    return Sql(text.replace(ident(shadow.column), ident(change.column)))
