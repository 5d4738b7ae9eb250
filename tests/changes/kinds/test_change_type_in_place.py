"""``change_type`` where the server only notes the new type: when, and what keeps it from it."""

from __future__ import annotations

import pytest

from migrator.changes.kind import Context
from migrator.changes.kinds.change_type import ChangeType
from migrator.changes.registry import spec_from_words
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Reference
from migrator.planning import phase_file
from tests.changes.plans import (
    ID,
    MIGRATION,
    Column,
    Constraint,
    Dependent,
    TableName,
    changes,
    drafts,
    index,
    plan,
    refusal,
    statements,
    users,
)


def known(type_name: str = "character varying(10)", **facts: object):
    column = {name: facts.pop(name) for name in ("collation", "default") if name in facts}
    return users(ID, Column("name", type_name, **column), **facts)  # type: ignore[arg-type]


def retyped(type_name: str) -> str:
    return f"ALTER TABLE users ALTER COLUMN name TYPE {type_name}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("character varying(10)", "varchar(20)"),
        ("character varying(10)", "varchar"),
        ("character varying(10)", "text"),
        ("character varying", "text"),
        ("text", "varchar"),
        ("numeric(6,2)", "numeric(8,2)"),
        ("numeric(6,2)", "numeric"),
        ("numeric(6,0)", "numeric(8)"),
    ],
)
def test_a_wider_type_is_one_statement_of_contract(old: str, new: str):
    schema = known(old, default="'x'", indexes=(index("i", "name", "id"), index("u", "name", is_unique=True)))

    planned = plan(retyped(new), schema)

    assert {phase: len(found) for phase, found in planned.drafts.items() if found} == {Phase.CONTRACT: 1}
    assert "in place" in planned.notes[0]


def test_the_file_says_that_nothing_is_rewritten_and_is_read_so():
    text = phase_file.write(
        drafts(retyped("text"), Phase.CONTRACT, known()), migration="m", level=1, phase=Phase.CONTRACT
    )
    (step,) = phase_file.read(text, phase=Phase.CONTRACT, name="contract.sql")

    assert "reads and writes wait, for a moment" in text
    assert not step.effects.rewrites_table
    (other,) = phase_file.read(text.replace("for a moment", "?"), phase=Phase.CONTRACT, name="contract.sql")
    assert other.effects.rewrites_table


CHECK = Constraint("c", "check", ("name",), "CHECK (name <> '')")
FOREIGN = Constraint("f", "foreign key", ("name",), "FOREIGN KEY (name) REFERENCES public.t(name)")
POINTING = Reference("r", TableName("public", "t"), ("name",), "FOREIGN KEY (n) REFERENCES public.users(name)")
PARTIAL = index("p", "name", definition="CREATE INDEX p ON public.users (id) WHERE name IS NOT NULL")
COMPUTED = index("e", "name", definition="CREATE INDEX e ON public.users (lower(name))")


@pytest.mark.parametrize(
    ("schema", "new"),
    [
        (known(), "varchar(9)"),
        (known("text"), "varchar(9)"),
        (known("integer"), "bigint"),
        (known("numeric(6,2)"), "numeric(8,3)"),
        (known("numeric(6,2)"), "numeric(5,2)"),
        (known("numeric(6,2)"), "text"),
        (known(collation='pg_catalog."C"'), "varchar(20)"),
        (known(), 'varchar(20) COLLATE "C"'),
        (known(), "varchar(20) USING lower(name)"),
        (known(constraints=(CHECK,)), "varchar(20)"),
        (known(constraints=(FOREIGN,)), "varchar(20)"),
        (known(references=(POINTING,)), "varchar(20)"),
        (known(indexes=(PARTIAL,)), "varchar(20)"),
        (known(indexes=(COMPUTED,)), "varchar(20)"),
    ],
)
def test_whatever_makes_the_server_read_or_write_rows_goes_by_a_new_column(schema, new: str):
    assert any(" ADD COLUMN " in sql for sql in statements(retyped(new), Phase.EXPAND, schema))


def test_a_view_is_refused_in_place_too():
    assert (
        "does not change the type under"
        in refusal(retyped("text"), known(dependents=(Dependent("view", "public.v", "name"),))).message
    )


def test_what_came_to_be_since_is_refused_before_contract():
    (change,) = changes(retyped("text"), known())

    with pytest.raises(Refused, match="index e is over an expression"):
        ChangeType().before_contract(change.spec, Context(MIGRATION, 7, known(indexes=(COMPUTED,))))


def test_words_may_ask_for_it_and_are_held_to_it():
    words = ["change_type", "table=users", "column=name", "in_place=true"]
    kind, spec = spec_from_words([*words, "type=text"], "--change")

    assert len(list(kind.contract(spec, Context(MIGRATION, 7, known())))) == 1
    _, narrower = spec_from_words([*words, "type=varchar(3)"], "--change")
    with pytest.raises(Refused, match="may not fit"):
        list(kind.validate(narrower, Context(MIGRATION, 7, known())))
