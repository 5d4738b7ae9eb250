"""S35, S36: data that moves between tables. A column to a row, and an array or a key to rows, are kinds; anything else
is kept in step by triggers of the author, in a migration written by hand, which is expanded, backfilled, gated and
rolled back as any other."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.scenarios.stage import Stage

MOVE = {
    "expand": """
-- step: profiles
CREATE TABLE profiles (user_id int PRIMARY KEY, email text);
-- step: to-profiles transaction=sync
CREATE FUNCTION to_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email THEN
        INSERT INTO profiles VALUES (NEW.id, NEW.email)
        ON CONFLICT (user_id) DO UPDATE SET email = EXCLUDED.email WHERE profiles.email IS DISTINCT FROM EXCLUDED.email;
    END IF;
    RETURN NULL;
END $$;
-- step: to-users transaction=sync
CREATE FUNCTION to_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET email = NEW.email WHERE id = NEW.user_id AND email IS DISTINCT FROM NEW.email;
    RETURN NULL;
END $$;
-- step: trigger-users transaction=sync
CREATE TRIGGER to_profiles AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION to_profiles();
-- step: trigger-profiles transaction=sync
CREATE TRIGGER to_users AFTER INSERT OR UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION to_users();
""",
    "backfill": """
-- step: move
INSERT INTO profiles (user_id, email) SELECT u.id, u.email FROM users AS u WHERE u.email IS NOT NULL
ON CONFLICT (user_id) DO NOTHING;
""",
    "contract": """
-- step: trigger-users transaction=users
DROP TRIGGER to_profiles ON users;
-- step: trigger-profiles transaction=users
DROP TRIGGER to_users ON profiles;
-- step: email transaction=users
ALTER TABLE users DROP COLUMN email;
-- step: functions transaction=users
DROP FUNCTION to_profiles(), to_users();
""",
    "rollback": """
-- step: trigger-users transaction=users undoes=trigger-users
DROP TRIGGER to_profiles ON users;
-- step: trigger-profiles transaction=users undoes=trigger-profiles
DROP TRIGGER to_users ON profiles;
-- step: to-profiles transaction=users undoes=to-profiles
DROP FUNCTION to_profiles();
-- step: to-users transaction=users undoes=to-users
DROP FUNCTION to_users();
-- step: profiles transaction=users undoes=profiles
DROP TABLE profiles;
""",
}


def test_s35_a_column_moves_to_a_table_that_is_there(stage: Stage) -> None:
    """move_column: what either version inserts or updates is found by the other, in both directions, and survives."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'one'), (2, NULL);"
        "CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users, n int); INSERT INTO profiles VALUES (1), (2)"
    )
    migration = stage.expand("-- migrator: to = profiles (user_id)\nALTER TABLE users DROP COLUMN email")
    stage.backfill(migration)
    stage.old.run("INSERT INTO users VALUES (3, 'three'); UPDATE users SET email = 'two' WHERE id = 2")
    stage.new.run("INSERT INTO profiles (user_id) VALUES (3)")
    assert stage.new.run("SELECT user_id, email FROM profiles ORDER BY 1") == [(1, "one"), (2, "two"), (3, "three")]
    stage.new.run("UPDATE profiles SET email = 'ONE' WHERE user_id = 1")
    stage.new.run("INSERT INTO users (id) VALUES (4); INSERT INTO profiles (user_id, email) VALUES (4, 'four')")
    stage.new.run("UPDATE profiles SET n = 1; UPDATE users SET email = email")
    assert stage.old.run("SELECT email FROM users ORDER BY id") == [("ONE",), ("two",), ("three",), ("four",)]
    stage.contract(migration)
    assert stage.rows("SELECT email FROM profiles ORDER BY user_id") == [("ONE",), ("two",), ("three",), ("four",)]


