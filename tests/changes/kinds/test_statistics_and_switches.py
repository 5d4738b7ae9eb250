"""Statistics, validation, triggers and policies: each is made, switched or renamed when old code can bear it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.kind import Context
from migrator.model.objects import Objects, StatisticsFacts
from migrator.model.routines import Trigger
from migrator.model.schema import Policy
from migrator.planning import planner
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    ID,
    MIGRATION,
    NAME,
    NOTHING,
    Constraint,
    Phase,
    changes,
    plan,
    refusal,
    statements,
    users,
)

FIRES = "CREATE TRIGGER {} BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.f()"
CONSTRAINTS = (
    Constraint("open", "check", ("name",), "CHECK ((name <> ''::text)) NOT VALID", is_valid=False),
    Constraint(
        "known", "foreign key", ("id",), "FOREIGN KEY (id) REFERENCES public.others(key) NOT VALID", is_valid=False
    ),
    Constraint("there", "not null", ("name",), "NOT NULL name NOT VALID", is_valid=False),
    Constraint("valid", "check", ("name",), "CHECK ((name <> ''::text))"),
    Constraint("loose", "check", ("name",), "CHECK ((name <> ''::text)) NOT ENFORCED", is_valid=False),
)
KNOWN = replace(
    users(
        ID,
        NAME,
        constraints=CONSTRAINTS,
        own_triggers=(
            Trigger("a", FIRES.format("a")),
            Trigger("b", FIRES.format("b"), "D"),
            Trigger("c", FIRES.format("c"), "R"),
        ),
        policies=(Policy("own"), Policy("never", False)),
    ),
    objects=Objects(statistics={("public", "s"): StatisticsFacts(("public", "users"), 30)}),
)
ORPHANS = (
    "SELECT count(*) FROM public.users AS child WHERE NOT EXISTS ( SELECT FROM public.others AS parent"
    " WHERE true AND parent.key = child.id ) AND child.id IS NOT NULL"
)
AT_EXPAND, AT_CONTRACT = "-- migrator: phase = expand\n", "-- migrator: phase = contract\n"


def test_statistics_are_made_at_expand_and_dropped_at_contract():
    made = "CREATE STATISTICS t ON id, name FROM users"

    assert statements(made, Phase.EXPAND, KNOWN) == ["CREATE STATISTICS public.t ON id, name FROM public.users"]
    assert statements(made, Phase.ROLLBACK, KNOWN) == ["DROP STATISTICS public.t"]
    assert statements("DROP STATISTICS s", Phase.EXPAND, KNOWN) == []
    assert statements("DROP STATISTICS s", Phase.CONTRACT, KNOWN) == ["DROP STATISTICS public.s"]
    target = "ALTER STATISTICS s SET STATISTICS {}"
    assert statements(target.format(-1), Phase.EXPAND, KNOWN) == ["ALTER STATISTICS public.s SET STATISTICS -1"]
    assert statements(target.format(5), Phase.ROLLBACK, KNOWN) == ["ALTER STATISTICS public.s SET STATISTICS 30"]


def test_statistics_may_be_about_a_column_of_the_same_migration():
    sql = "ALTER TABLE users ADD COLUMN city text; CREATE STATISTICS t ON city, name FROM users"

    assert len(statements(sql, Phase.EXPAND, KNOWN)) == 2
    assert statements(sql, Phase.ROLLBACK, KNOWN)[0] == "DROP STATISTICS public.t"


@pytest.mark.parametrize(
    ("constraint", "count"),
    [
        ("open", "SELECT count(*) FROM public.users WHERE NOT (name <> ''::text)"),
        ("there", "SELECT count(*) FROM public.users WHERE NOT (name IS NOT NULL)"),
        (
            "known",
            ORPHANS,
        ),
    ],
)
def test_rows_that_violate_a_constraint_are_counted_before_it_is_validated(constraint: str, count: str):
    sql = f"ALTER TABLE users VALIDATE CONSTRAINT {constraint}"
    (change,) = changes(sql, KNOWN)

    (obstacle,) = change.kind.obstacles(change.spec, Context(MIGRATION, 7, KNOWN))
    assert (" ".join(obstacle.count.split()), obstacle.phase) == (count, Phase.EXPAND)
    assert statements(sql, Phase.EXPAND, KNOWN) == [f"ALTER TABLE public.users VALIDATE CONSTRAINT {constraint}"]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == []


def test_what_is_valid_already_after_a_rollback_is_no_reason_to_refuse():
    planned = plan("ALTER TABLE users VALIDATE CONSTRAINT valid", KNOWN)

    assert "constraint valid of users is valid already" in planned.notes


@pytest.mark.parametrize(
    ("how", "trigger", "expand", "undo", "contract"),
    [
        ("DISABLE", "a", [], [], ["DISABLE"]),
        ("ENABLE REPLICA", "a", [], [], ["ENABLE REPLICA"]),
        ("ENABLE ALWAYS", "a", ["ENABLE ALWAYS"], ["ENABLE"], []),
        ("ENABLE REPLICA", "b", ["ENABLE REPLICA"], ["DISABLE"], []),
        (f"{AT_EXPAND}DISABLE", "a", ["DISABLE"], ["ENABLE"], []),
        (f"{AT_EXPAND}ENABLE", "c", ["ENABLE"], ["ENABLE REPLICA"], []),
        (f"{AT_CONTRACT}ENABLE ALWAYS", "b", [], [], ["ENABLE ALWAYS"]),
    ],
)
def test_triggers_are_switched_when_old_code_can_live_with_it(
    how: str, trigger: str, expand: list[str], undo: list[str], contract: list[str]
):
    *directive, switch = how.split("\n")
    sql = "\n".join([*directive, f"ALTER TABLE users {switch} TRIGGER {trigger}"])

    for phase, wanted in ((Phase.EXPAND, expand), (Phase.ROLLBACK, undo), (Phase.CONTRACT, contract)):
        assert statements(sql, phase, KNOWN) == [
            f"ALTER TABLE public.users {each} TRIGGER {trigger}" for each in wanted
        ]


def test_names_that_old_code_may_know_change_at_contract():
    trigger, policy = "ALTER TRIGGER a ON {}users RENAME TO d", "ALTER POLICY own ON {}users RENAME TO mine"

    for sql in (trigger, policy):
        assert statements(sql.format(""), Phase.CONTRACT, KNOWN) == [sql.format("public.")]
        assert statements(sql.format(""), Phase.EXPAND, KNOWN) == []


def test_a_note_tells_which_triggers_fire_in_another_order():
    planned = plan("ALTER TRIGGER a ON users RENAME TO bb", KNOWN)

    assert [note for note in planned.notes if "another order" in note] == [
        "from contract on trigger bb of users fires in another order with b: triggers fire by their names"
    ]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE STATISTICS s ON id, name FROM users", "exist already"),
        ("CREATE STATISTICS t ON id, missing FROM users", 'column "missing"'),
        ("CREATE STATISTICS ON id, name FROM users", "without a name"),
        ("DROP STATISTICS missing", "do not exist"),
        ("ALTER STATISTICS missing SET STATISTICS 5", "do not exist"),
        ("ALTER STATISTICS s SET STATISTICS 20000", "a number from 0 to 10000"),
        ("CREATE STATISTICS t ON id, name FROM users; DROP STATISTICS t", "created by this migration"),
        ("ALTER TABLE users VALIDATE CONSTRAINT loose", "NOT ENFORCED"),
        ("ALTER TABLE users VALIDATE CONSTRAINT missing", "does not exist"),
        ("ALTER TABLE users ENABLE TRIGGER b", "nobody but you knows"),
        ("ALTER TABLE users ENABLE TRIGGER a", "is enabled already"),
        ("ALTER TABLE users DISABLE TRIGGER missing", 'no trigger "missing"'),
        ("ALTER TABLE users DISABLE TRIGGER ALL", "ALL and USER"),
        ("ALTER TABLE users DISABLE TRIGGER zzz_migrator_0", "keeps two shapes in step"),
        ("ALTER TRIGGER a ON users RENAME TO b", "exists already"),
        ("ALTER TRIGGER missing ON users RENAME TO d", 'no trigger "missing"'),
        ("ALTER TRIGGER a ON users RENAME TO zzzz", "would fire after those"),
        ("ALTER TRIGGER a ON users RENAME TO zzz_migrator_1", "keep two shapes in step"),
        ("ALTER POLICY own ON users RENAME TO never", "exists already"),
        ("ALTER POLICY missing ON users RENAME TO d", "missing"),
    ],
)
def test_refused(sql: str, reason: str):
    assert reason in refusal(sql, KNOWN).message


@pytest.mark.parametrize("sql", ["ALTER STATISTICS s SET STATISTICS 5", "ALTER TABLE users DISABLE TRIGGER a"])
def test_without_a_database_nothing_is_guessed(sql: str):
    assert "not known without a database" in refusal(sql, NOTHING).message


def test_the_server_is_asked_before_whether_it_takes_them(session: Session):
    session.execute("CREATE TABLE users (id integer, name text, shape point)")
    known = read_schema(session, [("public", "users")])

    def objections(sql: str) -> list[str | None]:
        expressions = planner.expressions_of(changes(sql, known), migration=MIGRATION, level=7, schema=known)
        return [objection_to(session, each.query, each.search_path, each.sample, each.trial) for _, each in expressions]

    assert objections("CREATE STATISTICS t (mcv) ON id, (lower(name)) FROM users") == [None]
    assert "point" in str(objections("CREATE STATISTICS t ON id, shape FROM users")[0])
