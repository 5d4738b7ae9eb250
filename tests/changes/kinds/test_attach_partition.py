"""``attach_partition``: indexes, proof, attachment; and what would make others wait is refused."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from_words
from migrator.model.schema import Partition, Schema
from tests.changes.plans import (
    Column,
    Constraint,
    Index,
    Phase,
    Relation,
    TableName,
    changes,
    drafts,
    plan,
    refusal,
    schema,
    statements,
)

PARENT, PART = TableName("public", "t"), TableName("app", "p")
A = Column("a", "integer", not_null=True)
SQL = "ALTER TABLE t ATTACH PARTITION app.p FOR VALUES FROM (1) TO (10)"
KEY = Constraint("k", "primary key", ("a",), "PRIMARY KEY (a)")
ON_PARENT = Index("t_a", "CREATE INDEX t_a ON ONLY public.t USING btree (a) WHERE (a > 0)", ("a",))
ON_PART = Index("p_a", "CREATE INDEX p_a ON app.p USING btree (a) WHERE (a > 0)", ("a",))


def known(key: str = "RANGE (a)", part: tuple[Column, ...] = (A,), **facts: object) -> Schema:
    of_part = {name.removeprefix("part_"): facts.pop(name) for name in list(facts) if name.startswith("part_")}
    version = facts.pop("server_version", 18)
    parent = Relation(PARENT, kind="partitioned table", columns=(A,), partition_key=key, **facts)  # type: ignore[arg-type]
    return schema(parent, Relation(PART, columns=part, **of_part), server_version=version)  # type: ignore[arg-type]


def test_proof_is_given_before_and_goes_with_the_attachment():
    steps = drafts(SQL, Phase.EXPAND, known())

    assert [step.id for step in steps] == ["add-bound", "validate-bound", "attach-p", "drop-bound"]
    assert [step.group for step in steps] == ["bound-t", None, "t", "t"]
    assert "CHECK (a IS NOT NULL AND a >= CAST(1 AS integer) AND a < CAST(10 AS integer)) NOT VALID" in steps[0].sql
    assert statements(SQL, Phase.CONTRACT, known()) == []


def test_the_default_partition_is_shown_to_hold_no_such_row():
    default = Partition(TableName("public", "rest"), "DEFAULT")

    steps = drafts(SQL, Phase.EXPAND, known(partitions=(default,)))

    assert [step.id for step in steps][2:4] == ["add-default", "validate-default"]
    assert "ALTER TABLE public.rest ADD CONSTRAINT" in steps[2].sql
    assert "CHECK (NOT (a IS NOT NULL" in steps[2].sql
    assert "inserts of rows of its bound fail" in plan(SQL, known(partitions=(default,))).notes[0]


def test_an_index_that_is_missing_is_built_before_and_dropped_by_rollback():
    schema_ = known(indexes=(ON_PARENT,))

    assert statements(SQL, Phase.EXPAND, schema_)[0] == (
        "CREATE INDEX CONCURRENTLY p_a_idx ON app.p USING btree (a) WHERE a > 0"
    )
    assert statements(SQL, Phase.ROLLBACK, schema_)[-1] == "DROP INDEX CONCURRENTLY IF EXISTS app.p_a_idx"
    assert len(drafts(SQL, Phase.EXPAND, known(indexes=(ON_PARENT,), part_indexes=(ON_PART,)))) == 4


@pytest.mark.parametrize(
    ("text", "schema_", "reason"),
    [
        (SQL, known("RANGE (a, b)"), "would look at every row while others wait"),
        (SQL.replace("FROM (1) TO (10)", "WITH (MODULUS 2, REMAINDER 0)"), known("HASH (a)"), "every row"),
        (SQL.replace("FOR VALUES FROM (1) TO (10)", "DEFAULT"), known(), "every row"),
        (SQL, known(part=(Column("a", "bigint", not_null=True),)), "is not as"),
        (SQL, known(part=(Column("a", "integer"),)), "is not as"),
        (SQL, known(part=(A, Column("b", "text"))), "is not as"),
        (SQL, known(constraints=(KEY,)), "is not as"),
        (SQL, known(part=(Column("a", "integer", not_null=True, identity="always"),)), "is not as"),
        (SQL, known(part_kind="partition"), "not an ordinary table"),
        (SQL.replace("TABLE t", "TABLE app.p").replace("PARTITION app.p", "PARTITION t"), known(), "not a partitioned"),
        (SQL, Schema(), "not known without a database"),
        (f"CREATE INDEX ON t (a); {SQL}", known(), "this migration makes an index"),
    ],
)
def test_what_would_make_others_wait_is_refused(text: str, schema_: Schema, reason: str):
    assert reason in refusal(text, schema_).message


def test_an_index_may_be_made_behind_it():
    assert [each.id for each in drafts(f"{SQL}; CREATE INDEX ON t (a)", Phase.EXPAND, known())][-1] == "index-t_a_idx"


def test_a_key_that_is_there_is_enough():
    assert len(drafts(SQL, Phase.EXPAND, known(constraints=(KEY,), part_constraints=(KEY,)))) == 4


def test_the_statement_and_the_words_say_the_same():
    (change,) = changes(SQL, known())

    kind, spec = spec_from_words(
        ["attach_partition", "table=t", "partition=p", "partition_schema=app", "bound=FOR VALUES FROM (1) TO (10)"], ""
    )

    assert (kind, spec) == (change.kind, change.spec)
