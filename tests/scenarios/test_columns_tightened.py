"""S7, S8, S11 to S17, S19, S20: what is allowed in a column changes under one name.

PostgreSQL cannot tell which version a session is, so there is no rule for new code alone while old code runs: a rule
that old code may break begins at contract, and ``fill`` repairs what old code writes until then.
"""

from __future__ import annotations

from tests.scenarios.stage import Stage

REVIEWS = "CREATE TABLE reviews (id serial PRIMARY KEY, username text NOT NULL, product text NOT NULL, review text);"


def test_s07_null_is_filled_from_other_columns_until_it_is_forbidden(stage: Stage) -> None:
    """NULL of either version becomes the fill value, anything else is left alone; contract forbids NULL."""
    stage.setup(REVIEWS + "INSERT INTO reviews (username, product) VALUES ('a', 'apple')")
    migration = stage.expand(
        "-- migrator: fill = product || ' is good'\nALTER TABLE reviews ALTER COLUMN review SET NOT NULL"
    )
    assert stage.old.fails("INSERT INTO reviews (username, product) VALUES ('b', 'banana')") == ""
    assert stage.new.fails("INSERT INTO reviews (username, product, review) VALUES ('c', 'carrot', NULL)") == ""
    stage.old.run("INSERT INTO reviews (username, product, review) VALUES ('d', 'date', 'crunchy')")
    stage.new.run("INSERT INTO reviews (username, product, review) VALUES ('e', 'fig', 'amazing')")
    stage.old.run("UPDATE reviews SET review = NULL WHERE username = 'e'")
    stage.contract(migration)
    assert stage.rows("SELECT review FROM reviews ORDER BY id") == [
        ("apple is good",), ("banana is good",), ("carrot is good",), ("crunchy",), ("fig is good",),
    ]  # fmt: skip
    assert stage.new.fails("UPDATE reviews SET review = NULL") == "23502"
    assert stage.sandbox.leftovers() == []
    assert stage.rows("SELECT contype FROM pg_constraint WHERE conrelid = 'reviews'::regclass AND contype = 'c'") == []


def test_s08_null_is_allowed_for_both_or_for_nobody(stage: Stage) -> None:
    """By default NULL is an error until old code is gone; where old code can read it, expand allows it to both."""
    stage.setup(
        REVIEWS.replace("review text", "review text NOT NULL, note text NOT NULL DEFAULT ''")
        + "INSERT INTO reviews (username, product, review) VALUES ('z', 'fig', 'sweet')"
    )
    migration = stage.expand(
        "ALTER TABLE reviews ALTER review DROP NOT NULL;"
        "-- migrator: phase = expand\nALTER TABLE reviews ALTER note DROP NOT NULL"
    )
    insert = "INSERT INTO reviews (username, product, review, note) VALUES ('a', 'apple', %s, %s)"
    for client in (stage.old, stage.new):
        assert client.fails(insert % ("NULL", "''")) == "23502"
        assert client.fails(insert % ("'good'", "NULL")) == ""
    assert stage.old.run("SELECT note FROM reviews WHERE username = 'a'") == [(None,), (None,)]
    stage.contract(migration)
    assert stage.new.fails(insert % ("NULL", "NULL")) == ""


def test_s11_unique_binds_from_contract_on(stage: Stage) -> None:
    """Duplicates of either version are counted before contract, which adds a constraint and not only an index."""
    stage.setup(REVIEWS + "INSERT INTO reviews (username, product, review) VALUES ('z', 'fig', 'sweet')")
    migration = stage.expand("ALTER TABLE reviews ADD CONSTRAINT one UNIQUE (review)")
    for client in (stage.old, stage.new):
        assert client.fails("INSERT INTO reviews (username, product, review) VALUES ('a', 'b', 'good')") == ""
    assert "occurs more than once" in stage.contract_refused(migration)
    stage.new.run("UPDATE reviews SET review = review || '-' || id")
    stage.contract(migration)
    assert stage.new.fails("INSERT INTO reviews (username, product, review) VALUES ('a', 'b', 'good-2')") == "23505"
    assert stage.sandbox.value("SELECT contype::text FROM pg_constraint WHERE conname = 'one'") == "u"


