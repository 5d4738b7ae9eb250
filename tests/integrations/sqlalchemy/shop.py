"""Models of an application, with each way to use a column and each way to leave one out."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import Column, Computed, Double, ForeignKey, Identity, Integer, String, Table, Text, func, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship

HAS_UNMAPPED = tuple(map(int, sqlalchemy.__version__.split(".")[:3])) >= (2, 1, 5)


class Base(DeclarativeBase):
    pass


membership = Table(
    "membership",
    Base.metadata,
    Column("person_id", ForeignKey("people.person.id"), primary_key=True),
    Column("team_id", ForeignKey("team.id"), primary_key=True),
)

counter = Table("counter", Base.metadata, Column("name", Text, primary_key=True), Column("value", Integer))


class Team(Base):
    __table__ = Table(
        "team",
        Base.metadata,
        Column("id", Integer, Identity(), primary_key=True),
        Column("name", String(40), nullable=False),
        Column("motto", Text),
        Column("touched", Text, default="made", onupdate="changed"),
    )
    __mapper_args__ = {"exclude_properties": ["motto", "touched"]}  # noqa: RUF012 - as applications write it
    id: Mapped[int]
    name: Mapped[str]


class Person(Base):
    __tablename__ = "person"
    __table_args__ = {"schema": "people"}  # noqa: RUF012 - as applications write it

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    given: Mapped[str] = mapped_column("given_name", String(40))
    family: Mapped[str | None]
    biography: Mapped[str | None] = mapped_column(deferred=True)
    length: Mapped[int] = mapped_column(Computed("length(given_name)", persisted=True))
    teams: Mapped[list[Team]] = relationship(secondary=membership, order_by=Team.name)

    @hybrid_property
    def full_name(self) -> str:
        return self.given + " " + (self.family or "")

    @hybrid_property
    def shouted(self) -> str:
        return self.given.upper()

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012 - likewise


class Employee(Person):
    __tablename__ = "employee"

    id: Mapped[int] = mapped_column(ForeignKey("people.person.id"), primary_key=True)
    salary: Mapped[float] = mapped_column(Double)

    __mapper_args__ = {"polymorphic_identity": "employee"}  # noqa: RUF012 - likewise


Team.size = column_property(
    select(func.count(membership.c.person_id)).where(membership.c.team_id == Team.id).correlate(Team).scalar_subquery()
)

if HAS_UNMAPPED:
    from sqlalchemy.orm import Unmapped, unmapped_column

    class Note(Base):
        __tablename__ = "note"

        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        legacy: Unmapped[str | None] = unmapped_column()
