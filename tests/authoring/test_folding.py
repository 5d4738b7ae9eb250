"""What a script does to a column behind ADD COLUMN, as one change of it."""

from __future__ import annotations

import pytest

from migrator.changes.kinds.add_column import Addition
from migrator.errors import Refused
from migrator.model.plan import Phase
from tests.changes.plans import changes, drafts, plan, refusal, schema, statements, users

ADD = "ALTER TABLE users ADD COLUMN n text"


def addition(sql: str) -> Addition:
    (change,) = changes(sql)
    assert isinstance(change.spec, Addition)
    return change.spec


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            f"{ADD} NOT NULL DEFAULT 'a'; ALTER TABLE users ALTER n DROP DEFAULT",
            {"not_null": True, "default": "'a'", "drops_default": True},
        ),
        (f"{ADD}; ALTER TABLE users ALTER n SET DEFAULT 'q'", {"next_default": "'q'"}),
        (f"{ADD} DEFAULT 'a'; ALTER TABLE users ALTER n SET DEFAULT 'a'", {"default": "'a'"}),
        (f"{ADD} DEFAULT 'a'; ALTER TABLE users ALTER n SET DEFAULT 'b'", {"default": "'a'", "next_default": "'b'"}),
        (
            f"{ADD}; UPDATE users SET n = lower(name); ALTER TABLE users ALTER n SET NOT NULL",
            {"fill": "lower(name)", "not_null": True},
        ),
        (f"{ADD}; UPDATE users AS u SET n = lower(u.name) WHERE u.n IS NULL", {
            "fill": "CASE WHEN NULL IS NULL THEN lower(name) ELSE NULL END"
        }),
        # The same for all rows: the catalog says it, and no row is written.
        (
            f"{ADD}; UPDATE users SET n = 'a'; ALTER TABLE users ALTER n SET NOT NULL",
            {"default": "'a'", "drops_default": True, "not_null": True},
        ),
        (
            f"{ADD}; UPDATE users SET n = 'a'; ALTER TABLE users ALTER n SET DEFAULT 'a', ALTER n SET NOT NULL",
            {"default": "'a'", "not_null": True},
        ),
        # The later one wins, and sees what the one before wrote.
        (
            f"{ADD}; UPDATE users SET n = name; UPDATE users SET n = n || '!' WHERE n > 'k'",
            {"fill": "CASE WHEN name > 'k' THEN name || '!' ELSE name END"},
        ),
        (
            f"{ADD} DEFAULT 'd'; UPDATE users SET n = 'x' WHERE id = 1",
            {"fill": "CASE WHEN id = 1 THEN 'x'::text ELSE 'd' END", "next_default": "'d'"},
        ),
        (f"{ADD}; ALTER TABLE users RENAME n TO m; ALTER TABLE users ALTER m SET DEFAULT 'q'", {
            "column": "m", "next_default": "'q'"
        }),
    ],
)  # fmt: skip
def test_it_is_what_the_column_is_meant_to_be_in_the_end(sql: str, expected: dict[str, object]):
    asked = addition(sql)

    plain = Addition(schema="public", table="users", column="n", type="text")
    differing = {
        name: getattr(asked, name) for name in asked.__struct_fields__ if getattr(asked, name) != getattr(plain, name)
    }
    assert differing == expected


def test_two_columns_are_computed_from_the_row_as_it_was():
    one, other = changes(
        "ALTER TABLE users ADD n text, ADD m text; UPDATE users SET n = name;"
        "UPDATE users SET n = upper(n), m = n || '?'"
    )

    assert one.spec.fill == "upper(name)"
    assert other.spec.fill == "name || '?'"


def test_an_update_that_prepares_not_null_fills():
    (change,) = changes("UPDATE users SET name = 'none' WHERE name IS NULL; ALTER TABLE users ALTER name SET NOT NULL")

    assert (change.kind.name, change.spec.fill) == ("set_not_null", "'none'")


@pytest.mark.parametrize(
    "update",
    [
        "UPDATE users SET name = 'none'",
        "UPDATE users SET name = 'none' WHERE name = ''",
        "UPDATE users SET name = 'none', id = 1 WHERE name IS NULL",
        "UPDATE ONLY users SET name = 'none' WHERE name IS NULL",
    ],
)
def test_any_other_update_of_what_old_code_reads_is_up_to_its_author(update: str):
    refused = refusal(f"{update}; ALTER TABLE users ALTER name SET NOT NULL", users())

    assert "only you know whether old code can read what it writes" in refused.message
    assert "-- migrator: phase = backfill" in str(refused.hint)


def test_what_looks_beyond_the_row_is_a_backfill_of_its_own():
    found = changes(f"{ADD}; UPDATE users SET n = o.n FROM others AS o WHERE o.id = users.id AND users.n IS NULL")

    assert [change.kind.name for change in found] == ["add_column", "raw_sql"]
    assert found[1].spec.phase == "backfill"


def test_a_backfill_that_cannot_be_batched_is_refused_where_it_is_written():
    refused = refusal(f"{ADD}; \nUPDATE users SET n = o.n FROM others AS o WHERE o.id = users.id", users())

    assert refused.at == "change.sql:2"
    assert 'its WHERE does not mention "n"' in refused.message


