"""Whether what hangs on a column can hang on one of the new type: tried on an empty copy of the table, and rolled back.

An index whose condition compares the column may need a function that is not immutable for the new type, a CHECK an
operator that the new type lacks, and a foreign key one that compares the types of its two columns. At contract there
would be no way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from migrator.changes.kind import Expression
from migrator.changes.retyping import carried, computed, listed, set_aside
from migrator.changes.retyping.carried import Copy
from migrator.changes.retyping.shadow import Retyping, Shadow, Together
from migrator.changes.view import relations_read
from migrator.model.schema import Relation, Schema, TableName
from migrator.model.view import Stored, View
from migrator.sql.compose import Sql, expression, ident, ident_list, qualified
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.sql.rewrite import statement_sql

_COPY = qualified("pg_temp", "migrator_trial")
_OTHER = qualified("pg_temp", "migrator_trial_other")
_INSTEAD = "drop it in a migration before this one, and create what suits the new type after it"


def trials(change: Retyping, relation: Relation, together: Together) -> Iterator[Expression]:
    """One for each index and each constraint that contract makes anew."""
    copy = (
        Sql(f"CREATE TEMPORARY TABLE migrator_trial (LIKE {change.sql}) ON COMMIT DROP"),
        *_shadows(_COPY, together.of(relation.name)),
    )
    for index, _, definition in carried.indexes(change, relation, together):
        statement = parse_script(definition).statements[0]
        node = statement.node
        node.relation.schemaname, node.relation.relname, node.concurrent, node.table_space = (
            "pg_temp", "migrator_trial", False, "",
        )  # fmt: skip
        yield _trial(f"index {index.name}", change, (*copy, statement_sql(statement.kind, node)))
    excluding = (each for _, each in carried.exclusions(change, relation, together))
    for check in (*carried.checks(change, relation, together), *excluding):
        yield _trial(f"constraint {check.name}", change, (*copy, Sql(f"ALTER TABLE {_COPY} ADD {check.definition}")))
    for key in carried.foreign_keys(change, relation, together):
        yield _trial(
            f"foreign key {key.name} of {key.table}",
            change,
            tuple(_key(key, relation.name, copy, together)),
            "drop it in a migration before this one, change the columns on both sides, and add it again after that",
        )


def trials_of_users(change: Retyping, schema: Schema, together: Together) -> Iterator[Expression]:
    """One for each view, policy and trigger that contract gives back, over copies whose columns have the new types."""
    relation = schema.relation(change.target)
    if relation is None:
        return
    # Conditions call their table by its name.
    names = {relation.name: relation.name.name}
    for other, _ in together.columns:
        names.setdefault(other.target, f"migrator_trial_{len(names)}")
    copies = tuple(text for table, name in names.items() for text in _retyped(table, name, schema, together))
    for each in computed.virtual(relation, change.column):
        added = computed.tried(qualified("pg_temp", relation.name.name), each)
        yield _trial(f"generated column {each.name}", change, (*copies, *added))
    views: dict[TableName, str] = dict(names)
    before = copies
    for view in set_aside.readers(relation, change.column):
        views[view.name] = f"migrator_trial_{len(views)}"
        query, name = _over_copies(view.definition, views), views[view.name]
        made = f"TABLE {name} AS {query} WITH NO DATA" if view.stored else f"VIEW {name} AS {query}"
        before = (*before, Sql(f"CREATE TEMPORARY {made}"))
        yield _trial(f"{view.kind} {view.name}", change, (*before, *_kept_alike(view, name)))
    own = qualified("pg_temp", relation.name.name)
    for policy in set_aside.policies(relation, change.column):
        conditions = "".join(
            f" {clause} ({expression(text)})"
            for clause, text in (("USING", policy.using), ("WITH CHECK", policy.check))
            if text
        )
        made = f"CREATE POLICY {ident(policy.name)} ON {own}{conditions}"
        yield _trial(f"policy {policy.name}", change, (*copies, Sql(made)))
    for counted in () if change.in_place else listed.statistics(relation, change.column):
        made = listed.tried(counted, relation.name.name)
        yield _trial(f"statistics object {listed.name_of(counted)}", change, (*copies, made))
    for publication, tried in listed.filters_tried(relation, change.column, relation.name.name):
        yield _trial(f"the row filter of publication {publication}", change, (*copies, *tried))
    for trigger in set_aside.triggers(relation, change.column):
        statement = parse_script(trigger.definition).statements[0]
        statement.node.relation.schemaname = "pg_temp"
        yield _trial(f"trigger {trigger.name}", change, (*copies, statement_sql(statement.kind, statement.node)))


def _kept_alike(view: View, name: str) -> Iterator[Sql]:
    """Settings and indexes of a materialized view, on a temporary table of its columns."""
    stored = view.stored or Stored()
    for column, setting in stored.settings:
        yield Sql(f"ALTER TABLE pg_temp.{name} ALTER COLUMN {ident(column)} {setting}")
    for index in stored.indexes:
        statement = parse_script(index.definition).statements[0]
        node = statement.node
        node.relation.schemaname, node.relation.relname, node.table_space = "pg_temp", name, ""
        yield statement_sql(statement.kind, node)


def _retyped(table: TableName, name: str, schema: Schema, together: Together) -> Iterator[Sql]:
    """An empty copy of a table with the new types."""
    copy = qualified("pg_temp", name)
    like = qualified(table.schema, table.name)
    yield Sql(f"CREATE TEMPORARY TABLE {ident(name)} (LIKE {like}) ON COMMIT DROP")
    for change, _ in together.of(table):
        collation = f" COLLATE {change.collation}" if change.collation else ""
        yield Sql(f"ALTER TABLE {copy} ALTER COLUMN {ident(change.column)} TYPE {change.type}{collation} USING NULL")
    relation = schema.relation(table)
    for key in relation.constraints if relation else ():
        if key.type == "primary key":
            # A query that groups by it may select all columns.
            yield Sql(f"ALTER TABLE {copy} ADD PRIMARY KEY ({ident_list(key.columns)})")


def _over_copies(query: str, names: Mapping[TableName, str]) -> Sql:
    """A query that reads temporary relations instead of those they stand for."""
    statement = parse_script(query).statements[0]
    node = pb.SelectStmt()
    node.CopyFrom(statement.node)
    for read in relations_read(node):
        stands_in = names.get(TableName(read.schemaname, read.relname))
        if stands_in is None:
            continue
        if not read.HasField("alias"):
            read.alias.aliasname = read.relname
        read.schemaname, read.relname = "pg_temp", stands_in
    return statement_sql(statement.kind, node)


def _shadows(copy: Sql, columns: Iterable[tuple[Retyping, Shadow]]) -> Iterator[Sql]:
    for change, shadow in columns:
        collation = f" COLLATE {change.collation}" if change.collation else ""
        yield Sql(f"ALTER TABLE {copy} ADD COLUMN IF NOT EXISTS {ident(shadow.column)} {change.type}{collation}")


def _key(key: Copy, table: TableName, copy: tuple[Sql, ...], together: Together) -> Iterator[Sql]:
    """A foreign key between empty copies of its two tables."""
    own = _COPY if key.table == table else _OTHER
    statement = parse_script(f"ALTER TABLE {own} ADD CONSTRAINT {ident(key.name)} {key.definition}").statements[0]
    node = pb.AlterTableStmt()
    node.CopyFrom(statement.node)
    constraint = unwrap(getattr(unwrap(node.cmds[0]), "def"))
    pointed_to = TableName(constraint.pktable.schemaname, constraint.pktable.relname)
    other = key.table if pointed_to == table else pointed_to
    if other != table:
        # Before all else: a role that may not read that table cannot try it, and is not kept from the change.
        like = qualified(other.schema, other.name)
        yield Sql(f"CREATE TEMPORARY TABLE migrator_trial_other (LIKE {like} INCLUDING INDEXES) ON COMMIT DROP")
        yield from _shadows(_OTHER, together.of(other))
    yield from copy
    if pointed_to == table or together.of(other):
        place = _COPY if pointed_to == table else _OTHER
        yield Sql(f"ALTER TABLE {place} ADD UNIQUE ({ident_list(unwrap(each).sval for each in constraint.pk_attrs)})")
    constraint.pktable.schemaname = "pg_temp"
    constraint.pktable.relname = "migrator_trial" if pointed_to == table else "migrator_trial_other"
    yield statement_sql(statement.kind, node)


def _trial(what: str, change: Retyping, statements: tuple[Sql, ...], hint: str = _INSTEAD) -> Expression:
    text = f"{what} on {change.column} of type {change.full_type}"
    return Expression(text, Sql("SELECT"), trial=statements, hint=hint)
