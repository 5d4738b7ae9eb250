"""What a kind of change is: recognise it in SQL, check it against the schema, and say its steps phase by phase.

A kind decides and computes text, it never touches a database: the same change against the same schema gives the same
steps. Its docstring is its page in ``migrator explain``; its SQL is in ``templates/changes/<kind>/``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, qualified
from migrator.templating import render


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of a change, as they stand in a ``[[change]]`` table of migration.toml."""


SpecT = TypeVar("SpecT", bound=Spec)


class OnTable(Spec, frozen=True):
    """Parameters of a change to one table.

    Attributes:
        schema: of the table.
        table: its name.
    """

    schema: str
    table: str

    @property
    def target(self) -> TableName:
        """The table."""
        return TableName(self.schema, self.table)

    @property
    def sql(self) -> Sql:
        """The table as written in SQL."""
        return qualified(self.schema, self.table)


@dataclass(frozen=True, slots=True)
class Draft:
    """A step as a kind proposes it; the planner makes its id unique and writes it into a phase file.

    Attributes:
        id: short name that says what the step does.
        sql: one statement without a semicolon.
        why: one sentence for the reader of the file.
        group: drafts of one group that stand together commit together; None: outside a transaction.
        undoes: id of the expand draft that a rollback draft undoes.
        verify: for a backfill, a condition that is true for a row that is still wrong.
        key: for a backfill, columns in whose order batches go; none: as the table lies.
        loses: for a rollback, a query that counts the rows whose data exists only in the new shape.
        locks: lock and table for a statement whose locks cannot be read off its text, ``ACCESS EXCLUSIVE ON public.t``.
        waived: the rule of lint that is about its text and not about how the tool does it; an empty string: none.
    """

    id: str
    sql: str
    why: str
    group: str | None = None
    undoes: str | None = None
    verify: str | None = None
    key: tuple[str, ...] = ()
    loses: str | None = None
    locks: str = ""
    waived: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL of the author that must be of the type of a column.

    Attributes:
        text: as the author wrote it, for messages.
        query: a SELECT of it, cast to the type; the server plans it and does not run it.
        search_path: schemas its names are looked up in when it runs; empty: the session's own.
        sample: a SELECT that computes it for some rows, which is run; None: there is nothing to try it on.
        in_backfill: whether the backfill computes it too, whose names are looked up in the session's own schemas.
        trial: statements about temporary tables that have to go through; they are run, and rolled back.
        hint: what to do where the server does not understand it; empty: its message says enough.
        extremes: what it is tried on besides, in words, and a SELECT of it; where one fails that is said, not refused,
            because rows like it are counted later.
    """

    text: str
    query: Sql
    search_path: tuple[str, ...] = ()
    sample: Sql | None = None
    in_backfill: bool = False
    trial: tuple[Sql, ...] = ()
    hint: str = ""
    extremes: tuple[tuple[str, Sql], ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What would make a phase fail: counted before it begins, and before the gate, while nothing has changed.

    Attributes:
        count: a SELECT of one number; 0: nothing is in the way.
        problem: what they do, after their number: ``rows of public.orders point to no row of public.customers``.
        hint: what to do about them.
        phase: expand, contract or rollback.
    """

    count: Sql
    problem: str
    hint: str
    phase: Phase = Phase.CONTRACT


@dataclass(frozen=True, slots=True)
class Context:
    """What a kind is told besides the change itself.

    Attributes:
        migration: id of the migration.
        level: its level; orders the triggers of several pending migrations on one table.
        schema: what is known about the tables.
        created: tables created earlier in the same migration.
        created_types: types created earlier in the same migration.
        added_values: values added to enums earlier in the same migration, by type.
        renamed: columns the same migration renames, old name to new, by table, in the order of the changes.
        built: names of the indexes its expand builds; known before contract only.
        contract_sql: what its contract runs; not known before the files are written.
        rollback_sql: what its rollback runs; known when obstacles are counted.
        made: objects that earlier changes of the same migration make in expand, as ``Kind.makes`` says them.
        beside: every change of the migration, by its kind.
    """

    migration: str
    level: int
    schema: Schema
    created: frozenset[TableName] = frozenset()
    renamed: Mapping[TableName, Mapping[str, str]] = field(default_factory=dict)
    built: frozenset[str] = frozenset()
    contract_sql: str = ""
    rollback_sql: str = ""
    created_types: frozenset[TableName] = frozenset()
    added_values: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    made: frozenset[tuple[str, ...]] = frozenset()
    beside: tuple[tuple[str, Spec], ...] = ()


