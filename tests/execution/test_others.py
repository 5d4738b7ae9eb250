"""What expand refuses because of another migration that is pending on the same objects, and plan foresees."""

from __future__ import annotations

import json

import pytest

from migrator.errors import OutOfOrder, Refused
from migrator.execution import others
from tests.support.sandbox import Sandbox, refusal

RENAME = "ALTER TABLE t RENAME COLUMN a TO b"


@pytest.fixture
def table(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')")
    return sandbox


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX t_b ON t (b)",
        "CREATE UNIQUE INDEX t_b ON t (b)",
        "CREATE INDEX t_b ON t (lower(b))",
        "CREATE INDEX t_b ON t (k) INCLUDE (b)",
        "CREATE INDEX t_b ON t (k) WHERE b <> ''",
    ],
)
def test_an_index_on_the_copy_of_a_pending_renaming_is_refused_before_it_is_built(table: Sandbox, index: str) -> None:
    renaming = table.new("renaming", RENAME)
    table.expand(renaming)
    table.backfill(renaming)
    indexing = table.new("indexing", index)
    shape = table.snapshot()
    with pytest.raises(Refused, match=f"until contract of {renaming.id} a copy that contract drops") as error:
        table.expand(indexing)
    if "UNIQUE" in index:
        # Built by contract, it could not follow: the old name may be gone by then.
        assert f'contract it first: "migrator contract {renaming.id}"' in refusal(error.value)
    else:
        assert 'write "a" in CREATE INDEX' in refusal(error.value)
        assert f"or contract {renaming.id} first" in refusal(error.value)
    assert table.snapshot() == shape


def test_an_index_on_the_old_name_follows_a_pending_renaming(table: Sandbox) -> None:
    renaming = table.new("renaming", RENAME)
    table.expand(renaming)
    table.backfill(renaming)
    table.expand(table.new("indexing", "CREATE INDEX t_a ON t (a)"))
    table.contract(renaming, offline="nobody is connected")
    assert "(b)" in table.value("SELECT pg_get_indexdef('t_a'::regclass)")


def test_plan_foresees_what_expand_will_refuse(table: Sandbox) -> None:
    first = table.new("first", RENAME)
    table.expand(first)
    second = table.new("second", "-- migrator: down = ''\nALTER TABLE t DROP COLUMN b")
    third = table.new("third", "CREATE INDEX t_b ON t (b)")
    apart = table.new("apart", "CREATE INDEX t_k ON t (k)")
    notes = {each["migration"]["id"]: each["notes"] for each in plan(table)}
    (refused,) = notes[second.id]
    assert refused == (
        f"expand will refuse it: {first.id} changes public.t.b too, and is not contracted;"
        f' contract it first: "migrator contract {first.id}"'
    )
    (note,) = [each for each in notes[third.id] if first.id in each]
    assert note.startswith('expand will refuse it: index "t_b" is on "b", until contract of ')
    assert (notes[first.id], notes[apart.id]) == ([], [])
    shown = table.command("plan", second.id)
    assert shown.code == 0
    assert f"note: {refused}" in shown.err


def test_plan_foresees_it_of_migrations_that_are_both_still_to_be_expanded(table: Sandbox) -> None:
    first = table.new("first", "-- migrator: fill = ''\nALTER TABLE t ALTER a SET NOT NULL")
    second = table.new("second", "-- migrator: down = ''\nALTER TABLE t DROP COLUMN a")
    notes = {each["migration"]["id"]: each["notes"] for each in plan(table)}
    assert notes[first.id] == []
    (note,) = notes[second.id]
    assert note.startswith(f"expand will refuse it: {first.id} changes public.t.a too, and is not contracted; ")
    assert plan(table, second.id)[0]["notes"] == [note]


