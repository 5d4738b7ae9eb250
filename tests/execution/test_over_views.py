"""What comes to hold on to a view or a table that the contract of a change makes anew, or moves."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

THERE = """
CREATE SCHEMA depot;
CREATE TABLE t (k int PRIMARY KEY, a text, n int);
CREATE INDEX t_a ON t (a);
CREATE VIEW seen AS SELECT k, n FROM t;
CREATE VIEW named AS SELECT k, a FROM t;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'
"""
RETYPED = "ALTER TABLE t ALTER n TYPE bigint"


@pytest.mark.parametrize(
    ("later", "what"),
    [
        ("CREATE VIEW over AS SELECT k FROM seen", 'view "public.over"'),
        ("CREATE MATERIALIZED VIEW over AS SELECT k FROM named JOIN seen USING (k)", 'materialized view "public.over"'),
        (
            "CREATE FUNCTION over() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT count(k)::int FROM seen; END",
            'function "public.over"',
        ),
        (
            (
                "-- migrator: phase = expand\n"
                "CREATE TRIGGER touched INSTEAD OF UPDATE ON seen FOR EACH ROW EXECUTE FUNCTION touch()"
            ),
            'trigger "touched"',
        ),
    ],
)
def test_nothing_is_made_on_a_view_that_a_change_of_type_makes_anew(sandbox: Sandbox, later: str, what: str) -> None:
    """Contract could not drop the view, and would be refused until that is taken away again."""
    sandbox.execute(THERE)
    with pytest.raises(Refused) as error:
        sandbox.new("both", f"{RETYPED}; {later}")
    assert f'{what} is on view "public.seen", which contract makes anew' in refusal(error.value)
    retyping = sandbox.new("first", RETYPED)
    sandbox.expand(retyping)
    making = sandbox.new("second", later)
    with pytest.raises(Refused) as error:
        sandbox.expand(making)
    assert f'{what} is on view "public.seen", which contract of {retyping.id} makes anew' in refusal(error.value)
    for migration in (retyping, making):
        sandbox.finish(migration)


def test_other_views_are_built_upon_beside_a_change_of_type(sandbox: Sandbox) -> None:
    sandbox.execute(THERE)
    making = "CREATE VIEW over AS SELECT k FROM named"
    wanted = sandbox.shape_after(f"DROP VIEW seen; {RETYPED}; CREATE VIEW seen AS SELECT k, n FROM t; {making}")
    retyping, over = sandbox.new("first", RETYPED), sandbox.new("second", making)
    for migration in (retyping, over):
        sandbox.expand(migration)
    for migration in (retyping, over):
        sandbox.finish(migration)
    assert {line.replace("column 4 t.n", "column 3 t.n") for line in sandbox.snapshot()} == wanted


def test_an_index_that_moves_with_its_table_is_commented_on_where_it_comes_to(sandbox: Sandbox) -> None:
    """Rollback writes the comment before to an index of that name and place."""
    sandbox.execute(THERE)
    moving = sandbox.new("first", "ALTER TABLE t SET SCHEMA depot")
    sandbox.expand(moving)
    commenting = sandbox.new("second", "COMMENT ON INDEX t_a IS 'w'")
    with pytest.raises(Refused) as error:
        sandbox.expand(commenting)
    assert f'index "t_a" is on public.t, which {moving.id} changes' in refusal(error.value)


def test_a_target_of_statistics_is_set_before_its_table_is_partitioned_or_after(sandbox: Sandbox) -> None:
    """Contract makes the statistics of the partitioned table as they were when that was planned."""
    sandbox.execute(f"{THERE}; CREATE STATISTICS s ON k, n FROM t")
    parting = (
        "-- migrator: partition = t_all FOR VALUES FROM (MINVALUE) TO (MAXVALUE)\n"
        "CREATE TABLE t (LIKE t) PARTITION BY RANGE (k)"
    )
    setting = "ALTER STATISTICS s SET STATISTICS 7"
    sandbox.execute("DROP VIEW seen; DROP VIEW named")
    for both in (f"{parting}; {setting}", f"{setting}; {parting}"):
        with pytest.raises(Refused) as error:
            sandbox.new("both", both)
        assert 'statistics "public.s" is on public.t, which is partitioned in this migration' in refusal(error.value)
    partitioning = sandbox.new("first", parting)
    sandbox.expand(partitioning)
    later = sandbox.new("second", setting)
    with pytest.raises(Refused) as error:
        sandbox.expand(later)
    assert f'statistics "public.s" is on public.t, which {partitioning.id} changes' in refusal(error.value)
    for migration in (partitioning, later):
        sandbox.finish(migration)
    assert sandbox.rows("SELECT stxstattarget FROM pg_statistic_ext WHERE stxname = 's'") == [(7,)]
