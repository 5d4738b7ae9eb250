"""Whatever names and values hold, every step stays the one statement it is meant to be, on a real server too."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.model.plan import Phase
from migrator.model.schema import Column
from migrator.planning import phase_file
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.compose import ident, literal
from migrator.sql.parser import parse_script
from tests.changes.plans import ID, MIGRATION, NOTHING, index, plan, users

NASTY = [
    'quo"te',
    "apo'strophe",
    "semi; DROP TABLE users; --",
    "comment -- here",
    "block /* here",
    "back\\slash",
    "two  blanks",
    "new\nline",
    "$migrator$",
    "$$",
    "$migrator$; DROP TABLE users; $migrator_1$",
    "100%s %(name)s {x} ${x|ident}",
    "begin",
    "if",
    "select",
    "Ünïcode 表",
    "new",
    "tab\there",
    "n" * 63,
]

names = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
    .filter(lambda name: len(name.encode()) <= 63)
    .filter(lambda name: not ({"\n", "\r"} & set(name) and ("/*" in name or "*/" in name)))
)
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


def kinds_of(sql: str, known=NOTHING) -> dict[Phase, list[str]]:
    """Statement kinds by phase, as read back from the files that are written."""
    found = {}
    for phase, drafts in plan(sql, known).drafts.items():
        if drafts:
            text = phase_file.write(drafts, migration=MIGRATION, level=7, phase=phase)
            steps = phase_file.read(text, phase=phase, name=phase.value)
            assert [(step.id, step.sql, step.verify, step.loses) for step in steps] == [
                (draft.id, draft.sql, draft.verify, draft.loses) for draft in drafts
            ]
            found[phase] = [statement.kind for statement in parse_script(text).statements]
    return found


@given(table=names, old=names, new=names, default=values)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
def test_a_rename_is_the_same_statements_whatever_the_names_and_the_default(table, old, new, default):
    if old == new:
        return
    from migrator.model.schema import TableName

    known = users(
        ID,
        Column(old, "text", default=f"{literal(default)}::text"),
        name=TableName("public", table),
        indexes=(index("i", old, definition=f"CREATE INDEX i ON t USING btree ({ident(old)})", is_unique=True),),
    )

    found = kinds_of(f"ALTER TABLE {ident(table)} RENAME COLUMN {ident(old)} TO {ident(new)}", known)

    assert found == {
        Phase.EXPAND: [
            "alter_table_stmt", "alter_table_stmt", "create_function_stmt", "create_function_stmt",
            "create_trig_stmt", "create_trig_stmt", "index_stmt",
        ],
        Phase.BACKFILL: ["update_stmt"],
        Phase.CONTRACT: ["drop_stmt"] * 4 + ["alter_table_stmt", "rename_stmt"],
        Phase.ROLLBACK: ["drop_stmt"] * 4 + ["alter_table_stmt"],
    }  # fmt: skip


@given(table=names, column=names, value=values)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
def test_so_are_the_other_kinds(table, column, value):
    assert kinds_of(f"ALTER TABLE {ident(table)} ADD COLUMN {ident(column)} text DEFAULT {literal(value)}") == {
        Phase.EXPAND: ["alter_table_stmt"],
        Phase.ROLLBACK: ["alter_table_stmt"],
    }
    filled = f"/* migrator: fill = {literal(value)} */" if "*/" not in value and "/*" not in value else ""
    found = kinds_of(f"{filled} ALTER TABLE {ident(table)} ALTER COLUMN {ident(column)} SET NOT NULL")
    assert found[Phase.CONTRACT][:4] == ["alter_table_stmt"] * 4
    assert found.get(Phase.EXPAND, []) == (["create_function_stmt", "create_trig_stmt"] if filled else [])


def run(session: Session, sql: str, known, *phases: Phase) -> None:
    planned = plan(sql, known)
    for phase in phases:
        for draft in planned.drafts[phase]:
            session.execute(draft.sql)


@pytest.mark.parametrize("name", NASTY)
def test_old_and_new_name_mirror_each_other_on_a_real_server(session: Session, name: str):
    value = f"{name} $migrator$ '"
    session.execute(
        f"CREATE TABLE {ident(name)} (id int GENERATED ALWAYS AS IDENTITY, old text DEFAULT {literal(value)} UNIQUE)"
    )
    known = read_schema(session, [("public", name)])

    run(session, f"ALTER TABLE {ident(name)} RENAME COLUMN old TO {ident(name)}", known, Phase.EXPAND)

    table, new = ident(name), ident(name)
    session.execute(f"INSERT INTO {table} (old) VALUES ('by old')")
    session.execute(f"INSERT INTO {table} ({new}) VALUES ('by new')")
    session.execute(f"INSERT INTO {table} DEFAULT VALUES")
    rows = session.query(f"SELECT old AS a, {new} AS b FROM {table} ORDER BY id")
    assert [tuple(row) for row in rows] == [("by old", "by old"), ("by new", "by new"), (value, value)]
    run(session, f"ALTER TABLE {table} RENAME COLUMN old TO {new}", known, Phase.CONTRACT)
    assert session.one(f"SELECT count(*) AS n FROM {table} WHERE {new} = 'by old'").n == 1


@pytest.mark.parametrize("name", [name for name in NASTY if name != "n" * 63])
def test_without_a_database_the_type_is_found_when_the_step_runs(session: Session, name: str):
    session.execute(f'CREATE TABLE {ident(name)} ({ident(name)} varchar(7) COLLATE "C")')

    run(session, f"ALTER TABLE {ident(name)} RENAME COLUMN {ident(name)} TO {ident('x' + name)}", NOTHING, Phase.EXPAND)

    (relation,) = read_schema(session, [("public", name)]).relations.values()
    added = relation.column("x" + name)
    assert added is not None
    assert (added.type_name, added.collation) == ("character varying(7)", 'pg_catalog."C"')


@pytest.mark.parametrize("name", NASTY)
def test_null_is_filled_with_a_value_of_any_text_from_a_column_of_any_name(session: Session, name: str):
    session.execute(f"CREATE TABLE t (a text, {ident(name)} text)")
    known = read_schema(session, [("public", "t")])
    fill = f"{literal(name)} || {ident(name)}"
    sql = f"-- migrator: fill = {fill}\nALTER TABLE t ALTER a SET NOT NULL"
    if "\n" in name:
        sql = f"/* migrator: fill = {fill} */ ALTER TABLE t ALTER a SET NOT NULL"

    run(session, sql, known, Phase.EXPAND)
    session.execute(f"INSERT INTO t ({ident(name)}) VALUES ('!')")

    assert session.one("SELECT a FROM t").a == f"{name}!"


@pytest.mark.parametrize("value", NASTY)
def test_rollback_counts_rows_that_differ_from_a_default_of_any_text(session: Session, value: str):
    session.execute("CREATE TABLE t (id int)")
    sql = f"ALTER TABLE t ADD COLUMN a text DEFAULT {literal(value)}"
    known = read_schema(session, [("public", "t")])
    run(session, sql, known, Phase.EXPAND)
    session.execute("INSERT INTO t (a) VALUES (DEFAULT), ('other'), (NULL)")

    text = phase_file.write(plan(sql, known).drafts[Phase.ROLLBACK], migration=MIGRATION, level=1, phase=Phase.ROLLBACK)
    (undo,) = phase_file.read(text, phase=Phase.ROLLBACK, name="rollback.sql")

    assert session.one(str(undo.loses))[0] == 2  # another value, and NULL on purpose