class Kind(ABC, Generic[SpecT]):
    """A kind of schema change.

    Attributes:
        name: as in ``[[change]]``, equal to the name of its module.
        spec: the structure of its parameters.
        is_last_resort: whether it is asked only about what no other kind is about.
        takes_whole_table: whether no other change of its table may be pending beside it.
        relies_on_indexes: whether its steps depend on which indexes mention the columns it touches.
        leaves_columns: whether the columns it touches stay as they are, so that others like it may touch them too.
        options: names of the directives ``-- migrator: NAME = VALUE`` it understands.
        gives_way_to_phase: whether a statement whose author says its phase is left to ``raw_sql``.
        reads_available: whether it has to know which extensions could be installed.
        may_follow: kinds that may change the same column before it in one migration.
        unknown_without_tables: phases of which nothing can be said without knowing its tables.
        keeps_in_step: whether triggers on the tables it touches keep an old and a new shape in step.
        joins: pairs of kinds, of which two changes together may be one of this kind, in the order they are looked for.
    """

    name: ClassVar[str]
    spec: ClassVar[type[Spec]]
    is_last_resort: ClassVar[bool] = False
    takes_whole_table: ClassVar[bool] = False
    relies_on_indexes: ClassVar[bool] = False
    leaves_columns: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = frozenset()
    may_follow: ClassVar[frozenset[str]] = frozenset()
    gives_way_to_phase: ClassVar[bool] = False
    reads_available: ClassVar[bool] = False
    unknown_without_tables: ClassVar[frozenset[Phase]] = frozenset()
    keeps_in_step: ClassVar[bool] = False
    joins: ClassVar[tuple[tuple[str, str], ...]] = ()

    @abstractmethod
    def recognise(self, action: Action, schema: Schema) -> SpecT | None:
        """The parameters if the action is of this kind, else None.

        Raises:
            Refused: it is of this kind but in a form that cannot be split safely.
        """

    def joined(self, one: Spec, other: Spec, schema: Schema) -> SpecT | None:
        """The parameters if changes of two kinds that it ``joins`` are one of this kind, else None."""
        del one, other, schema
        return None

    def validate(self, change: SpecT, context: Context) -> Iterator[str]:
        """Check a change against the schema before anything is written or run; yields notes for the author.

        Raises:
            Refused: it cannot be done safely on this schema.
        """
        del change, context
        yield from ()

    def expressions(self, change: SpecT, context: Context) -> Iterator[Expression]:
        """What the author computes values with; the server must understand each before anything is touched."""
        del change, context
        yield from ()

    @abstractmethod
    def expand(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """Steps that add, safe for old and new code."""

    def backfill(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """Statements that move data; they are batched when they run."""
        del change, context
        yield from ()

    def contract(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """Steps that remove or tighten, run only when no old code is left."""
        del change, context
        yield from ()

    def before_contract(self, change: SpecT, context: Context) -> None:
        """Check against the schema as it is now that contract breaks nothing but what it is meant to remove.

        Raises:
            Refused: something came to depend on what goes.
        """
        del change, context

    def obstacles(self, change: SpecT, context: Context) -> Iterator[Obstacle]:
        """Rows that would make contract or rollback fail, besides those a CHECK in the text of contract refuses."""
        del change, context
        yield from ()

    def rollback(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """Steps that undo expand, in the order they must run."""
        del change, context
        yield from ()

    def touched(self, change: SpecT) -> dict[TableName, tuple[str, ...]]:
        """Columns the change relies on, by table; migration.toml records the facts about them."""
        del change
        return {}

    def takes_away(self, change: SpecT) -> dict[TableName, tuple[str, ...]]:
        """Columns that contract drops, by table; those of a table that goes as a whole left out."""
        del change
        return {}

    def fills(self, change: SpecT) -> tuple[TableName, ...]:
        """Tables that expand makes and triggers write until contract, so that nothing else may change them before."""
        del change
        return ()

    def makes(self, change: SpecT) -> tuple[str, ...]:
        """What expand makes: what SQL calls it and its name parts, ``("INDEX", "public", "i")``; or nothing."""
        del change
        return ()

    def assumes(self, change: SpecT, schema: Schema) -> dict[str, str]:
        """What the plan relies on besides ``touched``, by name, as text; compared before expand."""
        del change, schema
        return {}

    def template(self, name: str, **values: Any) -> Sql:
        """SQL of one step from ``templates/changes/<kind>/<name>.sql.mako``."""
        return Sql(render(f"changes/{self.name}/{name}.sql.mako", **values))


def altered_table(relation: Any, schema: Schema) -> TableName:
    """The table that ALTER TABLE is about.

    Args:
        relation: the ``RangeVar`` of the statement.
        schema: where to look an unqualified name up.

    Raises:
        Refused: ONLY leaves its children out.
    """
    if not relation.inh:
        raise Refused(
            f'ALTER TABLE ONLY "{relation.relname}" would leave its children with another shape',
            hint="leave ONLY out",
        )
    return schema.resolve(relation.schemaname, relation.relname)


def require_table(
    change: OnTable,
    context: Context,
    *,
    or_view: bool = False,
    or_partitioned: bool = False,
    or_partition: bool = False,
    instead: str = "",
) -> Relation | None:
    """The ordinary table a change is about; None when no database was asked or this migration creates it.

    Args:
        or_view: whether a materialized view will do.
        or_partitioned: whether a partitioned table will do.
        or_partition: whether a partition will do.
        instead: what to do about a partitioned table.

    Raises:
        Refused: it does not exist, or it is not an ordinary table.
    """
    if not context.schema.is_known or change.target in context.created:
        return None
    relation = context.schema.relation(change.target)
    if relation is None:
        raise Refused(f'table "{change.target}" does not exist')
    others = {"materialized view": or_view, "partitioned table": or_partitioned, "partition": or_partition}
    if relation.kind != "table" and not others.get(relation.kind):
        raise Refused(
            f'"{change.target}" is a {relation.kind}, not an ordinary table',
            hint=instead
            if instead and relation.kind == "partitioned table"
            else "this kind of change works on ordinary tables" + (" and partitioned ones" if or_partitioned else ""),
        )
    if relation.inherits:
        raise Refused(
            f'table "{change.target}" takes part in inheritance, where triggers and columns differ by table',
            hint=f'ALTER TABLE … NO INHERIT … takes it out; psql shows parents and children by "\\d+ {change.sql}"',
        )
    return relation


def require_column(relation: Relation | None, change: OnTable, name: str) -> Column | None:
    """A column that must be there; None when the table is not known.

    Raises:
        Refused: the table has no such column; the nearest names are given.
    """
    if relation is None:
        return None
    column = relation.column(name)
    if column is None:
        known = ", ".join(f'"{each.name}"' for each in relation.columns)
        raise Refused(f'column "{name}" of table "{change.target}" does not exist', detail=f"columns: {known}")
    return column


def refuse_absent(relation: Relation | None, change: OnTable, name: str) -> None:
    """Make sure a column to be added is not there yet.

    Raises:
        Refused: it is.
    """
    if relation is not None and relation.column(name) is not None:
        raise Refused(f'column "{name}" of table "{change.target}" exists already')


def refuse_dependents(
    relation: Relation | None, column: str, kinds: Iterable[str], consequence: str, hint: str
) -> None:
    """Refuse when objects of certain kinds use a column.

    Args:
        kinds: those of ``model.schema.Dependent``.
        consequence: completes "column … is used by …, ".
        hint: what to do about it.

    Raises:
        Refused: with every such object named.
    """
    if relation is None:
        return
    wanted = set(kinds)
    users = [each for each in relation.dependents if each.column == column and each.kind in wanted]
    if users:
        raise Refused(
            f'column "{column}" of table "{relation.name}" is used by other objects, {consequence}',
            detail="\n".join(f"{each.kind} {each.name}" for each in users),
            hint=hint,
        )