def test_s12_a_check_is_repaired_by_a_backfill_and_binds_from_contract_on(stage: Stage) -> None:
    """Rows that break the condition are repaired by a batched UPDATE of the author; both versions may write them."""
    stage.setup(
        "CREATE TABLE posts (id serial PRIMARY KEY, title text); INSERT INTO posts (title) VALUES ('a'), ('long')"
    )
    migration = stage.expand(
        "-- migrator: phase = backfill\nUPDATE posts SET title = lpad(title, 4, '-') WHERE length(title) <= 3;"
        "ALTER TABLE posts ADD CONSTRAINT long CHECK (length(title) > 3)"
    )
    stage.old.run("INSERT INTO posts (title) VALUES ('b')")
    assert stage.new.fails("INSERT INTO posts (title) VALUES ('d')") == ""
    stage.new.run("INSERT INTO posts (title) VALUES ('post by carl')")
    assert stage.old.value("SELECT count(*) FROM posts WHERE title = 'post by carl'") == 1
    stage.contract(migration)
    assert stage.rows("SELECT title FROM posts ORDER BY id") == [
        ("---a",), ("long",), ("---b",), ("---d",), ("post by carl",),
    ]  # fmt: skip
    assert stage.new.fails("INSERT INTO posts (title) VALUES ('e')") == "23514"
    assert stage.sandbox.value("SELECT convalidated FROM pg_constraint WHERE conname = 'long'")


def test_s13_foreign_keys_bind_from_contract_on_with_every_action(stage: Stage) -> None:
    """Orphans of either version are set to NULL by a backfill; each ON DELETE does what it says afterwards."""
    actions = {"a": "NO ACTION", "b": "CASCADE", "c": "SET NULL", "d": "SET DEFAULT"}
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(0, 9);"
        + "".join(
            f"CREATE TABLE {each} (id int, user_id int DEFAULT 0); INSERT INTO {each} VALUES (0, 9);"
            for each in actions
        )
    )
    migration = stage.expand(
        "-- migrator: phase = backfill\nUPDATE a SET user_id = NULL"
        " WHERE user_id IS NOT NULL AND NOT EXISTS (SELECT FROM users AS u WHERE u.id = a.user_id);"
        + ";".join(
            f"ALTER TABLE {each} ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE {action}"
            for each, action in actions.items()
        )
    )
    assert stage.old.fails("INSERT INTO a VALUES (1, 77)") == ""
    assert stage.new.fails("INSERT INTO a VALUES (2, 78)") == ""
    stage.contract(migration)
    assert stage.rows("SELECT user_id FROM a WHERE id > 0") == [(None,), (None,)]
    assert stage.sandbox.value("SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'f'")
    for number, each in enumerate(actions, start=1):
        assert stage.new.fails(f"INSERT INTO {each} VALUES (3, 77)") == "23503"
        stage.new.run(f"INSERT INTO {each} VALUES (4, {number})")
        assert stage.new.fails(f"DELETE FROM users WHERE id = {number}") == ("23503" if each == "a" else "")
    assert [stage.rows(f"SELECT user_id FROM {each} WHERE id = 4") for each in actions] == [
        [(1,)],
        [],
        [(None,)],
        [(0,)],
    ]


