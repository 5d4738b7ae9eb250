"""What is said of a type change is what the server does."""

from __future__ import annotations

import itertools

import pytest

from migrator.lint.catalog import Domain, TypeName, type_of
from migrator.lint.type_changes import Work, loses_data, seen_by_code, work_of, work_of_unknown
from migrator.postgres.session import ServerError, Session
from migrator.sql.parser import parse_script, unwrap

TYPES = [
    "smallint", "integer", "bigint", "numeric", "numeric(10, 2)", "numeric(12, 2)", "numeric(12, 3)", "real",
    "double precision", "text", "varchar", "varchar(10)", "varchar(20)", "char(5)", "char(6)", "boolean", "date",
    "timestamp", "timestamp(3)", "timestamp(6)", "timestamptz", "timestamptz(3)", "time", "time(2)", "interval",
    "interval(3)", "bit(3)", "varbit", "varbit(3)", "varbit(5)", "cidr", "inet", "xml", "json", "jsonb", "uuid", "oid",
    "bytea", "citext", "text[]", "varchar[]", "varchar(10)[]", "varchar(20)[]", "integer[]", "bigint[]", "mood",
    "short", "positive",
]  # fmt: skip
DOMAINS = {
    "short": Domain(TypeName("varchar", (10,)), constrained=False),
    "positive": Domain(TypeName("int4"), constrained=True),
}


def parsed(text: str) -> TypeName:
    (statement,) = parse_script(f"ALTER TABLE t ADD COLUMN a {text}").statements
    return type_of(unwrap(getattr(unwrap(statement.node.cmds[0]), "def")).type_name)


@pytest.fixture
def typed(session: Session) -> Session:
    session.execute("CREATE EXTENSION citext")
    session.execute("CREATE TYPE mood AS ENUM ('sad')")
    session.execute("CREATE DOMAIN short AS varchar(10)")
    session.execute("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    session.execute("SET timezone = 'Europe/Berlin'")
    return session


def test_every_pair_of_types_rewrites_table_and_index_exactly_when_the_server_does(typed: Session):
    wrong, without_old, compared = [], [], 0
    for old, new in itertools.product(TYPES, TYPES):
        if (seen := _done_by_server(typed, old, new)) is None:
            continue
        compared += 1
        rewritten, rebuilt = seen
        work = work_of(parsed(old), parsed(new), DOMAINS)
        if (work in (Work.REWRITE, Work.TIME_ZONE)) != rewritten or (work is not Work.NOTHING) != rebuilt:
            wrong.append((old, new, work, rewritten, rebuilt))
        said_so = work_of_unknown(parsed(new), DOMAINS) is Work.REWRITE
        if said_so and not rewritten and parsed(old) != parsed(new) and old not in DOMAINS:
            without_old.append((old, new))

    assert wrong == []
    assert without_old == []
    assert compared > len(TYPES) * 5


_FILES = "SELECT pg_relation_filenode('t') AS of_table, pg_relation_filenode('i') AS of_index"
_NOT_INDEXED = {"json", "xml"}


def _done_by_server(session: Session, old: str, new: str) -> tuple[bool, bool] | None:
    """Whether the table and an index on the column get new files; None if there is no assignment cast."""
    session.execute("BEGIN")
    session.execute(f"CREATE TABLE t (a {old}, b int)")
    indexed = "b" if {old, new} & _NOT_INDEXED else "a"
    session.execute(f"CREATE INDEX i ON t ({indexed})")
    before = session.one(_FILES)
    try:
        session.execute(f"ALTER TABLE t ALTER COLUMN a TYPE {new}")
    except ServerError:
        return None
    else:
        after = session.one(_FILES)
        return after.of_table != before.of_table, after.of_index != before.of_index
    finally:
        session.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("old", "new"),
    [("varchar(20)", "varchar(10)"), ("text", "varchar(9)"), ("bigint", "integer"), ("numeric(10, 2)", "numeric(9, 1)"),
     ("timestamptz", "date"), ("double precision", "real"), ("double precision", "integer")],
)  # fmt: skip
def test_narrowing_loses_data(old: str, new: str):
    assert loses_data(parsed(old), parsed(new))
    assert not loses_data(parsed(new), parsed(old))


def test_more_digits_on_both_sides_of_the_point_lose_nothing():
    assert not loses_data(parsed("numeric(10, 2)"), parsed("numeric(12, 3)"))
    assert loses_data(parsed("numeric(10, 2)"), parsed("numeric(10, 3)"))
    assert loses_data(parsed("json"), parsed("jsonb"))


def test_code_sees_another_type_but_not_a_wider_one_of_its_family():
    assert seen_by_code(parsed("int"), parsed("text")) == "different"
    assert seen_by_code(parsed("int"), parsed("bigint")) == "wider"
    assert seen_by_code(parsed("varchar(10)"), parsed("text")) == ""
    assert seen_by_code(parsed("text"), parsed("varchar(10)")) == "different"


def test_a_collation_rebuilds_indexes():
    plain, other = TypeName("text"), TypeName("text", collation="C")

    assert work_of(plain, other, {}) is Work.INDEXES
    assert work_of(TypeName("varchar", (5,)), other, {}) is Work.INDEXES
