from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.sql.lineage import Target, Use, needs
from migrator.sql.words import identifiers

CATALOG = {
    "users": {"public": frozenset({"id", "legacy", "name"})},
    "orders": {"public": frozenset({"id", "user_id", "legacy", "total"})},
    "plain": {"public": frozenset({"id", "x"})},
    "twice": {"a": frozenset({"id", "legacy"}), "b": frozenset({"id", "legacy"})},
}
COLUMN = frozenset({Target("public", "users", "legacy")})
TABLE = frozenset({Target("public", "orders")})

USED = """
SELECT legacy FROM users
SELECT u.legacy FROM users u
SELECT id FROM Users WHERE LEGACY = $1
SELECT id FROM users WHERE "legacy" = $1
SELECT id FROM users ORDER BY legacy
UPDATE users SET name = $1 WHERE legacy = $2
UPDATE users SET legacy = $1
UPDATE users SET (name, legacy) = ($1, $2)
DELETE FROM users WHERE legacy = $1
INSERT INTO users (id, legacy) VALUES ($1,$2)
INSERT INTO users (id, name) VALUES ($1,$2) ON CONFLICT (id) DO UPDATE SET name = excluded.legacy
INSERT INTO orders (id, legacy) SELECT id, legacy FROM users
SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = o.id AND u.legacy = $1)
SELECT x.legacy FROM (SELECT legacy FROM users) x
SELECT id, lag(name) OVER (PARTITION BY legacy) FROM users
SELECT id FROM users u, LATERAL (SELECT u.legacy) z
SELECT array(SELECT legacy FROM users)
SELECT id FROM users WHERE id IN (SELECT legacy FROM plain)
WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING legacy) SELECT $2
SELECT id FROM ONLY users WHERE legacy IS NULL
""".strip().splitlines()

UNUSED = """
SELECT id, name FROM users WHERE id = $1
SELECT count(*) FROM users
UPDATE users SET name = $1 WHERE id = $2 RETURNING id, name
UPDATE users u SET name = o.legacy FROM orders o WHERE o.user_id = u.id
DELETE FROM users WHERE id = $1
DELETE FROM users USING orders o WHERE o.legacy = $1 AND users.id = o.user_id
COPY orders TO STDOUT
INSERT INTO users (id, name) VALUES ($1,$2)
INSERT INTO users (id, name) VALUES ($1,$2) ON CONFLICT (id) DO UPDATE SET name = excluded.name
INSERT INTO users (id, name) SELECT user_id, legacy FROM orders
INSERT INTO orders (id, legacy) SELECT id, name FROM users
SELECT o.legacy FROM orders o JOIN users u ON u.id = o.user_id
SELECT o.* FROM orders o JOIN users u ON u.id = o.user_id
SELECT u.name, o FROM users u JOIN orders o ON true
SELECT legacy FROM orders o WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id)
SELECT id FROM users JOIN orders USING (id)
SELECT name AS legacy FROM users
WITH x AS (SELECT name AS legacy FROM users) SELECT legacy FROM x
WITH users AS (SELECT 1 AS legacy) SELECT legacy FROM users
SELECT id FROM users WHERE "LEGACY" = $1
SELECT id FROM users WHERE id IN ($1 /*, ... */)
SELECT id FROM users WHERE name = ANY($1::text[]) AND created > now() - interval $2
SELECT id FROM users LIMIT $1 OFFSET $2 FOR UPDATE SKIP LOCKED
SELECT * FROM orders
SELECT legacy FROM other.users
BEGIN
SET x = $1
SELECT $$legacy of users$$
""".strip().splitlines()

