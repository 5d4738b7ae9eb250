"""``raw_sql``: any statement, in the phase its author says, undone by what its author says."""

from __future__ import annotations

import pytest

from migrator.planning import phase_file
from tests.changes.plans import Phase, changes, drafts, plan, refusal, statements, users

STATISTICS = "CREATE STATISTICS s ON id, name FROM users"


def test_expand_runs_it_and_rollback_what_undoes_it():
    sql = f"-- migrator: phase = expand\n-- migrator: undo = DROP STATISTICS s\n{STATISTICS}"

    (step,) = drafts(sql, Phase.EXPAND)
    (undo,) = drafts(sql, Phase.ROLLBACK)

    assert (step.sql, step.group) == (STATISTICS, step.id)
    assert (undo.sql, undo.undoes) == ("DROP STATISTICS s", step.id)
    assert statements(sql, Phase.CONTRACT) == []


def test_contract_runs_it_and_nothing_undoes_it():
    sql = "-- migrator: phase = contract\nDROP RULE r ON users"

    assert statements(sql, Phase.CONTRACT) == ["DROP RULE r ON users"]
    assert statements(sql, Phase.EXPAND) == statements(sql, Phase.ROLLBACK) == []


def test_a_backfill_is_batched_and_may_say_what_is_wrong():
    sql = "-- migrator: phase = backfill\n-- migrator: verify = name = ''\nUPDATE users SET name = 'x' WHERE name = ''"

    (step,) = drafts(sql, Phase.BACKFILL)

    assert (step.verify, step.group) == ("name = ''", None)


def test_a_backfill_may_say_which_key_its_batches_go_by():
    insert = "INSERT INTO copies (id, region) SELECT seen.id, seen.region FROM seen ON CONFLICT (id) DO NOTHING"
    sql = f'-- migrator: phase = backfill\n-- migrator: key = region, "Order"\n{insert}'

    (step,) = drafts(sql, Phase.BACKFILL)
    (read,) = phase_file.read(
        phase_file.write([step], migration="m", level=1, phase=Phase.BACKFILL),
        phase=Phase.BACKFILL,
        name="backfill.sql",
    )

    assert step.key == read.key == ("region", "Order")
    assert changes(sql)[0].as_table()["key"] == ["region", "Order"]


@pytest.mark.parametrize(
    ("directives", "statement", "alone"),
    [
        ("", STATISTICS, False),
        ("-- migrator: transaction = false\n", STATISTICS, True),
        ("", "VACUUM users", True),
        ("", "ALTER TABLE users ATTACH PARTITION p FOR VALUES IN (1)", False),
        ("", "ALTER TABLE users DETACH PARTITION p CONCURRENTLY", True),
    ],
)
def test_what_cannot_run_in_a_transaction_runs_alone(directives: str, statement: str, alone: bool):
    sql = f"-- migrator: phase = expand\n-- migrator: undo = none\n{directives}{statement}"

    (step,) = drafts(sql, Phase.EXPAND)

    assert (step.group is None) is alone
    assert plan(sql).notes[0].startswith("nothing undoes this statement in rollback: ")


def test_it_relies_on_the_tables_it_mentions():
    (change,) = changes("-- migrator: phase = contract\nCREATE POLICY p ON app.users USING (true)")

    assert [str(table) for table in change.kind.touched(change.spec)] == ["app.users"]


def test_a_kind_that_knows_a_statement_comes_first():
    (change,) = changes("-- migrator: phase = expand\nALTER TABLE users ALTER name SET DEFAULT ''", users())

    assert change.kind.name == "set_default"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (f"-- migrator: phase = expand\n{STATISTICS}", "nothing says what undoes this statement"),
        (f"-- migrator: phase = rollback\n{STATISTICS}", "phase = rollback: there are expand, backfill, contract"),
        (
            f"-- migrator: phase = contract\n-- migrator: undo = none\n{STATISTICS}",
            "only what runs in expand is undone",
        ),
        (f"-- migrator: phase = contract\n-- migrator: verify = true\n{STATISTICS}", "only a backfill is verified"),
        (f"-- migrator: phase = contract\n-- migrator: key = id\n{STATISTICS}", "only a backfill goes by a key"),
        (f"-- migrator: phase = backfill\n-- migrator: key = id + 1\n{STATISTICS}", "not a list of columns: id + 1"),
        (f"-- migrator: phase = contract\n-- migrator: transaction = no\n{STATISTICS}", "it is true or false"),
        (f"-- migrator: phase = expand\n-- migrator: undo = SELECT 1; SELECT 2\n{STATISTICS}", "not one statement"),
        (f"-- migrator: phase = expand\n-- migrator: undo = COMMIT\n{STATISTICS}", "COMMIT changes the session"),
        ("-- migrator: phase = expand\n-- migrator: undo = none\nSET ROLE x", "SET changes the session"),
    ],
)
def test_what_is_not_said_clearly_is_refused(sql: str, reason: str):
    assert reason in refusal(sql).message