@pytest.mark.parametrize("how", ["UPDATE users SET n = name;", ""])
def test_a_column_that_goes_is_not_left_to_a_fill(how: str):
    fill = "" if how else "-- migrator: fill = name\n"

    refused = refusal(f"{fill}{ADD};{how} ALTER TABLE users DROP COLUMN name", users())

    assert "what old code writes there later would be lost" in refused.message
    assert "-- migrator: down" in str(refused.hint)


def test_a_default_is_dropped_when_no_code_is_left_that_needs_it():
    sql = f"{ADD} NOT NULL DEFAULT ''; ALTER TABLE users ALTER n DROP DEFAULT"

    assert statements(sql, Phase.EXPAND, users()) == ["ALTER TABLE public.users ADD COLUMN n text NOT NULL DEFAULT ''"]
    assert drafts(sql, Phase.BACKFILL, users()) == []
    assert statements(sql, Phase.CONTRACT, users()) == ["ALTER TABLE public.users ALTER COLUMN n DROP DEFAULT"]


@pytest.mark.parametrize(
    ("rows", "phases"),
    [
        ("INSERT INTO n VALUES (1, 'x')", ["expand", ""]),
        ("INSERT INTO n DEFAULT VALUES", ["expand", ""]),
        ("INSERT INTO n SELECT g, 'x' FROM generate_series(1, 3) AS g", ["expand", ""]),
        ("INSERT INTO n (id, a) SELECT users.id, users.name FROM users ON CONFLICT (id) DO NOTHING", ["backfill", ""]),
        ("SELECT setval(pg_get_serial_sequence('n', 'id'), 10)", ["expand", ""]),
    ],
)
def test_rows_of_a_table_that_is_created_are_new_codes_alone(rows: str, phases: list[str]):
    _, change = changes(f"CREATE TABLE n (id serial PRIMARY KEY, a text); {rows}")

    assert [change.spec.phase, change.spec.undo] == phases


def test_rows_of_any_other_table_are_up_to_their_author():
    with pytest.raises(Refused, match="only you know whether it can live with them"):
        changes("INSERT INTO users VALUES (1, 'x')")


def test_what_is_said_of_a_column_beside_its_type_is_about_the_new_one():
    sql = (
        "ALTER TABLE users ALTER name DROP DEFAULT, ALTER name SET NOT NULL, ALTER name TYPE varchar(9),"
        " ALTER name SET DEFAULT 'a'"
    )

    retyped, tightened = changes(sql, users())

    assert (retyped.kind.name, retyped.spec.default) == ("change_type", "'a'")
    assert tightened.kind.name == "set_not_null"


def test_null_is_not_filled_while_the_type_changes():
    filled = "-- migrator: fill = ''\nALTER TABLE users ALTER name SET NOT NULL"

    refused = refusal(f"ALTER TABLE users ALTER name TYPE varchar(9);\n{filled}", users())

    assert "would be filled while its type changes" in refused.message


def test_what_alters_a_table_of_the_same_script_runs_with_it():
    sql = """
        CREATE SEQUENCE ids; CREATE TABLE n (id int DEFAULT nextval('ids'), a int); ALTER SEQUENCE ids OWNED BY n.id;
        ALTER TABLE n ADD b int NOT NULL, ALTER a TYPE bigint; ALTER TABLE n RENAME a TO c; ALTER TABLE n ADD d int;
        UPDATE n SET d = 1; ALTER TABLE n ALTER d SET NOT NULL; ALTER TABLE n ALTER d SET DEFAULT 2, DROP COLUMN c;
    """

    planned = plan(sql, schema())

    assert [step.sql.split()[0] for step in planned.drafts[Phase.EXPAND]] == ["CREATE"] * 2 + ["ALTER"] * 5 + [
        "UPDATE", "ALTER", "ALTER", "ALTER"
    ]  # fmt: skip
    assert not planned.drafts[Phase.CONTRACT]
    assert not any("nothing undoes" in note for note in planned.notes)


def test_a_table_that_may_be_there_is_not_the_scripts_own():
    known = users()
    there = "CREATE TABLE IF NOT EXISTS users (id int);"

    with pytest.raises(Refused, match="only you know whether it can live with them"):
        changes(f"{there} INSERT INTO users VALUES (1)", known)
    (change,) = changes(f"{there} ALTER TABLE users ADD b int", known)
    assert change.kind.name == "add_column"
    absent = changes("CREATE TABLE IF NOT EXISTS n (id int); INSERT INTO n VALUES (1)", known)
    assert [each.kind.name for each in absent] == ["create_table", "raw_sql"]


def test_an_update_of_a_new_table_runs_where_it_stands_whatever_it_reads():
    sql = (
        "CREATE TABLE n (id int PRIMARY KEY); ALTER TABLE n ADD a text;"
        "UPDATE n SET a = u.name FROM users AS u WHERE u.id = n.id; ALTER TABLE n ALTER a SET NOT NULL"
    )

    assert [change.spec.phase for change in changes(sql)[1:]] == ["expand"] * 3


def test_a_block_with_variables_is_not_read_as_statements():
    sql = f"{ADD}; DO $$ DECLARE name text := 'x'; BEGIN UPDATE users SET n = name; END $$"

    with pytest.raises(Refused, match="what the block does cannot be read off its text"):
        changes(sql, users())