@pytest.mark.parametrize(
    "then",
    ["ALTER TABLE t ALTER b TYPE varchar(9)", "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD CHECK (b <> '')"],
)
def test_a_renaming_and_a_change_of_the_new_name_are_two_migrations(table: Sandbox, then: str) -> None:
    with pytest.raises(Refused, match=r'column "b" of table "public\.t" does not exist') as error:
        table.new("both", f"{RENAME}; {then}")
    assert '"a" gets that name here: write two migrations, and contract the first before the second' in refusal(
        error.value
    )


def plan(table: Sandbox, *arguments: str) -> list[dict]:
    outcome = table.command("plan", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    return document.get("migrations", [document])


INDEX, UNIQUE = "CREATE INDEX t_a ON t (lower(a))", "CREATE UNIQUE INDEX t_a ON t (a)"
RETYPED = "ALTER TABLE t ALTER COLUMN a TYPE varchar(99)"
SPLIT = (
    "-- migrator: up = a, upper(a)\n-- migrator: down = y\n"
    "ALTER TABLE t ADD COLUMN y text, ADD COLUMN z text, DROP COLUMN a"
)
SPLIT_B = SPLIT.replace("up = a, upper(a)", "up = b, upper(b)").replace("DROP COLUMN a", "DROP COLUMN b")
MOVED = "-- migrator: to = u (k)\nALTER TABLE t DROP COLUMN a"
TABLE = (
    "-- migrator: from = t\nCREATE TABLE s (k int PRIMARY KEY REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a text)"
)
UNNESTED = (
    "-- migrator: unnest = t (a)\nCREATE TABLE s (k int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, x text,"
    " PRIMARY KEY (k, x))"
)
VIEW = "CREATE VIEW z AS SELECT a FROM t"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (RETYPED, INDEX, 'index "t_a" is on column "a" of public.t, which {} gives another type'),
        (RETYPED, UNIQUE, 'index "t_a" is on column "a" of public.t, which {} gives another type'),
        ("ALTER TABLE t RENAME COLUMN a TO z", UNIQUE, 'when "a" may have become "z" by that of {}'),
        (UNIQUE, RETYPED, 'contract of {} has yet to build the unique index "t_a" on column "a" of public.t'),
        (UNIQUE, "ALTER TABLE t RENAME COLUMN a TO z", "has yet to build the unique index"),
        (UNIQUE, SPLIT, "has yet to build the unique index"),
        (UNIQUE, MOVED, "has yet to build the unique index"),
        (UNIQUE, "ALTER TABLE t DROP COLUMN a", "has yet to build the unique index"),
        *(
            (gone, UNIQUE, 'when contract of {} may have taken column "a" of public.t away')
            for gone in (SPLIT, MOVED, TABLE, UNNESTED, "ALTER TABLE t DROP COLUMN a")
        ),
        *(
            (gone, VIEW, 'reads column "a" of public.t, which contract of {} takes away or replaces')
            for gone in (SPLIT, MOVED, TABLE, UNNESTED, RETYPED, "ALTER TABLE t DROP COLUMN a")
        ),
        (SPLIT, VIEW.replace("a FROM", "* FROM"), "takes all columns of public.t, some of which are there only until"),
        (
            TABLE,
            "CREATE VIEW z AS SELECT * FROM s",
            "takes all columns of public.s, some of which are there only until",
        ),
        (MOVED, f"CREATE MATERIALIZED {VIEW[7:]}", 'materialized view "public.z" reads column "a" of public.t'),
    ],
)
def test_an_index_and_what_replaces_its_column_are_contracted_one_after_the_other(
    sandbox: Sandbox, first: str, second: str, said: str
) -> None:
    """The contract of one could not run any more once the other has."""
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text, b text); CREATE TABLE u (k int PRIMARY KEY REFERENCES t);"
        "INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 5) AS g"
    )
    if first == UNNESTED:
        sandbox.execute("ALTER TABLE t ALTER COLUMN a TYPE text[] USING ARRAY[a]")
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later = sandbox.new("second", second)
    before = sandbox.snapshot()
    with pytest.raises(Refused) as error:
        sandbox.expand(later)
    assert said.format(earlier.id) in refusal(error.value)
    assert f'"migrator contract {earlier.id}"' in refusal(error.value)
    assert sandbox.snapshot() == before
    (foreseen,) = others.foreseen(sandbox.session, "default", sandbox.migrations())[later.id]
    assert said.format(earlier.id) in foreseen


