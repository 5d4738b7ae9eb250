"""What a migration needs and the database or the role that runs it does not have."""

from __future__ import annotations

from migrator.model.locks import LockMode
from migrator.model.plan import Migration, Phase
from migrator.model.schema import TableName
from migrator.postgres.catalog import missing_ownership, missing_privileges, nearest_relation, resolve
from migrator.postgres.session import Session
from migrator.sql.owned import owned_objects
from migrator.sql.parser import parse_script, relation_parts
from migrator.sql.subjects import built_index, created_relation, makes_beside


def lacking(session: Session, migration: Migration) -> tuple[list[str], list[str]]:
    """Schemas and relations that are not there, and what this role lacks for expand and contract; one line each."""
    absent: dict[str, None] = {}
    lacks: dict[str, None] = {}
    created: set[tuple[str | None, str]] = set()
    schemas: set[str] = set()
    for step in (*migration.phase(Phase.EXPAND), *migration.phase(Phase.CONTRACT)):
        for kind, name in owned_objects(parse_script(step.sql).statements[0]):
            lacks.update(dict.fromkeys(missing_ownership(session, kind, name)))
    for step in migration.phase(Phase.EXPAND):
        statement = parse_script(step.sql).statements[0]
        for lock in step.effects.locks:
            schema, name = relation_parts(lock.relation)
            if (schema, name) in created:
                continue
            target = resolve(session, schema, name)
            if target is None and schema is None and any(name == each for _, each in created):
                continue
            if target is None:
                near = nearest_relation(session, name)
                absent[f"{step.at}: relation {lock.relation} does not exist" + (f"; is it {near}?" if near else "")] = (
                    None
                )
                continue
            if lock.mode is LockMode.ACCESS_SHARE:
                continue  # reading needs no ownership; the server is asked about queries themselves
            lacking = missing_privileges(session, target, exists=True, creates=makes_beside(statement))
            lacks.update(dict.fromkeys(lacking or ()))
        if statement.kind == "create_schema_stmt":
            schemas.add(statement.node.schemaname)
        made = created_relation(statement)
        if made is not None:
            created.add(made)
        created.update(filter(None, (built_index(statement),)))
        if made is not None and made[0] not in schemas:
            lines = missing_privileges(session, TableName(made[0] or "public", made[1]), exists=False)
            if lines is None:
                absent[f'{step.at}: schema "{made[0] or "public"}" does not exist'] = None
            else:
                lacks.update(dict.fromkeys(lines))
    for step in migration.phase(Phase.CONTRACT):
        creates = makes_beside(parse_script(step.sql).statements[0])
        for lock in step.effects.locks:
            target = resolve(session, *relation_parts(lock.relation))
            if target is not None and lock.mode is not LockMode.ACCESS_SHARE:
                lacks.update(dict.fromkeys(missing_privileges(session, target, exists=True, creates=creates) or ()))
    return list(absent), list(lacks)
