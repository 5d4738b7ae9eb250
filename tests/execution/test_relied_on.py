"""An index or a constraint that one migration drops and another pending one relies on."""

from __future__ import annotations

import pytest

from migrator.errors import OutOfOrder, Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
SETUP = (
    "CREATE TABLE t (k int PRIMARY KEY, a text, b text, r text, CONSTRAINT t_r UNIQUE (r));"
    "INSERT INTO t VALUES (1, 'a', 'b', 'r'); CREATE UNIQUE INDEX t_a ON t (a);"
    "CREATE TABLE u (k int, w text); CREATE UNIQUE INDEX u_k ON u (k) WHERE w = 'x'; INSERT INTO u VALUES (1, 'x');"
    "CREATE TABLE v (r text)"
)
MOVE = "-- migrator: to = u (k)\n-- migrator: where = w = 'x'\nALTER TABLE t DROP COLUMN b"
SPLIT = (
    "-- migrator: from = t\n"
    "CREATE TABLE s (r text PRIMARY KEY REFERENCES t (r) ON DELETE CASCADE ON UPDATE CASCADE, b text)"
)
POINT = "ALTER TABLE v ADD CONSTRAINT v_r FOREIGN KEY (r) REFERENCES t (r)"
RETYPE = "ALTER TABLE t ALTER COLUMN a TYPE varchar(30) USING left(a, 30)"
NO_KEY = "ALTER TABLE t DROP CONSTRAINT t_r"


@pytest.fixture
def tables(sandbox: Sandbox) -> Sandbox:
    sandbox.execute(SETUP)
    return sandbox


def test_what_a_pending_move_finds_rows_by_is_dropped_behind_it(tables: Sandbox) -> None:
    moving = tables.new("moving", MOVE)
    tables.expand(moving)
    dropping = tables.new("dropping", "DROP INDEX u_k")
    tables.expand(dropping)
    relied = f'{moving.id}, which relies on index "u_k" of public.u until then'
    assert any(relied in note for note in tables.notes())
    tables.backfill(moving)
    with pytest.raises(OutOfOrder, match=f'{moving.id} relies on index "u_k" of public.u until it is contracted'):
        tables.contract(dropping, offline=OFFLINE)
    tables.execute("UPDATE t SET b = 'x'")
    for migration in (moving, dropping):
        tables.contract(migration, offline=OFFLINE)
    assert tables.rows("SELECT b FROM u") == [("x",)]


@pytest.mark.parametrize(
    ("first", "then", "why"),
    [
        ("DROP INDEX u_k", MOVE, 'drops index "u_k" of public.u, and then several rows of public.u may have the same'),
        (NO_KEY, SPLIT, 'drops constraint "t_r" of public.t, and then the foreign key of public.s does not point to a'),
        (NO_KEY, POINT, 'drops constraint "t_r" of public.t, and then no unique constraint of "public.t" is about (r)'),
        ("DROP INDEX t_a", RETYPE, 'index "t_a" of public.t is dropped by contract of'),
        ("DROP INDEX t_a", "DROP INDEX t_a", "changes index public.t_a too"),
        ("DROP INDEX t_a", "ALTER INDEX t_a RENAME TO t_b", 'changes index public.t_a too'),
        (NO_KEY, "ALTER TABLE t RENAME CONSTRAINT t_r TO t_s", 'changes constraint "t_r" of public.t too'),
        ("ALTER TABLE t RENAME CONSTRAINT t_r TO t_s", NO_KEY, 'changes constraint "t_r" of public.t too'),
    ],
)  # fmt: skip
def test_what_a_pending_contract_drops_is_relied_on_once_it_has_run(
    tables: Sandbox, first: str, then: str, why: str
) -> None:
    earlier = tables.new("earlier", first)
    tables.expand(earlier)
    later = tables.new("later", then)
    with pytest.raises(Refused) as error:
        tables.expand(later)
    assert why in refusal(error.value)
    assert f'contract it first: "migrator contract {earlier.id}"' in refusal(error.value)


def test_what_a_pending_foreign_key_points_to_stays(tables: Sandbox) -> None:
    pointing = tables.new("pointing", POINT)
    tables.expand(pointing)
    dropping = tables.new("dropping", NO_KEY)
    with pytest.raises(Refused, match=r'"t_r" of public.t is what a foreign key points to that contract of') as error:
        tables.expand(dropping)
    assert "roll that back" in refusal(error.value)
    tables.contract(pointing, offline=OFFLINE)


def test_what_a_foreign_key_was_to_point_to_is_gone_before_its_contract(tables: Sandbox) -> None:
    pointing = tables.new("pointing", POINT)
    tables.expand(pointing)
    tables.execute(NO_KEY)
    with pytest.raises(Refused, match=r'no unique constraint of "public.t" is about \(r\)'):
        tables.contract(pointing, offline=OFFLINE)


def test_a_comment_on_an_index(tables: Sandbox) -> None:
    tables.execute("CREATE SCHEMA s; CREATE TABLE s.w (a text); CREATE INDEX w_a ON s.w (a)")
    tables.finish(tables.new("comment", "COMMENT ON INDEX t_a IS 'x'; COMMENT ON INDEX s.w_a IS 'y'"))
    assert tables.value("SELECT obj_description('t_a'::regclass) || obj_description('s.w_a'::regclass)") == "xy"
    with pytest.raises(Refused, match=r'index "public.gone" does not exist'):
        tables.new("gone", "COMMENT ON INDEX gone IS 'x'")