NAMED = (
    "CREATE TABLE t (k int PRIMARY KEY, a text CONSTRAINT c CHECK (a <> '') CONSTRAINT q UNIQUE, b text);"
    "CREATE TABLE u (k int PRIMARY KEY REFERENCES t); CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT k, a FROM t;"
    "CREATE VIEW w AS SELECT a FROM v; CREATE POLICY p ON t USING (a <> ''); CREATE FUNCTION f() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE UPDATE OF a ON t FOR EACH ROW"
    " EXECUTE FUNCTION f(); INSERT INTO t VALUES (1, 'x', 'y')"
)
AT_CONTRACT = "-- migrator: phase = contract\n"
TO_GO = "DROP VIEW w; DROP VIEW v; DROP POLICY p ON t; DROP TRIGGER g ON t"


@pytest.mark.parametrize(
    "second",
    [
        "ALTER TABLE t DROP CONSTRAINT c",
        "ALTER TABLE t DROP CONSTRAINT q",
        "ALTER TABLE t RENAME CONSTRAINT c TO z",
        "DROP INDEX i",
        "DROP POLICY p ON t",
        "ALTER POLICY p ON t TO pg_monitor",
        "DROP TRIGGER g ON t",
        "DROP VIEW w",
    ],
)
def test_what_a_change_of_type_makes_anew_is_dropped_behind_its_contract(sandbox: Sandbox, second: str) -> None:
    """Its contract could not run any more once that of the other one has."""
    sandbox.execute(NAMED)
    earlier, later = sandbox.new("first", RETYPED), sandbox.new("second", second)
    sandbox.expand(earlier)
    sandbox.expand(later)
    sandbox.backfill(earlier)
    with pytest.raises(OutOfOrder, match=f"^{later.id}: {earlier.id} changes .* and comes before it") as error:
        sandbox.contract(later, offline="nobody is connected in this test")
    assert f'"migrator contract {earlier.id}"' in refusal(error.value)
    for migration in (earlier, later):
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert (
        sandbox.value(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"
        )
        == "character varying(99)"
    )
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("second", ["ALTER INDEX i RENAME TO z", "-- migrator: phase = expand\nDROP TRIGGER g ON t"])
def test_what_a_change_of_type_makes_anew_is_not_changed_by_expand(sandbox: Sandbox, second: str) -> None:
    sandbox.execute(NAMED)
    earlier, later = sandbox.new("first", RETYPED), sandbox.new("second", second)
    sandbox.expand(earlier)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match=r'is on column "a" of public\.t, which .* gives another type') as error:
        sandbox.expand(later)
    assert f'"migrator contract {earlier.id}"' in refusal(error.value)
    assert sandbox.snapshot() == before


