"""What names a column and keeps the server from replacing it: lets go of it for the swap, and is given back after it.

Views that read it step aside under another name, and get a query that reads nothing; after the swap each is made anew
with the query it had, and gets owner, privileges, comments and defaults of columns from the one aside. Materialized
ones, and what they read, are in ``beside``. Policies have the condition ``false`` meanwhile. Triggers that name it are
dropped and created again, and so are virtual generated columns, see ``computed``. All of it is in the transaction of
the swap, so that nobody sees anything between before and after. What lists the column only is in ``listed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

from migrator.changes.kind import Draft, Obstacle
from migrator.changes.left_behind import left_behind
from migrator.changes.retyping import beside, computed, listed
from migrator.changes.retyping.shadow import Retyping, temporary_name
from migrator.changes.view import carry_over
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.publishing import Publishing
from migrator.model.routines import Trigger
from migrator.model.schema import Column, Policy, Relation, Statistics, TableName
from migrator.model.view import View
from migrator.sql.compose import Sql, expression, ident, qualified
from migrator.sql.parser import relation_parts
from migrator.sql.rewrite import slug
from migrator.templating import render

_NAMING = frozenset({
    "view", "materialized view", "rule", "policy", "generated column", "publication", "trigger", "statistics object",
    "function", "partition key", "object of a partition",
})  # fmt: skip
_HINT = "drop them in a migration before this one, and create them again after it"
_HINTS = {
    "generated column": "drop a generated column in a migration before this one, and add it again after it, VIRTUAL on "
    "PostgreSQL 18 without constraints of its own, or as a column that the application computes; ALTER COLUMN … DROP "
    "EXPRESSION keeps the values of a stored one",
    "publication": "change it as a role that is a member of the owner of the publication; or take the table out of it "
    "before, and in again after it: what is written meanwhile is not sent",
}
"""Of what cannot be made anew without that others wait, and what to do."""
_SWITCHED = {"D": "DISABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}
"""How a trigger is switched that is not ``O``, as it was made (``pg_trigger.tgenabled``)."""


@dataclass(frozen=True, slots=True)
class Users:
    """What names columns that change places at once, each with the first change that it stands against.

    Attributes:
        views: that are made anew after the swap, each after those it reads.
        beside: that are made before it: materialized ones, and plain ones that these read.
        statistics: objects that go with the columns.
        publications: those whose column lists or row filters name them.
        virtual: generated columns that read them, with their table.
        called: tables with row triggers, whose functions sessions have prepared for the old type by calling them.
    """

    views: tuple[tuple[Retyping, View], ...]
    beside: tuple[tuple[Retyping, View], ...]
    policies: tuple[tuple[Retyping, Policy], ...]
    triggers: tuple[tuple[Retyping, Trigger], ...]
    statistics: tuple[tuple[Retyping, Statistics], ...]
    publications: tuple[tuple[Retyping, Publishing], ...]
    virtual: tuple[tuple[Retyping, Relation, Column], ...]
    called: tuple[Sql, ...]


def users(columns: Iterable[tuple[Retyping, Relation]]) -> Users:
    """Everything that has to let go of some columns."""
    views: dict[TableName, tuple[Retyping, View]] = {}
    reads: dict[TableName, set[TableName]] = {}
    own: dict[tuple[TableName, str], tuple[Retyping, Policy]] = {}
    firing: dict[tuple[TableName, str], tuple[Retyping, Trigger]] = {}
    called: dict[Sql, None] = {}
    counted: dict[Sql, tuple[Retyping, Statistics]] = {}
    sent: dict[tuple[TableName, str], tuple[Retyping, Publishing]] = {}
    virtual: dict[tuple[TableName, str], tuple[Retyping, Relation, Column]] = {}
    for change, relation in columns:
        if relation.triggers:
            called[change.sql] = None
        for view in readers(relation, change.column):
            views.setdefault(view.name, (change, view))
            reads.setdefault(view.name, set()).update(view.views)
        for policy in policies(relation, change.column):
            own.setdefault((relation.name, policy.name), (change, policy))
        for trigger in triggers(relation, change.column):
            firing.setdefault((relation.name, trigger.name), (change, trigger))
        for publication in listed.publications(relation, change.column):
            sent.setdefault((relation.name, publication.name), (change, publication))
        for one in computed.virtual(relation, change.column):
            virtual.setdefault((relation.name, one.name), (change, relation, one))
        for each in listed.statistics(relation, change.column):
            counted.setdefault(listed.name_of(each), (change, each))
    ordered = [views[name] for name in TopologicalSorter(reads).static_order() if name in views]
    before = beside.chosen(view for _, view in ordered)
    return Users(
        tuple(each for each in ordered if each[1].name not in before),
        tuple(each for each in ordered if each[1].name in before),
        tuple(own.values()),
        tuple(firing.values()),
        tuple(counted.values()),
        tuple(sent.values()),
        tuple(virtual.values()),
        tuple(called),
    )


def readers(relation: Relation, column: str) -> tuple[View, ...]:
    """Views that read a column, and those that read these; a view comes after those it reads."""
    found: dict[TableName, View] = {}
    names = computed.named(relation, column)
    for view in relation.views:
        if names.intersection(view.columns) or any(name in found for name in view.views):
            found[view.name] = view
    return tuple(found.values())


def policies(relation: Relation, column: str) -> tuple[Policy, ...]:
    """The table's own policies that name a column."""
    names = _names(relation, column, "policy")
    return tuple(each for each in relation.policies if each.name in names)