def test_s35_a_column_moves_to_a_table_that_is_made_for_it(stage: Stage) -> None:
    """split_table: inserts, updates and deletes of either version are found by the other, after a rollback as well."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'one'), (2, NULL)")
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "-- migrator: from = users\nCREATE TABLE profiles"
        " (user_id int PRIMARY KEY REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, email text)"
    )
    stage.expand_planned(migration)
    stage.new.run("INSERT INTO users (id) VALUES (7); UPDATE profiles SET email = 'seven' WHERE user_id = 7")
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, "one"), (2, None), (7, "seven")]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO users VALUES (3, 'three'); UPDATE users SET email = 'two' WHERE id = 2")
    stage.old.run("DELETE FROM users WHERE id = 7")
    assert stage.new.run("SELECT user_id, email FROM profiles ORDER BY 1") == [(1, "one"), (2, "two"), (3, "three")]
    stage.new.run("UPDATE profiles SET email = 'ONE' WHERE user_id = 1; DELETE FROM profiles WHERE user_id = 3")
    stage.new.run("INSERT INTO users (id) VALUES (4); INSERT INTO profiles VALUES (4, 'four')")
    assert stage.old.run("SELECT * FROM users ORDER BY id") == [(1, "ONE"), (2, "two"), (3, None), (4, "four")]
    stage.contract(migration)
    assert stage.rows("SELECT * FROM profiles ORDER BY 1") == [(1, "ONE"), (2, "two"), (4, "four")]


def test_s35_a_column_moves_to_a_table_by_triggers_of_the_author(stage: Stage) -> None:
    """users.email becomes profiles.email: what either version writes is found by the other, and no trigger loops."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'one'), (2, NULL)")
    before = stage.sandbox.snapshot()
    migration = stage.sandbox.write("20260101T0000_move_email", **MOVE)
    stage.expand_planned(migration)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO users VALUES (3, 'three'); UPDATE users SET email = 'two' WHERE id = 2")
    assert stage.new.run("SELECT * FROM profiles ORDER BY 1") == [(1, "one"), (2, "two"), (3, "three")]
    stage.new.run("UPDATE profiles SET email = 'ONE' WHERE user_id = 1")
    stage.new.run("INSERT INTO users (id) VALUES (4); UPDATE profiles SET email = 'four' WHERE user_id = 4")
    assert stage.old.run("SELECT email FROM users ORDER BY id") == [("ONE",), ("two",), ("three",), ("four",)]
    stage.contract(migration)
    assert stage.rows("SELECT email FROM profiles ORDER BY 1") == [("ONE",), ("four",), ("three",), ("two",)]
    assert stage.sandbox.state(migration) == "contracted"


def test_s35_a_table_becomes_columns_of_another_one(stage: Stage) -> None:
    """merge_tables: inserts, updates and deletes of either version are found by the other, after a rollback as well."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, n int); INSERT INTO users VALUES (1), (2), (3);"
        "CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users ON DELETE CASCADE, bio text NOT NULL);"
        "INSERT INTO profiles VALUES (1, 'one'), (2, 'two')"
    )
    before = stage.sandbox.snapshot()
    migration = stage.plan("-- migrator: into = users\n-- migrator: nullable = bio\nDROP TABLE profiles")
    stage.expand_planned(migration)
    stage.new.run("INSERT INTO users (id, bio) VALUES (4, 'four'); DELETE FROM users WHERE id = 1")
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM profiles ORDER BY 1") == [(2, "two"), (4, "four")]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO profiles VALUES (3, 'three'); DELETE FROM profiles WHERE user_id = 2")
    stage.old.run(
        "INSERT INTO users VALUES (5); INSERT INTO profiles VALUES (5, 'five'); DELETE FROM users WHERE id = 4"
    )
    assert stage.new.run("SELECT id, bio FROM users ORDER BY 1") == [(2, None), (3, "three"), (5, "five")]
    stage.new.run("UPDATE users SET bio = upper(bio), n = 1; UPDATE users SET bio = NULL WHERE id = 5")
    assert stage.old.run("SELECT * FROM profiles") == [(3, "THREE")]
    stage.contract(migration)
    assert stage.rows("SELECT id, bio FROM users ORDER BY 1") == [(2, None), (3, "THREE"), (5, None)]


def test_s35_a_column_moves_to_a_table_with_several_rows_for_each(stage: Stage) -> None:
    """move_column with many: a write of old code goes to all of them, one of new code to its own and to old code."""
    stage.setup(
        "CREATE TABLE customers (id int PRIMARY KEY, currency text);"
        "INSERT INTO customers VALUES (1, 'EUR'), (2, 'USD');"
        "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);"
        "CREATE INDEX ON orders (customer); INSERT INTO orders VALUES (11, 1), (12, 1), (21, 2)"
    )
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "-- migrator: to = orders (customer)\n-- migrator: many = true\nALTER TABLE customers DROP COLUMN currency"
    )
    stage.expand_planned(migration)
    stage.new.run("UPDATE orders SET currency = 'CHF' WHERE id = 11")
    stage.new.run("UPDATE orders SET currency = 'NOK' WHERE id = 12")
    with pytest.raises(Refused, match="exists only in the new shape"):
        stage.roll_back(migration)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM customers ORDER BY 1") == [(1, "NOK"), (2, "USD")]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO orders VALUES (22, 2); UPDATE customers SET currency = 'EUR' WHERE id = 1")
    stage.new.run("INSERT INTO orders VALUES (13, 1, 'SEK'); UPDATE orders SET currency = NULL WHERE id = 21")
    assert stage.old.run("SELECT * FROM customers ORDER BY 1") == [(1, "SEK"), (2, None)]
    stage.contract(migration)
    assert stage.rows("SELECT id, currency FROM orders ORDER BY 1") == [
        (11, "EUR"), (12, "EUR"), (13, "SEK"), (21, None), (22, "USD")
    ]  # fmt: skip


CHOOSE = (
    "UPDATE addresses SET is_default = false WHERE user_id = {0}; UPDATE addresses SET is_default = true WHERE id = {1}"
)


def test_s35_a_column_moves_to_the_one_of_several_rows_that_is_chosen(stage: Stage) -> None:
    """move_column with where: the default address has the value, whichever it is and whoever says so."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, address text); INSERT INTO users VALUES (1, 'one'), (2, 'two');"
        "CREATE TABLE addresses (id int PRIMARY KEY, user_id int REFERENCES users, is_default boolean);"
        "CREATE INDEX ON addresses (user_id); CREATE UNIQUE INDEX ON addresses (user_id) WHERE is_default;"
        "INSERT INTO addresses VALUES (11, 1, true), (12, 1, false), (21, 2, true)"
    )
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "-- migrator: to = addresses\n-- migrator: where = is_default\nALTER TABLE users DROP COLUMN address"
    )
    stage.expand_planned(migration)
    stage.new.run(
        "UPDATE addresses SET address = 'own' WHERE id = 12; UPDATE addresses SET address = 'TWO' WHERE id = 21"
    )
    with pytest.raises(Refused, match="exists only in the new shape"):
        stage.roll_back(migration)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, "one"), (2, "TWO")]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run(f"{CHOOSE.format(1, 12)}; UPDATE users SET address = 'ONE' WHERE id = 1; {CHOOSE.format(1, 11)}")
    stage.old.run("INSERT INTO addresses VALUES (22, 2, false)")
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, "ONE"), (2, "TWO")]
    stage.new.run(f"UPDATE addresses SET address = 'new' WHERE id = 22; {CHOOSE.format(2, 22)}")
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, "ONE"), (2, "new")]
    stage.contract(migration)
    assert stage.rows("SELECT id, address FROM addresses ORDER BY 1") == [
        (11, "ONE"), (12, "ONE"), (21, "TWO"), (22, "new")
    ]  # fmt: skip