@pytest.mark.parametrize(
    ("constraint", "gone"),
    [
        ("DROP CONSTRAINT c", "ALTER TABLE t DROP COLUMN a"),
        ("DROP CONSTRAINT q", MOVED),
        ("RENAME CONSTRAINT c TO z", SPLIT),
    ],
)
def test_a_constraint_is_dropped_or_renamed_before_its_column_goes(
    sandbox: Sandbox, constraint: str, gone: str
) -> None:
    """Nothing of its name would be there any more."""
    sandbox.execute(f"{NAMED}; {TO_GO}; DROP INDEX i; INSERT INTO u VALUES (1)")
    named, going = sandbox.new("first", f"ALTER TABLE t {constraint}"), sandbox.new("second", gone)
    for migration in (named, going):
        sandbox.expand(migration)
    sandbox.backfill(going)
    with pytest.raises(OutOfOrder, match=f'{named.id} changes constraint ".*" too, and comes before it'):
        sandbox.contract(going, offline="nobody is connected in this test")
    for migration in (named, going):
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("ALTER POLICY p ON t TO pg_monitor", "DROP POLICY p ON t", 'policy "p" of public.t'),
        ("DROP TRIGGER g ON t", "-- migrator: phase = expand\nDROP TRIGGER g ON t", 'trigger "g" of public.t'),
        (f"{AT_CONTRACT}CREATE OR REPLACE VIEW w AS SELECT a, 1 AS n FROM v", "DROP VIEW w", "public.w"),
        ("DROP INDEX i", "ALTER INDEX i RENAME TO z", "index public.i"),
        ("ALTER TABLE t RENAME CONSTRAINT c TO z", "ALTER TABLE t DROP CONSTRAINT c", 'constraint "c" of public.t'),
        ("ALTER SEQUENCE s MAXVALUE 9", "ALTER SEQUENCE s RENAME TO z", "sequence public.s"),
    ],
)
def test_what_a_pending_migration_names_is_dropped_and_renamed_behind_its_contract(
    sandbox: Sandbox, first: str, second: str, what: str
) -> None:
    sandbox.execute(f"{NAMED}; CREATE SEQUENCE s")
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later = sandbox.new("second", second)
    before = sandbox.snapshot()
    with pytest.raises(Refused) as error:
        sandbox.expand(later)
    assert f"{earlier.id} changes {what} too, and is not contracted" in refusal(error.value)
    assert sandbox.snapshot() == before


def test_a_constraint_that_goes_with_its_column_is_not_dropped_by_its_name(sandbox: Sandbox) -> None:
    sandbox.execute(f"{NAMED}; {TO_GO}; DROP INDEX i")
    going, named = (
        sandbox.new("first", "ALTER TABLE t DROP COLUMN a"),
        sandbox.new("second", "ALTER TABLE t DROP CONSTRAINT c"),
    )
    sandbox.expand(going)
    with pytest.raises(Refused, match=f'goes with column "a" of public.t, which contract of {going.id} takes away'):
        sandbox.expand(named)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ALTER TABLE t RENAME COLUMN b TO z", "CREATE POLICY z ON t USING (z <> '')"),
        (SPLIT_B, "ALTER POLICY p ON t USING (b <> '')"),
        (
            "ALTER TABLE t RENAME COLUMN b TO z",
            ("-- migrator: phase = expand\nCREATE TRIGGER z BEFORE UPDATE OF z ON t FOR EACH ROW EXECUTE FUNCTION f()"),
        ),
        (RETYPED, "CREATE FUNCTION h() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(a) FROM public.t; END"),
        (
            "ALTER TABLE t RENAME COLUMN b TO z",
            "CREATE FUNCTION h() RETURNS bigint LANGUAGE sql RETURN (SELECT count(z) FROM t)",
        ),
        (
            SPLIT_B,
            (
                "-- migrator: phase = contract\nCREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.b > '')"
                " EXECUTE FUNCTION f()"
            ),
        ),
    ],
)
def test_nothing_is_made_that_names_a_column_which_contract_takes_away(
    sandbox: Sandbox, first: str, second: str
) -> None:
    sandbox.execute(NAMED)
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later = sandbox.new("second", second)
    before = sandbox.snapshot()
    with pytest.raises(Refused, match=f'names column "[abz]" of public.t, which contract of {earlier.id} takes'):
        sandbox.expand(later)
    assert sandbox.snapshot() == before