def triggers(relation: Relation, column: str) -> tuple[Trigger, ...]:
    """Triggers that name a column: UPDATE OF it, or WHEN it changes."""
    names = _names(relation, column, "trigger")
    return tuple(each for each in relation.own_triggers if each.name in names)


def require_carried(relation: Relation, column: str, consequence: str) -> None:
    """Refuse a column that objects name which do not let go of it for a moment.

    Args:
        consequence: completes "column … is used by other objects, ".

    Raises:
        Refused: with every such object named.
    """
    carried: dict[str, set[str]] = {
        "view": {str(_name(each)) for each in readers(relation, column)},
        "materialized view": {str(_name(each)) for each in readers(relation, column)},
        "policy": {each.name for each in relation.policies},
        "trigger": {each.name for each in relation.own_triggers},
        "statistics object": {str(listed.name_of(each)) for each in relation.statistics},
        "publication": {each.name for each in listed.publications(relation, column)},
    }
    reasons = (*listed.why_not(relation, column), *computed.why_not(relation, column))
    because = {each.partition(":")[0]: each for each in reasons}
    carried["generated column"] = {
        each.name for each in computed.virtual(relation, column) if f"generated column {each.name}" not in because
    }
    kinds = {each.kind for each in relation.dependents if each.column == column} & _HINTS.keys()
    names = computed.named(relation, column)
    named = [
        because.get(f"{each.kind} {each.name}", f"{each.kind} {each.name}")
        for each in relation.dependents
        if each.column in names and each.kind in _NAMING and each.name not in carried.get(each.kind, set())
    ]
    if named:
        raise Refused(
            f'column "{column}" of table "{relation.name}" is used by other objects, {consequence}',
            detail="\n".join(dict.fromkeys(named)),
            hint="; ".join(_HINTS[kind] for kind in sorted(kinds) if any(each.startswith(kind) for each in named))
            or _HINT,
        )
    held = []
    for view in readers(relation, column):
        held += [*(f"{view.name}: {each}" for each in view.held_by), *beside.why_not(view)]
    before = beside.chosen(readers(relation, column))
    for view in readers(relation, column):
        read = sorted(names.intersection(view.columns) - {column}) if view.name in before else []
        held += [f"{view.name}: it is made before generated column {name}, which it reads" for name in read]
    if held:
        raise Refused(
            f'column "{column}" of table "{relation.name}" is read by views that would be made anew, and what holds on '
            "to them is not carried over",
            detail="\n".join(held),
            hint=_HINT,
        )


def notes(relation: Relation, column: str) -> Iterator[str]:
    """What the author should know of the views that are made anew, and of what lists the column."""
    for publication in listed.publications(relation, column):
        yield (
            f"publication {publication.name}, which names {column}, has the table taken out and in again by the "
            "transaction of the swap: subscribers see the new type, and nothing else"
        )
    for each in computed.virtual(relation, column):
        yield (
            f"generated column {each.name} is computed from {column}: it is added again in the transaction of the "
            "swap and becomes the last column; its own type stays"
        )
    for view in readers(relation, column):
        yield f"view {view.name} is made anew in the transaction of the swap: what it returns may be of the new type"
        yield from beside.notes(view)


def obstacles(relation: Relation, column: str) -> Iterator[Obstacle]:
    """What a view has that the one made anew would not get."""
    for view in readers(relation, column):
        for phase in (Phase.EXPAND, Phase.CONTRACT):
            yield from left_behind(view.kind, view.name, phase)


