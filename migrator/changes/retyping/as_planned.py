"""Whether the contract of a change of type, written some time ago, makes what hangs on the column now, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from migrator.changes.retyping import beside, carried, computed, listed, set_aside, swap
from migrator.changes.retyping.shadow import Retyping, Shadow, Together, temporary_name
from migrator.changes.trigger import SYNC_PREFIX
from migrator.errors import Refused
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import relation_parts
from migrator.sql.rewrite import columns_in

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
    back = list(_brought_back(change, relation, shadow, together, contract_sql, template))
    if back:
        raise Refused(
            f"what went from {where} since it was planned would come back",
            detail="\n".join(back),
            hint="roll back and expand again after planning anew",
        )


def require_given_back(change: Retyping, relation: Relation, contract_sql: str) -> None:
    """Make sure that contract gives back the views, policies and triggers that name the column as they are now.

    Raises:
        Refused: something was made or changed since it was planned; or went, and would be back.
    """
    planned = f"\n{contract_sql}\n"
    wanted: dict[str, list[Sql]] = {}
    readers = set_aside.readers(relation, change.column)
    before = beside.chosen(readers)
    for view in readers:
        is_beside = view.name in before
        wanted[f"{view.kind} {view.name}"] = [*beside.planned(view)] if is_beside else [set_aside.made_anew(view)]
    for each in computed.virtual(relation, change.column):
        wanted[f"generated column {each.name}"] = [text for _, text in computed.made(relation, each)]
    for policy in set_aside.policies(relation, change.column):
        wanted[f"policy {policy.name}"] = [set_aside.restored(change, policy)]
    for trigger in set_aside.triggers(relation, change.column):
        wanted[f"trigger {trigger.name}"] = [text for _, text in set_aside.created(change, trigger)]
    for counted in listed.statistics(relation, change.column):
        wanted[f"statistics object {listed.name_of(counted)}"] = [text for _, text in listed.made(change, counted)]
    for publication in listed.publications(relation, change.column):
        wanted[f"publication {publication.name}"] = [listed.taken_in(change, publication)]
    other = [what for what, texts in wanted.items() if any(f"\n{text}\n" not in planned for text in texts)]
    if other:
        raise Refused(
            f'what reads or names column "{change.column}" of table "{relation.name}" was made or changed since it was '
            "planned",
            detail="\n".join(other),
            hint="roll back and expand again after planning anew",
        )
    now = "\n".join(chain.from_iterable(wanted.values()))
    gone = sorted({*_gone(change, relation, contract_sql), *_taken_back(change, relation, contract_sql, now)})
    if gone:
        raise Refused(
            f'what read or named column "{change.column}" of table "{relation.name}" went since it was planned',
            detail="\n".join(gone),
            hint="roll back and expand again after planning anew",
        )


def _gone(change: Retyping, relation: Relation, contract_sql: str) -> Iterator[str]:
    """What contract sets aside and is not there any more; triggers of ours are not the user's."""
    renamed = rf"^ALTER (?:MATERIALIZED )?VIEW ({_NAME}\.{_NAME}) RENAME TO ({_NAME})$"
    for found in re.finditer(renamed, contract_sql, re.MULTILINE):
        (schema, name), (_, aside) = relation_parts(found[1]), relation_parts(found[2])
        view = TableName(schema or "", name)
        readers = {each.name for each in set_aside.readers(relation, change.column)}
        if aside == temporary_name(name, change, str(view)) and view not in readers:
            yield f"view {view}"
    yield from beside.gone(change, set_aside.readers(relation, change.column), contract_sql)
    table = re.escape(change.sql)
    there = {each.name for each in computed.virtual(relation, change.column)}
    added = rf"^ALTER TABLE {table} ADD COLUMN ({_NAME}) [^\n]*?GENERATED ALWAYS AS \((.*?)\) VIRTUAL$"
    for name, value in re.findall(added, contract_sql, re.MULTILINE | re.DOTALL):
        if change.column in columns_in(value) and relation_parts(name)[1] not in there:
            yield f"generated column {name}"
    there = {each.name for each in relation.policies}
    for name in re.findall(rf"^ALTER POLICY ({_NAME}) ON {table} ", contract_sql, re.MULTILINE):
        if relation_parts(name)[1] not in there:
            yield f"policy {name}"
    there = {each.name for each in listed.publications(relation, change.column)}
    for name in re.findall(rf"^ALTER PUBLICATION ({_NAME}) DROP TABLE {table}$", contract_sql, re.MULTILINE):
        if relation_parts(name)[1] not in there:
            yield f"publication {name}"
    there = {str(listed.name_of(each)) for each in relation.statistics}
    created = rf"^CREATE STATISTICS ({_NAME}\.{_NAME}) .*FROM {table}$"
    for name in () if change.in_place else re.findall(created, contract_sql, re.MULTILINE):
        if name not in there:
            yield f"statistics object {name}"
    there = {each.name for each in relation.own_triggers}
    for name in re.findall(rf"^DROP TRIGGER ({_NAME}) ON {table}$", contract_sql, re.MULTILINE):
        if relation_parts(name)[1] not in there and not relation_parts(name)[1].startswith(SYNC_PREFIX):
            yield f"trigger {name}"


def _taken_back(change: Retyping, relation: Relation, contract_sql: str, now: str) -> Iterator[str]:
    """What contract says of triggers and generated columns that it makes anew, and is not so any more."""
    table = re.escape(change.sql)
    for column in computed.virtual(relation, change.column):
        name = re.escape(ident(column.name))
        about = (
            rf"^(?:COMMENT ON COLUMN {table}\.{name} IS .*|GRANT \w+ \({name}\) ON {table} TO .*"
            rf"|ALTER TABLE {table} ALTER COLUMN {name} SET .*)$"
        )
        yield from (line for line in re.findall(about, contract_sql, re.MULTILINE) if f"{line}\n" not in f"{now}\n")
    for trigger in set_aside.triggers(relation, change.column):
        name = re.escape(ident(trigger.name))
        about = rf"^(?:COMMENT ON TRIGGER {name} ON {table} IS .*|ALTER TABLE {table} [A-Z ]+ TRIGGER {name})$"
        yield from (line for line in re.findall(about, contract_sql, re.MULTILINE) if f"{line}\n" not in f"{now}\n")


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
        *(copy for _, copy in carried.exclusions(change, relation, together)),
    ):
        if ident(copy.temporary) not in contract_sql:
            yield f"constraint {copy.name} of {copy.table}"
    place = swap.place(change, relation, shadow, together)
    if place is not None:
        for text in swap.set_on(place, template):
            if f"{text}\n" not in f"{contract_sql}\n":
                yield _as_written(text, change, shadow)


def _brought_back(
    change: Retyping,
    relation: Relation,
    shadow: Shadow,
    together: Together,
    contract_sql: str,
    template: swap.Template,
) -> Iterator[str]:
    there = {each.name for each in relation.indexes} | {each.name for each in relation.constraints}
    there |= {each.name for each in relation.references}
    place = swap.place(change, relation, shadow, together)
    now = "\n".join(swap.set_on(place, template)) if place is not None else ""
    name, table = re.escape(ident(change.column)), re.escape(change.sql)
    commented = [
        f"COLUMN {table}\\.{name}",
        *(re.escape(what) for _, what, _ in (swap.made_anew(place) if place else ())),
    ]
    settings = re.compile(
        rf"GRANT \w+ \({name}\) ON {table} TO |COMMENT ON (?:{'|'.join(commented)}) IS "
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