def test_s36_a_key_with_a_role_becomes_many_to_many(stage: Stage) -> None:
    """extract_junction: old code goes on with one account for each user, new code has several."""
    stage.setup(
        "CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts VALUES (10), (20), (30);"
        "CREATE TABLE users (id int PRIMARY KEY, account_id int REFERENCES accounts, account_role text);"
        "INSERT INTO users VALUES (1, 10, 'admin'), (2, NULL, NULL)"
    )
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "-- migrator: extract = users (account_id, account_role AS role)\n"
        "CREATE TABLE user_account_connections (user_id int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,"
        " account_id int REFERENCES accounts, role text, PRIMARY KEY (user_id, account_id))"
    )
    stage.expand_planned(migration)
    stage.new.run("INSERT INTO user_account_connections VALUES (2, 20, 'user'), (2, 10, 'guest')")
    with pytest.raises(Refused, match="exists only in the new shape"):
        stage.roll_back(migration)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, 10, "admin"), (2, 20, "user")]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO users VALUES (3, 30, 'user'); UPDATE users SET account_role = 'owner' WHERE id = 1")
    stage.new.run(
        "BEGIN; INSERT INTO users (id) VALUES (4); INSERT INTO user_account_connections VALUES (4, 30); COMMIT"
    )
    stage.new.run("INSERT INTO user_account_connections VALUES (1, 20, 'guest'), (1, 30, 'guest')")
    stage.new.run("UPDATE user_account_connections SET role = 'admin' WHERE user_id IN (1, 2) AND account_id = 20")
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [
        (1, 10, "owner"), (2, 20, "admin"), (3, 30, "user"), (4, 30, None)
    ]  # fmt: skip
    stage.old.run("UPDATE users SET account_id = 30 WHERE id = 1; UPDATE users SET account_id = NULL WHERE id = 4")
    stage.new.run("DELETE FROM user_account_connections WHERE user_id = 2")
    assert stage.old.run("SELECT * FROM users WHERE id < 3 ORDER BY 1") == [(1, 30, "owner"), (2, None, None)]
    stage.contract(migration)
    assert stage.rows("SELECT * FROM user_account_connections ORDER BY 1, 2") == [
        (1, 20, "admin"), (1, 30, "owner"), (3, 30, "user")
    ]  # fmt: skip


