"""What a manifest counts, held against what SQLAlchemy really sends: no statement needs a column that is not in it."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, column, create_engine, insert, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, column_property, mapped_column, undefer

from migrator.errors import UsageError
from migrator.integrations.sqlalchemy.mapping import manifest_of
from migrator.model.manifest import Manifest
from tests.integrations.sqlalchemy import shop


@pytest.fixture
def engine(database_url: str) -> Engine:
    made = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:", 1))
    with made.begin() as connection:
        connection.execute(text("CREATE SCHEMA people"))
        shop.Base.metadata.create_all(connection)
    yield made
    made.dispose()


@pytest.fixture
def manifest() -> Manifest:
    return manifest_of(shop.Base, models="shop:Base")


def names(manifest: Manifest, schema: str, table: str) -> set[str]:
    used = manifest.table(schema, table)
    assert used is not None
    return {each.name for each in used.columns}


def everything_the_models_do(engine: Engine) -> None:
    with Session(engine) as session:
        team = shop.Team(name="reds")
        person = shop.Person(given="Ada", family="Byron", biography="x", teams=[team])
        session.add_all([person, shop.Employee(given="Bob", salary=1.5, teams=[team])])
        session.flush()
        team.name, person.given = "blues", "Augusta"
        session.flush()
        session.expire_all()
        found = session.scalars(select(shop.Person).options(undefer(shop.Person.biography))).all()
        assert [each.teams[0].size for each in found] == [2, 2]
        assert session.scalars(select(shop.Person.full_name).where(shop.Person.family == "x")).all() == []
        session.execute(insert(shop.counter).values(name="a", value=1))
        session.execute(select(shop.counter)).all()
        if shop.HAS_UNMAPPED:
            note = shop.Note(text="a")
            session.add(note)
            session.flush()
            session.refresh(note)
            session.delete(note)
        session.delete(person)
        session.commit()


def test_nothing_else_is_needed_once_every_other_column_is_dropped(engine: Engine, manifest: Manifest) -> None:
    dropped = []
    with engine.begin() as connection:
        for table in shop.Base.metadata.tables.values():
            for each in table.columns:
                if not manifest.uses(table.schema or "public", table.name, each.name):
                    connection.execute(text(f"ALTER TABLE {table.fullname} DROP COLUMN {each.name}"))
                    dropped.append(f"{table.name}.{each.name}")
    assert sorted(dropped) == (["note.legacy"] if shop.HAS_UNMAPPED else []) + ["team.motto"]
    everything_the_models_do(engine)


@pytest.mark.parametrize(
    ("table", "name"),
    [("people.person", "biography"), ("people.person", "length"), ("team", "touched"), ("employee", "salary")],
)
def test_what_is_counted_is_needed(engine: Engine, manifest: Manifest, table: str, name: str) -> None:
    schema, _, bare = table.rpartition(".")
    assert name in names(manifest, schema or "public", bare)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))
    with pytest.raises(ProgrammingError, match=name):
        everything_the_models_do(engine)


def test_how_a_column_is_used(manifest: Manifest) -> None:
    person = manifest.table("people", "person")
    assert person is not None
    assert person.inserts
    used = {each.name: each for each in person.columns}
    assert (used["given_name"].reads, used["given_name"].writes, used["given_name"].type) == (True, True, "VARCHAR(40)")
    assert (used["biography"].reads, used["biography"].writes, used["biography"].deferred) == (False, True, True)
    assert (used["length"].reads, used["length"].writes) == (True, False)
    assert not used["id"].writes
    assert (used["family"].takes_null, used["given_name"].takes_null) == (True, False)


def test_a_default_in_python_of_a_column_that_is_not_mapped_is_noted(manifest: Manifest) -> None:
    assert [note.split()[0] for note in manifest.notes] == ["team.touched"]


def test_a_schema_that_the_models_do_not_name_can_be_given() -> None:
    manifest = manifest_of(shop.Base, models="shop:Base", schema="tenant")
    assert {str(table) for table in manifest.tables} >= {"tenant.team", "people.person"}


def test_of_a_metadata_alone_every_column_counts() -> None:
    metadata = MetaData()
    Table("thing", metadata, Column("id", Integer), Column("other", Integer))
    assert names(manifest_of(metadata, models="x"), "public", "thing") == {"id", "other"}


def test_a_class_of_a_query_reads_what_the_query_names() -> None:
    class Base(DeclarativeBase):
        pass

    source = Table("source", MetaData(), Column("a", Integer), Column("b", Integer), Column("c", Integer))
    query = select(source.c.a).where(source.c.b > 0).subquery()

    class Row(Base):
        __table__ = query
        __mapper_args__ = {"primary_key": [query.c.a]}  # noqa: RUF012 - as applications write it

    used = manifest_of(Base, models="x").table("public", "source")
    assert used is not None
    assert ({each.name for each in used.columns}, used.inserts) == ({"a", "b"}, False)
    assert not any(each.writes for each in used.columns)


def test_text_in_a_mapping_is_not_seen_and_said() -> None:
    class Base(DeclarativeBase):
        pass

    class Thing(Base):
        __tablename__ = "thing"
        id: Mapped[int] = mapped_column(primary_key=True)
        other: Mapped[int] = column_property(select(text("x")).select_from(text("y")).scalar_subquery())

    manifest = manifest_of(Base, models="x")
    assert "Thing.other has a part that is written as text" in [
        each.rpartition(".<locals>.")[2] for each in manifest.unseen
    ]


def test_a_mapping_that_is_broken_is_refused_with_its_error() -> None:
    class Base(DeclarativeBase):
        pass

    class Thing(Base):
        __tablename__ = "thing"
        id: Mapped[int] = mapped_column(primary_key=True)
        other: Mapped[int] = shop.relationship("Missing")

    with pytest.raises(UsageError, match=r"the mapping of x is broken: .*Missing"):
        manifest_of(Base, models="x")


def test_what_has_no_tables_is_refused() -> None:
    with pytest.raises(UsageError, match="neither a declarative base"):
        manifest_of(column("x"), models="x")
    with pytest.raises(UsageError, match="x has no tables"):
        manifest_of(MetaData(), models="x")