def test_s14_a_default_is_for_all_inserts_that_leave_the_column_out(stage: Stage) -> None:
    """At contract for new code alone, or in expand for both; rollback restores none, rows keep what they hold."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text, city text DEFAULT 'Bonn');"
        "INSERT INTO users VALUES (0, 'Ann')"
    )
    migration = stage.expand(
        "-- migrator: phase = expand\nALTER TABLE users ALTER name SET DEFAULT 'unknown user';"
        "ALTER TABLE users ALTER city DROP DEFAULT"
    )
    stage.new.run("INSERT INTO users (id) VALUES (1)")
    stage.old.run("INSERT INTO users (id) VALUES (2)")
    stage.roll_back(migration)
    stage.old.run("INSERT INTO users (id) VALUES (3)")
    stage.expand_again(migration)
    stage.contract(migration)
    stage.new.run("INSERT INTO users (id) VALUES (4)")
    assert stage.rows("SELECT name, city FROM users WHERE id > 0 ORDER BY id") == [
        ("unknown user", "Bonn"), ("unknown user", "Bonn"), (None, "Bonn"), ("unknown user", None),
    ]  # fmt: skip


def test_s15_several_changes_of_one_column_are_several_migrations(stage: Stage) -> None:
    """Type, NOT NULL, CHECK and comment of one column: refused as one migration, each contracted before the next."""
    stage.setup(
        "CREATE TABLE events (id serial PRIMARY KEY, name varchar(255)); INSERT INTO events (name) VALUES (NULL)"
    )
    retype = "ALTER TABLE events ALTER name TYPE text"
    not_null = "-- migrator: fill = 'placeholder'\nALTER TABLE events ALTER name SET NOT NULL"
    check = (
        "-- migrator: phase = backfill\nUPDATE events SET name = 'placeholder' WHERE length(name) <= 3;"
        "ALTER TABLE events ADD CHECK (length(name) > 3);"
        "COMMENT ON COLUMN events.name IS 'what it is called'"
    )
    assert "would be filled while its type changes" in stage.refused(f"{retype}; {not_null}")
    stage.all_of(retype)
    migration = stage.expand(not_null)
    stage.old.run("INSERT INTO events (name) VALUES (NULL), ('x')")
    stage.contract(migration)
    stage.all_of(check)
    assert stage.rows("SELECT name, pg_typeof(name)::text FROM events") == [("placeholder", "text")] * 3
    assert stage.new.fails("INSERT INTO events (name) VALUES (NULL)") == "23502"
    assert stage.new.fails("INSERT INTO events (name) VALUES ('x')") == "23514"
    assert stage.sandbox.value("SELECT col_description('events'::regclass, 2)") == "what it is called"


def test_s16_not_null_and_a_default(stage: Stage) -> None:
    """The default is what an omitted column gets, fill what NULL becomes, whichever version wrote it."""
    stage.setup("CREATE TABLE events (id serial PRIMARY KEY, name text); INSERT INTO events (name) VALUES ('first')")
    stage.all_of("-- migrator: phase = expand\nALTER TABLE events ALTER name SET DEFAULT 'default'")
    migration = stage.expand("-- migrator: fill = 'rewritten'\nALTER TABLE events ALTER name SET NOT NULL")
    for client in (stage.old, stage.new):
        client.run("INSERT INTO events DEFAULT VALUES")
        client.run("INSERT INTO events (name) VALUES (NULL)")
    stage.contract(migration)
    assert stage.rows("SELECT name FROM events ORDER BY id") == [("first",), *[("default",), ("rewritten",)] * 2]
    assert stage.new.fails("INSERT INTO events (name) VALUES (NULL)") == "23502"


def test_s17_two_conditions_on_one_column(stage: Stage) -> None:
    """A foreign key and NOT NULL of one column come one after the other, and both hold in the end."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);"
        "CREATE TABLE posts (id int, user_id int); INSERT INTO posts VALUES (0, 1)"
    )
    key = "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users"
    not_null = "ALTER TABLE posts ALTER user_id SET NOT NULL"
    assert "two changes of column" in stage.refused(f"{key}; {not_null}")
    stage.all_of(key)
    stage.all_of(not_null)
    assert stage.new.fails("INSERT INTO posts VALUES (1, NULL)") == "23502"
    assert stage.new.fails("INSERT INTO posts VALUES (1, 2)") == "23503"
    assert stage.new.fails("INSERT INTO posts VALUES (1, 1)") == ""


def test_s19_conditions_over_two_columns(stage: Stage) -> None:
    """UNIQUE, CHECK and a foreign key over two columns: a backfill repairs what is in their way, then they bind."""
    stage.setup(
        "CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 12345);"
        "CREATE TABLE users (id serial PRIMARY KEY, name text, email text, a int, b int);"
        "INSERT INTO users (name, email, a, b) VALUES ('zoe', 'zoe@', 1, 12345)"
    )
    migration = stage.expand(
        "-- migrator: phase = backfill\nUPDATE users SET name = name || id, email = email || '@', a = 1, b = 12345"
        " WHERE b <> 12345;"
        "ALTER TABLE users ADD CONSTRAINT one UNIQUE (name, email);"
        "ALTER TABLE users ADD CONSTRAINT differ CHECK (name <> email);"
        "ALTER TABLE users ADD CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES pairs ON DELETE CASCADE"
    )
    insert = "INSERT INTO users (name, email, a, b) VALUES ({})"
    for client in (stage.old, stage.new):
        assert client.fails(insert.format("'ann', 'ann', 7, 8")) == ""
    stage.contract(migration)
    assert stage.rows("SELECT name, email, a, b FROM users ORDER BY id") == [
        ("zoe", "zoe@", 1, 12345), ("ann2", "ann@", 1, 12345), ("ann3", "ann@", 1, 12345),
    ]  # fmt: skip
    assert stage.new.fails(insert.format("'ann2', 'ann@', 1, 12345")) == "23505"
    assert stage.new.fails(insert.format("'x', 'x', 1, 12345")) == "23514"
    assert stage.new.fails(insert.format("'x', 'y', 12345, 1")) == "23503"
    stage.new.run("DELETE FROM pairs")
    assert stage.rows("SELECT * FROM users") == []