UNCLEAR = r"""
SELECT * FROM users
SELECT u.* FROM users AS u
SELECT u FROM users u
SELECT users FROM users
SELECT row_to_json(u) FROM users u
SELECT to_jsonb(users) FROM users
SELECT (u).legacy FROM users u
SELECT legacy(u) FROM users u
SELECT json_agg(u) FROM users u
SELECT ROW(u.*) FROM users u
UPDATE users SET name = $1 WHERE id = $2 RETURNING *
INSERT INTO users VALUES ($1,$2,$3)
INSERT INTO users SELECT $1, $2, $3
INSERT INTO users (id, name) VALUES ($1,$2) ON CONFLICT ON CONSTRAINT users_pkey DO NOTHING
COPY users TO STDOUT
COPY users (id, name) FROM STDIN
COPY (SELECT * FROM users) TO STDOUT
TABLE users
TRUNCATE users
LOCK TABLE users IN SHARE MODE
DECLARE c CURSOR FOR SELECT name FROM users
PREPARE p AS SELECT name FROM users
CREATE TABLE x AS SELECT name FROM users
MERGE INTO users u USING orders o ON u.id = o.id WHEN MATCHED THEN UPDATE SET name = o.legacy
DO $$ BEGIN PERFORM 1; END $$
DO LANGUAGE plpgsql 'BEGIN END'
SELECT id FROM users NATURAL JOIN orders
SELECT id FROM users JOIN orders USING (legacy)
SELECT legacy FROM orders o JOIN users u ON u.id = o.user_id
SELECT b FROM users u(id, b, n)
WITH x AS (SELECT * FROM users) SELECT legacy FROM x
SELECT U&"\006cegacy" FROM users
SELECT broken FROM users WHERE ((
SELECT 'unfinished FROM users
SELECT jsonb_populate_record(NULL::users, $1)
SELECT name FROM users WHERE CAST($1 AS users[]) IS NOT NULL
SELECT users($1)
SELECT name FROM users u WHERE u = $1
SELECT u.legacy FROM users u FOR UPDATE OF u
""".strip().splitlines()


@pytest.mark.parametrize("statement", USED)
def test_a_use_is_found(statement: str) -> None:
    assert needs(statement, COLUMN, CATALOG).use is Use.USED


@pytest.mark.parametrize("statement", UNUSED)
def test_non_use_is_proved(statement: str) -> None:
    assert needs(statement, COLUMN, CATALOG).use is Use.UNUSED


@pytest.mark.parametrize("statement", UNCLEAR)
def test_what_is_not_proved_is_unclear_and_says_why(statement: str) -> None:
    found = needs(statement, COLUMN, CATALOG)
    assert found.use is Use.UNCLEAR
    assert found.why


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("SELECT legacy FROM a.twice", Use.USED),
        ("SELECT legacy FROM b.twice", Use.UNUSED),
        # Which of the two is meant depends on the session's search_path.
        ("SELECT id FROM twice", Use.UNCLEAR),
    ],
)
def test_a_name_in_two_schemas(statement: str, use: Use) -> None:
    assert needs(statement, frozenset({Target("a", "twice", "legacy")}), CATALOG).use is use


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("SELECT 1 FROM orders", Use.USED),
        ("INSERT INTO public.orders VALUES ($1)", Use.USED),
        ("SELECT 1 FROM users JOIN orders USING (id)", Use.USED),
        ("SELECT 1 FROM plain WHERE EXISTS (TABLE orders)", Use.USED),
        ("TRUNCATE orders", Use.UNCLEAR),
        ("SELECT orders FROM plain", Use.UNUSED),
        ("SELECT orders.x FROM plain orders", Use.UNUSED),
        ("WITH orders AS (SELECT 1) SELECT * FROM orders", Use.UNUSED),
        ('SELECT 1 FROM "Orders"', Use.UNUSED),
        ("SELECT 1 FROM other.orders", Use.UNUSED),
    ],
)
def test_a_relation_that_goes(statement: str, use: Use) -> None:
    assert needs(statement, TABLE, CATALOG).use is use


def test_words_are_folded_as_the_server_folds_them() -> None:
    assert identifiers('SELECT A, "B""c", \'d\' -- e\n FROM $1') == {"select", "a", 'B"c', "from"}
    assert identifiers("'unfinished") is None


@given(
    star=st.sampled_from(["*", "u.*", "u", "to_json(u)", "u.legacy", "legacy"]),
    wrap=st.lists(
        st.sampled_from(
            [
                "SELECT 1 FROM ({}) AS w",
                "SELECT (SELECT count(w) FROM ({}) AS w) FROM plain",
                "WITH w AS ({}) SELECT 1 FROM w",
                "SELECT 1 FROM plain WHERE id IN ({})",
                "({}) UNION ALL SELECT 1",
                "INSERT INTO plain (id) {}",
            ]
        ),
        max_size=3,
    ),
)
def test_no_nesting_hides_a_use(star: str, wrap: list[str]) -> None:
    statement = f"SELECT {star} FROM users AS u"
    for around in wrap:
        if statement.startswith("INSERT") or (around.startswith("INSERT") and around is not wrap[-1]):
            return
        statement = around.format(statement)
    assert needs(statement, COLUMN, CATALOG).use is not Use.UNUSED