@pytest.mark.parametrize("first", ["ALTER TABLE t RENAME COLUMN a TO z", RETYPED])
def test_no_publication_lists_a_column_which_contract_takes_away(sandbox: Sandbox, first: str) -> None:
    if sandbox.session.server_version < 15:
        pytest.skip("column lists came with PostgreSQL 15")
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text)")
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    for sql in ("CREATE PUBLICATION p FOR TABLE t (k, {})", "ALTER PUBLICATION q ADD TABLE t (k, {})"):
        sandbox.execute("DROP PUBLICATION IF EXISTS q; CREATE PUBLICATION q")
        later = sandbox.new("second", sql.format("a" if first == RETYPED else "z"))
        with pytest.raises(
            Refused, match=rf'publication "[pq]" names column ".*, which contract of {earlier.id} takes'
        ):
            sandbox.expand(later)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (UNIQUE, "ALTER TABLE t ALTER COLUMN a SET DEFAULT 'x'"),
        (UNIQUE, "CREATE INDEX t_a_2 ON t (a)"),
        (UNIQUE, "ALTER TABLE t DROP COLUMN b"),
        (INDEX, "ALTER TABLE t DROP COLUMN a"),
        (RETYPED, "CREATE INDEX t_b ON t (b)"),
    ],
)
def test_an_index_beside_what_leaves_its_column(sandbox: Sandbox, first: str, second: str) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'x', 'y')")
    for title, sql in (("first", first), ("second", second)):
        assert sandbox.expand(sandbox.new(title, sql))
    for migration in reversed(sandbox.migrations()):
        sandbox.backfill(migration)
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert sandbox.leftovers() == []


def test_a_view_over_the_new_name_of_a_pending_renaming_is_refused(table: Sandbox) -> None:
    renaming = table.new("renaming", RENAME)
    table.expand(renaming)
    view = table.new("view", "CREATE VIEW z AS SELECT b FROM t")
    with pytest.raises(Refused, match=r'reads column "b" of public.t, which contract of .* takes away') as error:
        table.expand(view)
    assert 'write "a": the view follows' in refusal(error.value)


@pytest.mark.parametrize("second", [UNIQUE, VIEW])
@pytest.mark.parametrize("first", [MOVED, TABLE, "ALTER TABLE t DROP COLUMN a"])
def test_what_goes_and_what_relies_on_it_are_not_in_one_migration(sandbox: Sandbox, first: str, second: str) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text); CREATE TABLE u (k int PRIMARY KEY REFERENCES t)")
    for sql in (f"{first}; {second}", f"{second}; {first}"):
        with pytest.raises(Refused, match=r"which contract takes away|when contract may have taken"):
            sandbox.new("both", sql)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TABLE, "ALTER TABLE s RENAME COLUMN a TO z"),
        (TABLE, "ALTER TABLE s RENAME COLUMN k TO z"),
        (TABLE, "ALTER TABLE s DROP COLUMN a"),
        (TABLE, "ALTER TABLE s ALTER COLUMN a TYPE varchar(20)"),
        (TABLE, "ALTER TABLE s DROP CONSTRAINT s_pkey"),
        (UNNESTED, "ALTER TABLE s RENAME COLUMN x TO z"),
        (MOVED, "ALTER TABLE u DROP CONSTRAINT u_pkey"),
    ],
)
def test_a_new_table_is_changed_once_old_code_does_not_fill_it_any_more(
    sandbox: Sandbox, first: str, second: str
) -> None:
    """Both may be pending; the contract of the later one would take away what triggers of the first one write."""
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x');"
        "CREATE TABLE u (k int PRIMARY KEY REFERENCES t)"
    )
    if first == UNNESTED:
        sandbox.execute("ALTER TABLE t ALTER COLUMN a TYPE text[] USING ARRAY[a]")
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later = sandbox.new("second", second)
    sandbox.expand(later)
    sandbox.execute("INSERT INTO t (k) VALUES (2); UPDATE t SET a = NULL")
    for migration in (earlier, later):
        sandbox.backfill(migration)
    with pytest.raises(OutOfOrder, match=rf"{earlier.id} changes public\.[su].* too, and comes before it"):
        sandbox.contract(later, offline="nobody is connected in this test")
    sandbox.execute("INSERT INTO t (k) VALUES (3)")
    for migration in (earlier, later):
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert sandbox.leftovers() == []
