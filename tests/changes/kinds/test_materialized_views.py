"""``create_materialized_view`` and ``refresh_materialized_view``: filled and refreshed while others go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.registry import spec_from, spec_from_words
from tests.changes.plans import (
    NOTHING,
    USERS,
    Column,
    Phase,
    Relation,
    TableName,
    changes,
    drafts,
    index,
    plan,
    refusal,
    statements,
    users,
)

CREATE = "CREATE MATERIALIZED VIEW totals AS SELECT name, count(*) AS n FROM users GROUP BY name"
REFRESH = "REFRESH MATERIALIZED VIEW totals"
TOTALS = TableName("public", "totals")
BY_NAME = index(
    "by_name", "name", definition="CREATE UNIQUE INDEX by_name ON public.totals USING btree (name)", is_unique=True
)


def known(*indexes, kind: str = "materialized view"):
    view = Relation(TOTALS, kind, (Column("name", "text"), Column("n", "bigint")), indexes=indexes)
    return replace(users(), relations={**users().relations, TOTALS: view})


def test_it_is_made_empty_and_filled_apart_from_that_so_that_filling_can_be_begun_anew():
    create, fill = drafts(CREATE, Phase.EXPAND, users())

    assert create.sql.endswith("FROM public.users GROUP BY name  WITH NO DATA")
    assert (create.group, fill.group) == ("totals", None)
    assert fill.sql == "REFRESH MATERIALIZED VIEW public.totals"
    assert statements(CREATE, Phase.CONTRACT, users()) == []
    assert statements(CREATE, Phase.ROLLBACK, users()) == ["DROP MATERIALIZED VIEW public.totals"]


def test_what_is_to_be_empty_is_not_filled():
    assert len(statements(f"{CREATE} WITH NO DATA", Phase.EXPAND, users())) == 1


def test_what_is_written_behind_it_is_of_the_same_migration():
    sql = f"{CREATE}; CREATE UNIQUE INDEX by_name ON totals (name); GRANT SELECT ON totals TO PUBLIC"

    assert [draft.id for draft in drafts(sql, Phase.EXPAND, users())] == [
        "create-totals",
        "fill-totals",
        "index-by_name",
        "grant-totals",
    ]
    assert statements(sql, Phase.ROLLBACK, users()) == ["DROP MATERIALIZED VIEW public.totals"]
    assert set(plan(sql, users()).touched) == {USERS, TOTALS}


def test_a_change_given_as_words_or_as_a_table_is_the_same():
    (change,) = changes(CREATE, users())
    words = ["create_materialized_view", "view=totals", f"definition={change.spec.definition}"]

    assert spec_from(change.as_table(), "x") == spec_from_words(words, "words") == (change.kind, change.spec)


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        (CREATE, known(), 'materialized view "public.totals" exists already'),
        (CREATE, known(kind="table"), 'table "public.totals" exists already'),
        (CREATE.replace("users", "persons"), users(), 'reads, does not exist'),
        (CREATE.replace("VIEW", "VIEW IF NOT EXISTS"), users(), "IF NOT EXISTS would leave"),
        (f"{CREATE}; {CREATE}", users(), "created twice"),
        (f"ALTER TABLE users RENAME name TO full_name; {CREATE}", users(), "a column of which this migration renames"),
        (f"{CREATE}; {REFRESH}", users(), "which fills it"),
        (REFRESH, NOTHING, "not known without a database"),
        (REFRESH, users(), "does not exist"),
        (REFRESH, known(kind="view"), "is a view"),
        (REFRESH, known(), "no unique index"),
        (REFRESH, known(replace(BY_NAME, is_unique=False)), "no unique index"),
        (REFRESH, known(replace(BY_NAME, is_valid=False)), "no unique index"),
        (REFRESH, known(replace(BY_NAME, definition=f"{BY_NAME.definition} WHERE n > 0")), "no unique index"),
        (REFRESH, known(replace(BY_NAME, definition="CREATE UNIQUE INDEX i ON t (lower(a))")), "no unique index"),
        (f"{REFRESH} WITH NO DATA", known(BY_NAME), "takes the rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sql: str, facts, reason: str):
    assert reason in str(refusal(sql, facts)) + str(refusal(sql, facts).detail)


def test_a_refresh_lets_readers_go_on():
    assert statements(REFRESH, Phase.EXPAND, known(BY_NAME)) == ["REFRESH MATERIALIZED VIEW CONCURRENTLY public.totals"]
    assert statements(REFRESH, Phase.ROLLBACK, known(BY_NAME)) == []


def test_indexes_of_one_that_is_there_are_made_and_dropped_as_those_of_tables_but_unique_ones_before_contract():
    sql = "CREATE UNIQUE INDEX other ON totals (n)"

    assert statements(sql, Phase.CONTRACT, known()) == []
    assert statements(sql, Phase.EXPAND, known()) == [
        "CREATE UNIQUE INDEX CONCURRENTLY other ON public.totals USING btree (n)"
    ]
    assert statements(sql, Phase.ROLLBACK, known()) == ["DROP INDEX CONCURRENTLY IF EXISTS public.other"]
    assert plan(sql, known()).notes == (
        "refreshing totals fails from here on where its query yields duplicates for other",
    )
    assert statements("DROP INDEX by_name", Phase.CONTRACT, known(BY_NAME)) == [
        "DROP INDEX CONCURRENTLY IF EXISTS public.by_name"
    ]
    assert statements("REINDEX INDEX by_name", Phase.EXPAND, known(BY_NAME))
    assert statements("ALTER INDEX by_name RENAME TO named", Phase.EXPAND, known(BY_NAME))