def let_go(users: Users, group: str) -> Iterator[Draft]:
    """Steps before columns are replaced; views first, because statements lock them before their tables."""
    for change, view in reversed(users.views):
        yield Draft(
            f"aside-{slug(view.name.name)}",
            _sql("replace_view/aside", view=_name(view), aside=_aside(change, view)),
            "is made anew after the swap, in the same transaction",
            group,
        )
    if users.views:
        asides = [str(qualified(view.name.schema, _aside(change, view))) for change, view in users.views]
        yield Draft(
            "empty-views",
            _sql("views_emptied", views=asides),
            "they read nothing any more, so that what they read can change",
            group,
            locks=f"ACCESS EXCLUSIVE ON {', '.join(_name(view) for _, view in users.views)}: held already",
        )
    yield from beside.swapped(users.beside, group)
    for change, policy in users.policies:
        yield Draft(
            f"close-{slug(policy.name)}",
            _altered(change, policy, "false" if policy.using else "", "false" if policy.check else ""),
            "names the column; nobody sees it before it has its condition again",
            group,
        )
    for change, publication in users.publications:
        yield Draft(
            f"unlist-{slug(publication.name)}",
            listed.taken_out(change, publication),
            "its list or filter names the column; it sends the table again when this commits",
            group,
            locks=f"SHARE UPDATE EXCLUSIVE ON {change.sql}: nobody waits who reads or writes",
        )
    for change, trigger in users.triggers:
        yield Draft(
            f"drop-{slug(trigger.name)}",
            _sql("drop_trigger/drop", trigger=trigger.name, table=change.sql),
            "names the column; is there again before anybody writes",
            group,
        )
    for change, _, each in users.virtual:
        yield Draft(
            f"drop-{slug(each.name)}",
            computed.dropped(change, each),
            "is computed from the column; nothing is stored for it, and it is there again before anybody reads",
            group,
        )


def give_back(users: Users, group: str) -> Iterator[Draft]:
    """Steps after they are replaced."""
    for _, relation, column in users.virtual:
        for verb, text in computed.made(relation, column):
            yield Draft(f"{verb}-{slug(column.name)}", text, "as it was, over the new type", group)
    for change, policy in users.policies:
        yield Draft(f"open-{slug(policy.name)}", restored(change, policy), "the condition it had", group)
    for change, trigger in users.triggers:
        for verb, text in created(change, trigger):
            yield Draft(f"{verb}-{slug(trigger.name)}", text, "as it was", group)
    for change, each in users.statistics:
        yield from listed.made_again(change, each, group)
    for change, publication in users.publications:
        yield Draft(
            f"list-{slug(publication.name)}",
            listed.taken_in(change, publication),
            "with the list and the filter that it had",
            group,
            locks=f"SHARE UPDATE EXCLUSIVE ON {change.sql}: held already",
        )
    for table in users.called:
        yield Draft(
            f"prepare-{slug(relation_parts(table)[1])}",
            _sql("functions_prepared", table=str(table)),
            "sessions that have called them would go on with the old type, and fail",
            group,
            locks=f"ACCESS SHARE ON {table}: nobody waits",
        )
    for change, view in users.views:
        name, aside = _name(view), qualified(view.name.schema, _aside(change, view))
        yield Draft(f"create-{slug(view.name.name)}", made_anew(view), "the query it had", group)
        yield Draft(
            f"carry-over-{slug(view.name.name)}",
            carry_over("view", name, aside),
            "owner, privileges, comments and defaults of columns, as they are at that moment",
            group,
            locks=f"ACCESS EXCLUSIVE ON {name}: new in this transaction, nobody waits",
        )
        yield Draft(
            f"drop-{slug(view.name.name)}",
            _sql("replace_view/drop_view", view=aside),
            "nothing uses it: otherwise this fails, and all is as before",
            group,
        )


def made_anew(view: View) -> Sql:
    """The statement that makes a view with the query it has."""
    return beside.made(view, _name(view))


def restored(change: Retyping, policy: Policy) -> Sql:
    """The statement that gives a policy the conditions it has."""
    return _altered(change, policy, policy.using, policy.check)


def created(change: Retyping, trigger: Trigger) -> Iterator[tuple[str, Sql]]:
    """The statements that make a trigger as it is, each with what it does."""
    yield "create", Sql(trigger.definition)
    if trigger.enabled in _SWITCHED:
        yield "switch", Sql(f"ALTER TABLE {change.sql} {_SWITCHED[trigger.enabled]} TRIGGER {ident(trigger.name)}")
    if trigger.comment is not None:
        yield "comment", _sql("comment_on_trigger", trigger=trigger.name, table=change.sql, text=trigger.comment)


def _names(relation: Relation, column: str, kind: str) -> set[str]:
    names = computed.named(relation, column)
    return {each.name for each in relation.dependents if each.kind == kind and each.column in names}


def _name(view: View) -> Sql:
    return qualified(view.name.schema, view.name.name)


def _aside(change: Retyping, view: View) -> str:
    """What it is called until it goes, in its schema."""
    return temporary_name(view.name.name, change, str(view.name))


def _altered(change: Retyping, policy: Policy, using: str, check: str) -> Sql:
    return _sql(
        "alter_policy/alter",
        policy=policy.name,
        table=change.sql,
        roles="",
        using=expression(using) if using else "",
        check=expression(check) if check else "",
    )


def _sql(template: str, **values: object) -> Sql:
    return Sql(render(f"changes/{template}.sql.mako", **values))
