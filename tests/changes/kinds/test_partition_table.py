"""``partition_table``: what cannot be carried over, or would stay with the old table unnoticed, is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.changes.registry import spec_from_words
from migrator.model.routines import Trigger
from migrator.model.schema import Schema, Sequence, TableName
from tests.changes.plans import Column, Constraint, Index, Phase, Relation, changes, drafts, plan, refusal, schema

T = TableName("public", "t")
ID = Column("id", "bigint", not_null=True, identity="always", sequence=Sequence("public.t_id_seq", "INCREMENT BY 2"))
AT = Column("at", "date", not_null=True)
KEY = Constraint("t_pkey", "primary key", ("id", "at"), "PRIMARY KEY (id, at)")
UNIQUE = "CREATE UNIQUE INDEX t_pkey ON public.t USING btree"
KEY_INDEX = Index("t_pkey", f"{UNIQUE} (id, at)", ("at", "id"), is_unique=True, is_primary=True, constraint="t_pkey")
BOUND = "-- migrator: partition = t_1 FOR VALUES FROM (MINVALUE) TO ('2027-01-01')\n"
SQL = BOUND + "CREATE TABLE t (LIKE t) PARTITION BY RANGE (at)"


def known(**facts: object) -> Schema:
    facts = {"columns": (ID, AT), "indexes": (KEY_INDEX,), "constraints": (KEY,), **facts}
    return schema(Relation(T, **facts), server_version=18)  # type: ignore[arg-type]


def trigger(text: str, **facts: str) -> Trigger:
    return Trigger("g", f"CREATE {text} EXECUTE FUNCTION public.f()", **facts)


def test_the_name_is_free_only_within_one_transaction():
    steps = drafts(SQL, Phase.CONTRACT, known())

    assert [step.id for step in steps] == [
        "rename-t", "rename-t_pkey", "create-t", "owner", "identity-id", "position-id", "drop-identity-id",
        "rename-sequence-id", "add-t_pkey", "attach-t_1", "drop-bound", "analyze",
    ]  # fmt: skip
    assert {step.group for step in steps[:-1]} == {"t"}
    assert "AS IDENTITY (SEQUENCE NAME" in steps[4].sql
    assert "INCREMENT BY 2" in steps[4].sql
    assert [step.id for step in drafts(SQL, Phase.EXPAND, known())] == ["add-bound", "validate-bound"]
    assert [step.undoes for step in drafts(SQL, Phase.ROLLBACK, known())] == ["add-bound"]


def test_the_default_partition_takes_every_row_and_needs_no_proof():
    sql = "-- migrator: partition = t_rest DEFAULT\nCREATE TABLE t (LIKE t) PARTITION BY RANGE (at, id)"

    assert drafts(sql, Phase.EXPAND, known()) == []
    assert "drop-bound" not in [step.id for step in drafts(sql, Phase.CONTRACT, known())]


def test_words_say_the_same():
    _, spec = spec_from_words(
        ["partition_table", "table=t", "by=RANGE (at)", "partition=t_1",
         "bound=FOR VALUES FROM (minvalue) TO ('2027-01-01')"], "here",
    )  # fmt: skip

    assert spec == changes(SQL, known())[0].spec


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (SQL.replace("(at)", "(nothing)"), 'column "nothing" of table "public.t" does not exist'),
        (SQL.replace("RANGE", "HASH"), "cannot be partitioned by HASH"),
        (SQL.replace("(at)", "(at, id)"), "no CHECK says beforehand what RANGE (at, id) asks"),
        (SQL.replace("(at)", '(at COLLATE "C")'), "a collation or operator class of its own"),
        (SQL.replace("(at)", "((at + 1))"), "unique keys of table"),
        (SQL.replace("(LIKE t)", "(at date)"), "its columns are written anew"),
        (SQL.replace("(LIKE t)", "(LIKE u)"), 'a new table is made like "u"'),
        (SQL.replace("t_1 FOR", "other.t_1 FOR"), "would be in a schema of its own"),
        (SQL.replace("FOR VALUES", "VALUES"), "syntax error"),
    ],
)
def test_what_is_written_is_refused(sql: str, said: str):
    with pytest.raises(Exception, match=said.replace("(", r"\(").replace(")", r"\)")):
        plan(sql, known())


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"indexes": (replace(KEY_INDEX, definition=f"{UNIQUE} (id) INCLUDE (at)"),)}, "constraint t_pkey"),
        ({"users": ("constraint k on table u", "rule _RETURN on view v")}, "rule _RETURN on view v: it would stay"),
        ({"is_published": True}, "a publication sends its changes"),
        ({"is_subscribed": True}, "a subscription writes it"),
        ({"has_row_security": True}, "row security is in force"),
        ({"inherits": True}, "takes part in inheritance"),
        ({"kind": "partitioned table"}, "is a partitioned table"),
        ({"constraints": (Constraint("x", "exclusion", (), ""),)}, "exclusion constraint x"),
        ({"constraints": (Constraint("c", "check", (), "CHECK (true)", is_valid=False),)}, "check c is not validated"),
        ({"constraints": (Constraint("c", "check", (), "CHECK (true) NO INHERIT"),)}, "check c is NO INHERIT"),
        ({"indexes": (replace(KEY_INDEX, is_valid=False),)}, "index t_pkey is invalid"),
        ({"own_triggers": (trigger("TRIGGER g BEFORE INSERT ON t FOR EACH ROW", enabled="D"),)}, "tgenabled D"),
        (
            {"own_triggers": (trigger("CONSTRAINT TRIGGER g AFTER INSERT ON t FOR EACH ROW"),)},
            "is a constraint trigger",
        ),
        (
            {"own_triggers": (trigger("TRIGGER g AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH ROW"),)},
            "transition tables for each row",
        ),
    ],
)
def test_what_hangs_on_the_table_is_refused(facts: dict[str, object], said: str):
    refused = refusal(SQL, known(**facts))

    assert said in f"{refused.message}\n{refused.detail}"


def test_it_needs_a_database():
    assert "not known without a database" in refusal(SQL).message


def test_a_directive_without_a_bound_says_how_it_is_written():
    refused = refusal("-- migrator: partition = old\nCREATE TABLE users (LIKE users) PARTITION BY RANGE (id)", known())

    assert refused.message == "not a name and the bound of a partition: old"
    assert refused.hint == "-- migrator: partition = orders_2026 FOR VALUES FROM (MINVALUE) TO ('2027-01-01')"