MANY = {
    "expand": """
-- step: connections
CREATE TABLE connections (user_id int, account_id int, role text NOT NULL, PRIMARY KEY (user_id, account_id));
-- step: to-connections transaction=sync
CREATE FUNCTION to_connections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_id IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO connections VALUES (NEW.id, NEW.account_id, upper(NEW.account_role))
    ON CONFLICT (user_id, account_id) DO UPDATE SET role = EXCLUDED.role WHERE connections.role <> EXCLUDED.role;
    RETURN NULL;
END $$;
-- step: to-users transaction=sync
CREATE FUNCTION to_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET account_id = NEW.account_id, account_role = lower(NEW.role)
    WHERE id = NEW.user_id AND (account_id, account_role) IS DISTINCT FROM (NEW.account_id, lower(NEW.role));
    RETURN NULL;
END $$;
-- step: trigger-users transaction=sync
CREATE TRIGGER to_connections AFTER INSERT OR UPDATE OF account_id, account_role ON users
FOR EACH ROW EXECUTE FUNCTION to_connections();
-- step: trigger-connections transaction=sync
CREATE TRIGGER to_users AFTER INSERT OR UPDATE ON connections FOR EACH ROW EXECUTE FUNCTION to_users();
""",
    "backfill": """
-- step: move
INSERT INTO connections (user_id, account_id, role) SELECT u.id, u.account_id, upper(u.account_role) FROM users AS u
WHERE u.account_id IS NOT NULL ON CONFLICT (user_id, account_id) DO NOTHING;
""",
    "contract": """
-- step: trigger-users transaction=users
DROP TRIGGER to_connections ON users;
-- step: trigger-connections transaction=users
DROP TRIGGER to_users ON connections;
-- step: account transaction=users
ALTER TABLE users DROP COLUMN account_id, DROP COLUMN account_role;
-- step: functions transaction=users
DROP FUNCTION to_connections(), to_users();
""",
    "rollback": """
-- step: trigger-users transaction=users undoes=trigger-users
DROP TRIGGER to_connections ON users;
-- step: trigger-connections transaction=users undoes=trigger-connections
DROP TRIGGER to_users ON connections;
-- step: to-connections transaction=users undoes=to-connections
DROP FUNCTION to_connections();
-- step: to-users transaction=users undoes=to-users
DROP FUNCTION to_users();
-- step: connections transaction=users undoes=connections
DROP TABLE connections;
""",
}


def test_s36_one_to_many_becomes_many_to_many(stage: Stage) -> None:
    """A role in another spelling lives in both shapes; new code writes both tables in one transaction."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, account_id int, account_role text);"
        "INSERT INTO users VALUES (1, 10, 'admin')"
    )
    migration = stage.sandbox.write("20260101T0000_many", **MANY)
    stage.expand_planned(migration)
    stage.backfill(migration)
    stage.old.run("INSERT INTO users VALUES (2, 20, 'user'); UPDATE users SET account_role = 'owner' WHERE id = 1")
    assert stage.old.fails("INSERT INTO users VALUES (9, 90, NULL)") == "23502"
    assert stage.new.run("SELECT * FROM connections ORDER BY 1") == [(1, 10, "OWNER"), (2, 20, "USER")]
    stage.new.run("BEGIN; INSERT INTO users (id) VALUES (3); INSERT INTO connections VALUES (3, 30, 'ADMIN'); COMMIT")
    stage.new.run("UPDATE connections SET role = 'GUEST' WHERE user_id = 2")
    assert stage.old.run("SELECT * FROM users ORDER BY id") == [(1, 10, "owner"), (2, 20, "guest"), (3, 30, "admin")]
    stage.contract(migration)
    stage.new.run("INSERT INTO connections VALUES (3, 31, 'USER')")
    assert stage.rows("SELECT count(*) FROM connections") == [(4,)]


def test_s36_an_array_of_keys_becomes_many_to_many(stage: Stage) -> None:
    """unnest_column: what either version adds, changes or takes away is found by the other."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, account_ids int[]); INSERT INTO users VALUES (1, '{20,10}'), (2, NULL)"
    )
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "-- migrator: unnest = users (account_ids)\n"
        "CREATE TABLE connections (user_id int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, account_id int,"
        " PRIMARY KEY (user_id, account_id))"
    )
    stage.expand_planned(migration)
    stage.new.run("BEGIN; INSERT INTO users (id) VALUES (3); INSERT INTO connections VALUES (3, 30), (3, 10); COMMIT")
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, [20, 10]), (2, None), (3, [30, 10])]
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.old.run("UPDATE users SET account_ids = account_ids || 30 WHERE id = 1; INSERT INTO users VALUES (4, '{10}')")
    stage.new.run("DELETE FROM connections WHERE account_id = 10; INSERT INTO connections VALUES (2, 20)")
    stage.new.run("UPDATE connections SET account_id = 10 WHERE user_id = 1 AND account_id = 20")
    assert stage.old.run("SELECT * FROM users ORDER BY 1") == [(1, [10, 30]), (2, [20]), (3, [30]), (4, [])]
    stage.contract(migration)
    assert stage.rows("SELECT * FROM connections ORDER BY 1, 2") == [(1, 10), (1, 30), (2, 20), (3, 30)]