def test_s20_a_primary_key_for_a_table_without_one(stage: Stage) -> None:
    """Columns that give each row a value come first; the key over them binds from contract on."""
    stage.setup(
        "CREATE TABLE events (id1 uuid, note text); INSERT INTO events (note) SELECT generate_series(1, 50)::text"
    )
    stage.all_of(
        "ALTER TABLE events ADD COLUMN id2 uuid NOT NULL DEFAULT gen_random_uuid();"
        "-- migrator: fill = gen_random_uuid()\nALTER TABLE events ALTER id1 SET NOT NULL"
    )
    migration = stage.expand("ALTER TABLE events ADD PRIMARY KEY (id1, id2)")
    nil = "'00000000-0000-0000-0000-000000000000'"
    for client in (stage.old, stage.new):
        assert client.fails(f"INSERT INTO events (id1, id2) VALUES ({nil}, {nil})") == ""
    assert "occurs more than once" in stage.contract_refused(migration)
    stage.new.run(f"UPDATE events SET id2 = gen_random_uuid() WHERE id2 = {nil}")
    stage.contract(migration)
    assert stage.new.fails("INSERT INTO events (id1, id2) SELECT id1, id2 FROM events LIMIT 1") == "23505"
    assert stage.sandbox.value("SELECT contype::text FROM pg_constraint WHERE conrelid = 'events'::regclass"
                               " AND contype = 'p'") == "p"  # fmt: skip


def test_s20_a_surrogate_key_takes_the_place_of_the_primary_key(stage: Stage) -> None:
    """The old key holds for both versions until contract, the new one for all from then on; upserts never fail."""
    stage.setup(
        "CREATE TABLE seats (hall int, seat int, guest text, PRIMARY KEY (hall, seat));"
        "INSERT INTO seats SELECT 1, g, 'guest ' || g FROM generate_series(1, 50) AS g"
    )
    migration = stage.expand(
        "ALTER TABLE seats ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();"
        "ALTER TABLE seats ADD CONSTRAINT seats_once UNIQUE (hall, seat);"
        "ALTER TABLE seats DROP CONSTRAINT seats_pkey, ADD PRIMARY KEY (id)"
    )
    nil, upsert = "'00000000-0000-0000-0000-000000000000'", "INSERT INTO seats (hall, seat) VALUES (1, {})"
    for number, client in enumerate((stage.old, stage.new)):
        assert client.fails(upsert.format(number)) == ("23505" if number else "")
        assert client.fails(f"{upsert.format(number)} ON CONFLICT (hall, seat) DO UPDATE SET guest = 'again'") == ""
        assert client.fails(f"UPDATE seats SET id = {nil} WHERE seat = {number + 2}") == ""
    assert stage.new.fails(f"{upsert.format(2)} ON CONFLICT (id) DO NOTHING") == "42P10"
    assert "occurs more than once" in stage.contract_refused(migration)
    stage.new.run(f"UPDATE seats SET id = gen_random_uuid() WHERE id = {nil}")
    stage.contract(migration)
    assert stage.new.fails(f"{upsert.format(2)} ON CONFLICT (hall, seat) DO UPDATE SET guest = 'once more'") == ""
    assert stage.new.fails("INSERT INTO seats SELECT 2, seat, guest, id FROM seats LIMIT 1") == "23505"
    assert stage.sandbox.value(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'seats'::regclass AND contype = 'p'"
    ) == "PRIMARY KEY (id)"  # fmt: skip
    assert stage.sandbox.leftovers() == []
