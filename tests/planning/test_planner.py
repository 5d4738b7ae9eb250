"""Plans: order, names, clashes, and everything that speaks against them at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from migrator.changes.registry import all_kinds, spec_from
from migrator.errors import Refused
from migrator.planning import planner, touching
from migrator.planning.planner import Change
from tests.changes.plans import (
    ID,
    NAME,
    NOTHING,
    Column,
    Phase,
    TableName,
    changes,
    drafts,
    plan,
    refusal,
    schema,
    users,
)

SKETCHED = (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)


def test_expand_follows_the_order_of_the_changes_and_rollback_undoes_them_in_reverse():
    sql = "CREATE TABLE a (x int); ALTER TABLE users ADD COLUMN b int; CREATE INDEX i ON users (id)"

    assert [step.id for step in drafts(sql, Phase.EXPAND)] == ["create-a", "add-b", "index-i"]
    assert [step.undoes for step in drafts(sql, Phase.ROLLBACK)] == ["index-i", "add-b", "create-a"]


def test_all_reasons_are_told_at_once_each_with_its_place_and_hint():
    known = users(Column("id", "int", not_null=True), NAME)
    refused = refusal(
        "ALTER TABLE users DROP COLUMN id;\nALTER TABLE userz ADD a int;\nALTER TABLE users ADD name int", known
    )

    assert refused.message == "3 reasons speak against it"
    lines = str(refused.detail).splitlines()
    assert [line.split(":")[1] for line in lines if line.startswith("change.sql")] == ["1", "2", "3"]
    assert any(line.startswith("  hint: write what old code shall find") for line in lines)


def test_notes_come_in_the_order_of_the_changes():
    assert [note.split(" could")[0] for note in plan("ALTER TABLE a ADD x int; ALTER TABLE b ADD x int").notes] == [
        "whether public.a has a column x",
        "whether public.b has a column x",
    ]


def test_touched_columns_of_one_table_are_put_together():
    found = changes("ALTER TABLE users ADD a int; ALTER TABLE users RENAME b TO c; CREATE INDEX i ON t (x)")

    assert touching.touched_by(found) == {
        TableName("public", "users"): ("a", "b", "c"),
        TableName("public", "t"): (),
    }


@pytest.mark.parametrize(
    ("one", "other", "clashing"),
    [
        ("ALTER TABLE users RENAME a TO b", "ALTER TABLE users RENAME b TO c", []),
        ("ALTER TABLE users RENAME a TO b", "ALTER TABLE users RENAME a TO c", ["public.users.a"]),
        ("ALTER TABLE users RENAME a TO c", "ALTER TABLE users RENAME b TO c", ["public.users.c"]),
        ("ALTER TABLE users RENAME a TO b", "ALTER TABLE users DROP COLUMN a", ["public.users.a"]),
        ("ALTER TABLE users RENAME a TO b", "ALTER TABLE users ALTER b SET NOT NULL", ["public.users.b"]),
        ("ALTER TABLE users ADD a int", "ALTER TABLE users ADD b int", []),
        ("ALTER TABLE users ADD a int", "ALTER TABLE app.users ADD a int", []),
        ("CREATE TABLE t (a int)", "CREATE INDEX i ON t (a)", []),
        ("ALTER TABLE users ADD CHECK (a > 0)", "ALTER TABLE users ADD UNIQUE (a)", []),
        ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES users (id)",
         "ALTER TABLE u ADD FOREIGN KEY (a) REFERENCES users (id)", []),
        ("ALTER TABLE users ADD CONSTRAINT x CHECK (a > 0)", "ALTER TABLE users ADD CONSTRAINT x UNIQUE (a)",
         ['constraint "x" of public.users', "public.users.a"]),
        ("ALTER TABLE users ADD CHECK (a > 0)", "ALTER TABLE users ALTER a SET NOT NULL", ["public.users.a"]),
    ],
)  # fmt: skip
def test_renamings_that_go_on_from_each_other_may_be_pending_together_and_constraints_on_it_other_changes_not(
    one: str, other: str, clashing: list[str]
):
    assert touching.clashes(changes(one), changes(other)) == clashing
    assert touching.clashes(changes(other), changes(one)) == clashing


def test_check_raises_what_plan_raises_and_gives_its_notes():
    found = changes("ALTER TABLE users ADD COLUMN name int")

    assert planner.check(found, migration="m", level=1, schema=NOTHING) == list(
        planner.plan(found, migration="m", level=1, schema=NOTHING).notes
    )
    with pytest.raises(Refused, match="exists already"):
        planner.check(found, migration="m", level=1, schema=users())


def test_a_table_made_in_the_same_migration_is_known_to_the_changes_after_it_only():
    plan("CREATE TABLE t (a int); CREATE INDEX i ON t (a)", schema())

    assert refusal("CREATE INDEX i ON t (a); CREATE TABLE t (a int)", schema()).message == (
        'table "public.t" does not exist'
    )


def test_a_plan_depends_on_nothing_but_its_input():
    known = users(ID, NAME)
    sql = "ALTER TABLE users RENAME name TO full_name"

    assert plan(sql, known) == plan(sql, known)
    assert plan(sql, known, level=8) != plan(sql, known, level=9)


def test_a_sketch_without_tables_holds_every_phase_or_the_kind_says_which_not():
    missing: dict[str, set[Phase]] = {}
    for manifest in sorted(Path("examples").glob("*/migration.toml")):
        tables = tomllib.loads(manifest.read_text("utf-8"))["change"]
        asked = [Change(*spec_from(table, "look"), "look") for table in tables]
        sketch = planner.sketch(asked, migration="look", level=1)
        names = {change.kind.name for change in asked}
        if len(names) != 1 or sketch.unknown:
            continue
        phases = {
            phase for phase in SKETCHED if (manifest.parent / f"{phase}.sql").is_file() and not sketch.drafts[phase]
        }
        missing.setdefault(names.pop(), set()).update(phases)

    said = {kind.name: set(kind.unknown_without_tables) for kind in all_kinds().values()}
    assert len(missing) > 40
    assert {name: phases for name, phases in missing.items() if phases != said[name]} == {}


@pytest.mark.parametrize("index", ["name", "lower(name)", "id) WHERE (name <> ''"])
@pytest.mark.parametrize("order", ["type first", "index first"])
def test_an_index_on_a_column_that_gets_another_type_is_refused_when_it_is_planned(index: str, order: str):
    parts = ["ALTER TABLE users ALTER name TYPE varchar(9)", f"CREATE INDEX i ON users ({index})"]
    sql = "; ".join(parts if order == "type first" else reversed(parts))

    refused = refusal(sql, users())

    assert 'index "i" is on column "name" of public.users, which gets another type in this migration' in refused.message
    assert refused.hint == "write CREATE INDEX in a later migration"
