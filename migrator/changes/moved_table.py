"""A table under two names until no old code is left: what ``rename_table`` and ``set_schema`` share.

Expand makes a view of the new name over the table, with its privileges; contract drops the view and gives the table its
name, in one transaction.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeVar

from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.errors import MigratorError, Refused
from migrator.model.objects import Grant
from migrator.model.routines import TriggerFunction
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, ident, ident_list, qualified
from migrator.sql.rewrite import role_sql, slug
from migrator.templating import render

SECURITY_INVOKER = 15
"""First version whose views can be read with the rights and policies of the one who asks (release notes of 15)."""

_NOT_FOR_VIEWS = frozenset({"MAINTAIN", "TRUNCATE"})
"""Nobody can truncate or maintain a view; granted there they would only surprise."""


class Moving(OnTable, frozen=True):
    """Parameters of a change of the name or the schema of a table."""

    @property
    def moved(self) -> TableName:
        """The table under its new name."""
        raise MigratorError(f"{type(self).__name__} does not say where its table goes")


MoveT = TypeVar("MoveT", bound=Moving)


class MovedTable(Kind[MoveT]):
    """A kind that gives a table another full name.

    Attributes:
        verb: first word of the name of the step that does.
    """

    verb: ClassVar[str]
    takes_whole_table = True

    @abstractmethod
    def move(self, change: MoveT) -> Sql:
        """The statement that gives the table its new name."""

    @abstractmethod
    def seen_as(self, change: MoveT) -> str:
        """What functions must call the table afterwards."""

    def touched(self, change: MoveT) -> dict[TableName, tuple[str, ...]]:
        """The table, and its new name, which must be free."""
        return {change.target: (), change.moved: ()}

    def validate(self, change: MoveT, context: Context) -> Iterator[str]:
        """It is there, the new name is free, and a view can stand in for it."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="name it so there")
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            raise Refused(
                f'the columns and privileges of table "{change.target}" are not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        taken = context.schema.relation(change.moved)
        if taken is not None and not _is_own_view(taken, relation):
            raise Refused(f'{taken.kind} "{change.moved}" exists already')
        refuse_unseen(relation, context)
        for function in relation.functions:
            yield (
                f"the text of function {function} mentions {change.table}: if it is this table, it must use "
                f"{self.seen_as(change)} before contract"
            )

    def expand(self, change: MoveT, context: Context) -> Iterator[Draft]:
        """The view, with the privileges of the table."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        yield from stand_in(relation, change.moved, context, slug(change.table))

    def contract(self, change: MoveT, context: Context) -> Iterator[Draft]:
        """The view goes, and the table takes its name."""
        del context
        group = slug(change.table)
        yield Draft(
            f"drop-view-{slug(change.moved.name)}",
            drop_view(change.moved),
            "the table takes its name in the same transaction",
            group,
        )
        yield Draft(
            f"{self.verb}-{slug(change.table)}",
            self.move(change),
            "no code uses the old name any more",
            group,
        )

    def before_contract(self, change: MoveT, context: Context) -> None:
        """Nothing came to stand on the view since expand, and no trigger needs the old name."""
        refuse_used(change.moved, change.target, context)
        relation = context.schema.relation(change.target)
        if relation is not None:
            refuse_named_by_triggers(
                relation,
                self.named_by_triggers(change, relation),
                f"let them use {self.seen_as(change)}, which they find already",
            )

    def named_by_triggers(self, change: MoveT, relation: Relation) -> Iterable[TriggerFunction]:
        """Functions of triggers that do not find the table once it is moved."""
        del change
        return relation.written_by

    def rollback(self, change: MoveT, context: Context) -> Iterator[Draft]:
        """The view goes; the rows are the table's."""
        del context
        yield Draft(
            f"drop-view-{slug(change.moved.name)}",
            drop_view(change.moved),
            "only new code knows it",
            slug(change.table),
            undoes=f"view-{slug(change.moved.name)}",
        )


def refuse_unseen(relation: Relation, context: Context) -> None:
    """Refuse a table that a view of another name cannot stand in for.

    Raises:
        Refused: it is replicated, or its policies would not be in force.
    """
    if relation.is_subscribed or relation.is_published:
        raise Refused(
            f'table "{relation.name}" is replicated logically, and the other side goes by its name',
            hint="create the table under its new name on the other side, and move the replication there first",
        )
    if relation.has_row_security and context.schema.server_version < SECURITY_INVOKER:
        raise Refused(
            f'table "{relation.name}" has row security, and a view on PostgreSQL {context.schema.server_version} '
            "reads with the rights of its owner",
        )


def refuse_named_by_triggers(relation: Relation, functions: Iterable[TriggerFunction], hint: str) -> None:
    """Refuse to take a name away that triggers read or write a table by.

    Raises:
        Refused: with each of their functions.
    """
    found = sorted({each.name for each in functions})
    if found:
        raise Refused(
            f'table "{relation.name}" is named by functions of triggers, and every write that fires them would fail',
            detail="\n".join(f"trigger function {name}" for name in found),
            hint=hint,
        )


def refuse_used(view: TableName, table: TableName, context: Context) -> None:
    """Refuse to drop a view that others came to stand on.

    Raises:
        Refused: with each of them.
    """
    found = context.schema.relation(view)
    users = sorted({f"{each.kind} {each.name}" for each in found.dependents}) if found is not None else []
    if users:
        raise Refused(
            f'view "{view}", which contract drops, is used by other objects',
            detail="\n".join(users),
            hint=f"let them use {table} instead: it takes the new name, and they follow it",
        )


def stand_in(relation: Relation, name: TableName, context: Context, group: str) -> Iterator[Draft]:
    """A view of a name over a table, with the privileges of the table."""
    view = qualified(name.schema, name.name)
    yield Draft(
        f"view-{slug(name.name)}",
        _template(
            "create_view",
            view=view,
            table=qualified(relation.name.schema, relation.name.name),
            columns=ident_list(column.name for column in relation.columns),
            as_invoker=context.schema.server_version >= SECURITY_INVOKER,
        ),
        "the table under its new name: reads and writes go through to it",
        group,
    )
    for number, grant in enumerate(_grants(relation)):
        yield Draft(
            f"grant-{slug(name.name)}" + (f"-{number + 1}" if number else ""),
            _template("grant", view=view, **grant),
            "as on the table",
            group,
        )


def drop_view(name: TableName) -> Sql:
    """The view goes."""
    return _template("drop_view", view=qualified(name.schema, name.name))


def _template(name: str, **values: Any) -> Sql:
    return Sql(render(f"changes/moved_table/{name}.sql.mako", **values))


def _is_own_view(taken: Relation, relation: Relation) -> bool:
    """Whether it is the view that expand made: preflight of an expand that was cut off finds it."""
    return taken.kind == "view" and any(
        each.kind == "view" and each.name == qualified(taken.name.schema, taken.name.name)
        for each in relation.dependents
    )


def _grants(relation: Relation) -> Iterator[dict[str, object]]:
    """What GRANT needs to be told, table privileges first, then those on single columns."""
    wanted: list[tuple[Grant, str]] = [(grant, "") for grant in relation.grants]
    wanted += [(grant, column.name) for column in relation.columns for grant in column.grants]
    for grant, column in wanted:
        if grant.privilege not in _NOT_FOR_VIEWS:
            privilege = Sql(f"{grant.privilege} ({ident(column)})") if column else Sql(grant.privilege)
            yield {"privilege": privilege, "role": role_sql(grant.grantee), "grantable": grant.is_grantable}
