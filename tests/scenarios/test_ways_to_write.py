"""Every way old code writes and reads a table in the middle of a change, for kinds that keep two shapes in step."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from tests.scenarios.stage import Stage

SETUP = (
    "CREATE TABLE people (id int PRIMARY KEY, n int, name text, UNIQUE (n));"
    "INSERT INTO people VALUES (1, 1, 'a 1'), (2, 2, 'b 2'), (3, 3, 'c 3');"
    "CREATE TABLE incoming (id int, name text); INSERT INTO incoming VALUES (1, 'd 4'), (20, 'e 5')"
)


@dataclass(frozen=True)
class Form:
    """A change of ``name``: its SQL, and how new code says what was ``name``.

    Attributes:
        during: as SQL, until contract; empty: the old column is the only one.
        after: as SQL, after it.
        write: assignments of new code that make it ``'z 9'``.
    """

    title: str
    sql: str
    during: str
    after: str
    write: str

    def __str__(self) -> str:
        return self.title


FORMS = (
    Form(
        "rename_column", "ALTER TABLE people RENAME name TO full_name", "full_name", "full_name", "full_name = 'z 9'",
    ),
    Form(
        "split_column",
        "-- migrator: up = split_part(name, ' ', 1), split_part(name, ' ', 2)::int\n"
        "-- migrator: down = concat_ws(' ', word, number)\n"
        "ALTER TABLE people ADD COLUMN word text, ADD COLUMN number int, DROP COLUMN name",
        "concat_ws(' ', word, number)", "concat_ws(' ', word, number)", "word = 'z', number = 9",
    ),
    Form(
        "change_type", "ALTER TABLE people ALTER name TYPE char(9) USING name::char(9)", "name", "rtrim(name)",
        "name = 'z 9'",
    ),
    Form(
        "add_column with fill", "-- migrator: fill = name\nALTER TABLE people ADD COLUMN label text NOT NULL",
        "label", "label", "label = 'z 9'",
    ),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_whatever_old_code_writes_new_code_finds(stage: Stage, form: Form) -> None:
    """INSERT by position, INSERT … SELECT, COPY, upserts, UPDATE … FROM and DELETE of old code reach the new shape."""
    stage.setup(SETUP)
    migration = stage.expand(form.sql)
    old = stage.old
    old.run("INSERT INTO people VALUES (4, 4, 'f 6')")
    old.run("INSERT INTO people (id, name) SELECT id, name FROM incoming WHERE id = 20")
    with old.connection.cursor() as cursor:
        with cursor.copy("COPY people (id, n, name) FROM STDIN") as copy:
            copy.write_row((30, 30, "g 7"))
        with pytest.raises(psycopg.errors.BadCopyFileFormat), cursor.copy("COPY people FROM STDIN") as copy:
            copy.write_row((31, 31, "h 8"))
    for number in (40, 41):
        old.run(
            f"INSERT INTO people VALUES ({number}, 40, 'i {number}') ON CONFLICT (n) DO UPDATE SET name = excluded.name"
        )
    assert old.run("UPDATE people AS p SET name = i.name FROM incoming AS i WHERE i.id = p.id AND p.id = 1"
                   " RETURNING p.name") == [("d 4",)]  # fmt: skip
    old.run("DELETE FROM people WHERE id = 3")
    assert old.run("SELECT * FROM people WHERE id = 1")[0][:3] == (1, 1, "d 4")

    wanted = {1: "d 4", 2: "b 2", 4: "f 6", 20: "e 5", 30: "g 7", 40: "i 41"}
    written_at_insert = {**wanted, 1: "a 1", 40: "i 40"} if form.title.startswith("add_column") else wanted
    stage.backfill(migration)
    seen = dict(stage.new.run(f"SELECT id, {form.during} FROM people"))
    if stage.crowds and written_at_insert is not wanted:
        # Any write of the crowd may have filled it before.
        assert seen[1] in ("a 1", "d 4")
    else:
        assert seen[1] == "d 4"
    assert {**seen, 1: ""} == {**written_at_insert, 1: ""}
    stage.new.run(f"UPDATE people SET {form.write} WHERE id = 2")
    stage.new.run("DELETE FROM people WHERE id = 20")
    if not form.title.startswith("add_column"):
        assert old.value("SELECT name FROM people WHERE id = 2") == "z 9"
    assert old.run("SELECT count(*) FROM people WHERE id = 20") == [(0,)]
    stage.contract(migration)
    final = {**seen, 2: "z 9"}
    del final[20]
    assert dict(stage.rows(f"SELECT id, {form.after} FROM people")) == final


def test_old_code_that_reads_every_column_sees_more_of_them_and_its_own_first(stage: Stage) -> None:
    """SELECT * gets the new column behind its own; prepared on the server it fails until prepared anew."""
    stage.setup(SETUP + ";CREATE TABLE archive (LIKE people)")
    migration = stage.expand(FORMS[0].sql)
    stage.roll_back(migration)
    every, seen = "SELECT * FROM people WHERE id = 1", ([(1, 1, "a 1", None)], [(1, 1, "a 1", "a 1")])
    prepared = stage.client(prepares=True)
    prepared.connection.prepare_threshold = 0
    assert prepared.run(every) == [(1, 1, "a 1")]
    stage.expand_again(migration)
    assert stage.old.run(every) in seen
    assert stage.old.fails("INSERT INTO archive SELECT * FROM people") == "42601"
    assert [prepared.fails(every) for _ in range(2)] == ["0A000"] * 2
    prepared.run("DEALLOCATE ALL")
    assert prepared.run(every) in seen
    stage.contract(migration)


@pytest.mark.parametrize("form", FORMS[:3], ids=str)
def test_a_trigger_of_the_user_counts_as_the_writer(stage: Stage, form: Form) -> None:
    """What a BEFORE trigger makes of the column is what both shapes hold, whatever the trigger is called."""
    stage.setup(
        SETUP + ";CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.name := replace(NEW.name, ''  '', '' ''); RETURN NEW; END';"
        "CREATE TRIGGER zz_tidy BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION tidy()"
    )
    migration = stage.expand(form.sql)
    stage.old.run("INSERT INTO people VALUES (5, 5, 'e  5')")
    stage.old.run("UPDATE people SET name = 'b  7' WHERE id = 2")
    stage.backfill(migration)
    seen = stage.new.run(f"SELECT id, {form.during}, name FROM people WHERE id IN (2, 5) ORDER BY id")
    assert seen == [(2, "b 7", "b 7"), (5, "e 5", "e 5")]
    # The author's own function, which names a column that goes.
    stage.sandbox.execute("DROP TRIGGER zz_tidy ON people")
    stage.contract(migration)
    assert stage.rows(f"SELECT {form.after} FROM people WHERE id IN (2, 5) ORDER BY id") == [("b 7",), ("e 5",)]


def test_a_snapshot_that_meets_the_backfill_is_refused_its_update_and_may_repeat_it(stage: Stage) -> None:
    """A REPEATABLE READ transaction from before a batch gets 40001 for a row of it, and goes through when repeated."""
    stage.setup(SETUP)
    migration = stage.expand(FORMS[0].sql)
    transaction = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM people")
    update = "UPDATE people SET name = 'again' WHERE id = 1"
    for statement in transaction:
        stage.old.run(statement)
    stage.backfill(migration)
    assert stage.old.fails(update) == "40001"
    while stage.old.fails("; ".join(("ROLLBACK", *transaction, update, "COMMIT"))) in ("40001", "40P01"):
        assert stage.crowds, "nobody else writes"
    assert stage.new.value("SELECT full_name FROM people WHERE id = 1") == "again"
    stage.contract(migration)


@pytest.mark.parametrize("form", FORMS[:3], ids=str)
def test_a_trigger_that_would_have_the_last_word_is_refused(stage: Stage, form: Form) -> None:
    """A BEFORE trigger that fires after those of the tool would change one shape alone: it needs another name."""
    stage.setup(
        SETUP + ";CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END';"
        'CREATE TRIGGER "~ BEFORE all" BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION tidy();'
        "CREATE TRIGGER zzzz AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION tidy()"
    )
    assert 'ALTER TRIGGER "~ BEFORE all" ON public.people RENAME TO' in stage.refused(form.sql)
    stage.sandbox.execute('ALTER TRIGGER "~ BEFORE all" ON people RENAME TO tidy')
    stage.plan(form.sql)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_who_subscribes_to_the_table_is_told_what_to_prepare(stage: Stage, form: Form) -> None:
    """Each column that expand adds to a published table is named: subscribers need it before."""
    stage.setup(SETUP)
    stage.sandbox.execute("SET client_min_messages = error; CREATE PUBLICATION everything FOR ALL TABLES")
    migration = stage.expand(form.sql)
    (note,) = [note for note in stage.sandbox.notes() if "a publication sends the changes of public.people" in note]
    added = stage.rows(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 3 AND NOT attisdropped"
    )
    assert note.endswith(f"need {', '.join(name for (name,) in added)} before expand, or their replication stops there")
    assert stage.sandbox.state(migration) == "expanded"
    stage.contract(migration)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_is_not_written_is_not_touched(stage: Stage, form: Form) -> None:
    """An UPDATE of another column, and one to the value that is there, change neither shape."""
    stage.setup(SETUP)
    migration = stage.expand(form.sql)
    stage.backfill(migration)
    stage.new.run(f"UPDATE people SET {form.write} WHERE id = 2")
    before = stage.rows("SELECT to_jsonb(p) - 'n' FROM people AS p ORDER BY id")
    stage.old.run("UPDATE people SET n = -n")
    stage.old.run("UPDATE people SET name = name")
    assert stage.rows("SELECT to_jsonb(p) - 'n' FROM people AS p ORDER BY id") == before
    stage.contract(migration)
