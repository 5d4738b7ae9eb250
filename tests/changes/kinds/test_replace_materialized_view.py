"""``replace_materialized_view``: made beside the old one, which it replaces at expand or at contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.planning import facts, planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import (
    MIGRATION,
    NOTHING,
    Column,
    Dependent,
    Phase,
    Relation,
    TableName,
    changes,
    drafts,
    index,
    plan,
    refusal,
    users,
)

TOTALS = TableName("public", "totals")
BY_NAME = index(
    "by_name", "name", definition="CREATE UNIQUE INDEX by_name ON public.totals USING btree (name)", is_unique=True
)
OLD = Relation(
    TOTALS, "materialized view", (Column("name", "text", settings=("SET STATISTICS 7",)), Column("n", "bigint")),
    indexes=(BY_NAME,),
)  # fmt: skip
MORE = "CREATE MATERIALIZED VIEW totals AS SELECT name, count(*) AS n, max(id) AS latest FROM users GROUP BY name"
LESS = "CREATE MATERIALIZED VIEW totals AS SELECT name FROM users"


def known(view: Relation = OLD):
    return replace(users(), relations={**users().relations, TOTALS: view})


def directive(phase: str, sql: str) -> str:
    return f"-- migrator: phase = {phase}\n{sql}"


def steps(sql: str, phase: Phase) -> list[tuple[str, str | None]]:
    return [(draft.id, draft.group) for draft in drafts(sql, phase, known())]


BESIDE = [
    ("create-totals", "beside-totals"),
    ("equip-totals", "beside-totals"),
    ("set-totals", "beside-totals"),
    ("fill-totals", None),
    ("index-by_name", None),
]
SWAP = [(f"{step}-{name}", "totals") for name in ("totals", "by_name") for step in ("aside", "swap")]
SWAP.append(("carry-over-totals", "totals"))
DROP = ("drop-totals", "totals")


def test_where_old_code_can_read_it_expand_ends_with_the_swap_and_contract_drops_the_old_one():
    sql = directive("expand", MORE)

    assert steps(sql, Phase.EXPAND) == [*BESIDE, *SWAP]
    assert steps(sql, Phase.CONTRACT) == [DROP]
    assert steps(sql, Phase.ROLLBACK) == [("fill-totals", None), *SWAP, DROP]


def test_elsewhere_contract_fills_it_again_and_swaps_in_the_transaction_that_drops_the_old_one():
    sql = directive("contract", LESS)

    assert steps(sql, Phase.EXPAND) == BESIDE
    assert steps(sql, Phase.CONTRACT) == [("fill-totals", None), *SWAP, DROP]
    assert steps(sql, Phase.ROLLBACK) == [DROP]


def test_what_rollback_drops_is_the_new_view_and_what_contract_drops_the_old_one():
    sql = directive("expand", MORE)
    new = drafts(sql, Phase.EXPAND, known())[0].sql.split()[3].removeprefix("public.")
    old = drafts(sql, Phase.CONTRACT, known())[0].sql.split()[-1].removeprefix("public.")

    renamed = [draft.sql for draft in drafts(sql, Phase.ROLLBACK, known()) if draft.sql.startswith("ALTER MAT")]

    assert renamed == [
        f"ALTER MATERIALIZED VIEW public.totals RENAME TO {new}",
        f"ALTER MATERIALIZED VIEW public.{old} RENAME TO totals",
    ]
    assert drafts(sql, Phase.ROLLBACK, known())[-1].sql == f"DROP MATERIALIZED VIEW public.{new}"
    assert drafts(sql, Phase.ROLLBACK, known())[0].sql == f"REFRESH MATERIALIZED VIEW public.{old}"


def test_indexes_are_those_of_the_old_one_where_they_lie():
    moved = known(replace(OLD, indexes=(replace(BY_NAME, tablespace="fast"),)))

    copied = drafts(directive("contract", LESS), Phase.EXPAND, moved)[-1].sql

    assert copied.startswith("CREATE UNIQUE INDEX CONCURRENTLY migrator_by_name_")
    assert copied.endswith("USING btree (name) TABLESPACE fast")


def test_a_change_given_as_a_table_is_the_same():
    (change,) = changes(directive("expand", MORE), known())

    assert spec_from(change.as_table(), "x") == (change.kind, change.spec)


def test_of_a_view_that_is_not_there_it_is_raw_sql():
    assert [each.kind.name for each in changes(directive("contract", MORE), users())] == ["raw_sql"]


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (directive("contract", MORE), NOTHING, "is not known without a database"),
        (directive("contract", MORE), known(replace(OLD, kind="view")), "is a view, not a materialized view"),
        (directive("backfill", MORE), known(), "in expand or in contract"),
        (directive("expand", LESS), known(), "keeps not all of its columns"),
        (directive("contract", f"{LESS} WITH NO DATA"), known(), "could not be read"),
        (directive("contract", LESS), known(replace(OLD, options=("fillfactor=70",))), "would be lost"),
        (directive("contract", LESS), known(replace(OLD, tablespace="fast")), 'is in tablespace "fast"'),
        (directive("contract", LESS), known(replace(OLD, users=("function f(totals)",))), "hold on to it"),
        (
            directive("contract", LESS),
            known(replace(OLD, dependents=(Dependent("statistics object", "public.s", "name"),))),
            "hold on to it",
        ),
        (directive("contract", LESS.replace("name", "*")), known(), "does not tell the names of its columns"),
        (directive("contract", LESS.replace("name", "id")), known(), "indexes that the new one cannot have"),
        (
            directive("contract", LESS),
            known(replace(OLD, indexes=(replace(BY_NAME, is_valid=False),))),
            "indexes that the new one cannot have",
        ),
        (
            directive("contract", LESS),
            known(replace(OLD, indexes=(replace(BY_NAME, is_clustered=True),))),
            "indexes that the new one cannot have",
        ),
    ],
)
def test_what_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


def test_an_index_that_came_since_expand_is_in_the_way_of_contract():
    found = changes(directive("contract", LESS), known())
    built = frozenset(
        draft.sql.split()[4] for draft in plan(directive("contract", LESS), known()).drafts[Phase.EXPAND][-1:]
    )
    with_more = known(replace(OLD, indexes=(BY_NAME, index("later", "n"))))

    planner.check_before_contract(found, migration=MIGRATION, level=7, schema=known(), built=built)
    with pytest.raises(Refused, match="had not at expand"):
        planner.check_before_contract(found, migration=MIGRATION, level=7, schema=with_more, built=built)


def test_what_the_new_one_is_given_is_noticed_when_it_changed_since_the_plan(session: Session):
    session.execute(
        "CREATE TABLE users (id bigint, name text); CREATE MATERIALIZED VIEW totals AS SELECT name FROM users"
    )
    before = read_schema(session, [(None, "users"), (None, "totals")])
    found = changes(directive("contract", LESS), before)
    session.execute("CREATE INDEX later ON totals (name)")

    (line,) = facts.differences(
        facts.facts_of(before, found), facts.facts_of(read_schema(session, [(None, "totals")]), found)
    )

    assert "indexes of materialized view" in line


@pytest.mark.parametrize(("expression", "retyped"), [("name", 0), ("id", 1), ("name || 'x'", 0)])
def test_a_column_of_another_type_is_found_before_expand(session: Session, expression: str, retyped: int):
    session.execute(
        "CREATE TABLE users (id bigint, name text); CREATE MATERIALIZED VIEW totals AS SELECT name FROM users"
    )
    known = read_schema(session, [(None, "users"), (None, "totals")])
    found = changes(
        directive("expand", f"CREATE MATERIALIZED VIEW totals AS SELECT {expression} AS name FROM users"), known
    )

    obstacles = planner.obstacles_of(found, migration=MIGRATION, level=7, schema=known)

    assert sum(session.one(each.count)[0] for _, each in obstacles if each.phase is Phase.EXPAND) == retyped
