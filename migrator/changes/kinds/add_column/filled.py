"""A column whose existing rows are filled by the backfill, and those of old code by a default or a trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from migrator.changes.kind import Context, Draft
from migrator.changes.kinds.add_column.addition import Addition, Way
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, bounded_name, expression, qualified, type_name
from migrator.sql.rewrite import role_sql, seen_from_trigger, slug

Template = Callable[..., Sql]


def notes(change: Addition, relation: Relation) -> Iterator[str]:
    """What the author should know.

    Raises:
        Refused: rows or writes are out of sight.
    """
    if relation.is_subscribed and change.way is Way.BY_FILL:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which does not fire ordinary triggers'
        )
    if relation.forces_row_security:
        raise Refused(
            f'table "{relation.name}" forces row security on its owner, so a backfill would not see every row',
            hint=f"ALTER TABLE {change.sql} NO FORCE ROW LEVEL SECURITY",
        )
    yield f"{change.column} is NULL in rows written before until the backfill has reached them" + (
        "; it becomes NOT NULL at contract" if change.not_null else ""
    )
    for trigger in relation.triggers:
        yield f"trigger {trigger} fires on every row the backfill fills"


def expand(change: Addition, context: Context, added: Draft, template: Template) -> Iterator[Draft]:
    """The column and what fills it for old code, in one transaction: no row stays without a value after it."""
    group, table, column = slug(change.table), change.sql, change.column
    if change.has_sequence:
        yield Draft(
            f"sequence-{slug(column)}",
            template("create_sequence", sequence=change.drawn_from, type=type_name(change.type)),
            "what its values are drawn from",
            group,
        )
    yield added
    if change.way is Way.BY_FILL:
        trigger, function = _names(change, context)
        yield Draft(
            "function-fill",
            template(
                "function",
                function=function,
                schema=change.schema,
                column=column,
                fill_of_new=seen_from_trigger(change.fill),
            ),
            "what rows of old code hold",
            group,
        )
        yield Draft(
            "trigger-fill",
            template("trigger", trigger=trigger, table=table, function=function, not_null=change.not_null),
            "old code does not name the column",
            group,
        )
        return
    if change.has_sequence:
        yield Draft(
            "own-sequence",
            template("own_sequence", sequence=change.drawn_from, table=table, column=column),
            "goes with the column",
            group,
        )
        for role in _inserting(context.schema.relation(change.target)):
            yield Draft(
                f"grant-{slug(role or 'public')}",
                template("grant_sequence", sequence=change.drawn_from, grantee=role_sql(role)),
                "whoever may insert draws from it",
                group,
            )
    yield Draft(
        f"default-{slug(column)}",
        template("set_default", table=table, column=column, default=change.value),
        "for rows to come, those of old code too; existing rows stay as they are",
        group,
    )


def backfill(change: Addition, template: Template) -> Iterator[Draft]:
    """A value for each row that was there before."""
    value = expression(change.fill) if change.fill else change.value
    yield Draft(
        f"fill-{slug(change.column)}",
        template(
            "backfill",
            table=change.sql,
            column=change.column,
            value=value,
            where_known=bool(change.fill) and not change.not_null and not change.draws,
        ),
        "rows written before, each a value of its own",
    )


def contract(change: Addition, context: Context, template: Template) -> Iterator[Draft]:
    """CHECK, validation, NOT NULL; then what was only needed until now goes."""
    group, table, column = slug(change.table), change.sql, change.column
    constraint = bounded_name(change.table, column, "not_null", over=(change.schema, change.table, column))
    yield Draft(
        "add-check",
        template("add_check", table=table, column=column, constraint=constraint),
        "refuses NULL from here on; existing rows are not looked at",
        group,
    )
    yield Draft(
        "validate-check",
        template("validate_check", table=table, constraint=constraint),
        "looks at every row while reads and writes go on",
    )
    group = f"finish-{group}"
    yield Draft(
        "set-not-null",
        template("set_not_null", table=table, column=column),
        "the validated CHECK proves it, no scan",
        group,
    )
    yield Draft(
        "drop-check",
        template("drop_check", table=table, constraint=constraint),
        "NOT NULL says the same",
        group,
    )
    if change.way is Way.BY_FILL:
        yield from drop_trigger(change, context, template, group=group)
    if change.identity:
        yield from _identity(change, template, group)


def drop_trigger(
    change: Addition, context: Context, template: Template, *, group: str = "", undoing: bool = False
) -> Iterator[Draft]:
    """Trigger and function go."""
    trigger, function = _names(change, context)
    group = group or slug(change.table)
    yield Draft(
        "drop-trigger-fill",
        template("drop_trigger", trigger=trigger, table=change.sql),
        "before the column it writes goes" if undoing else "nothing is left to fill",
        group,
        undoes="trigger-fill" if undoing else None,
    )
    yield Draft(
        "drop-function-fill",
        template("drop_function", function=function),
        "no trigger calls it any more",
        group,
        undoes="function-fill" if undoing else None,
    )


def _identity(change: Addition, template: Template, group: str) -> Iterator[Draft]:
    """The identity takes over where the sequence stands."""
    table, column = change.sql, change.column
    sequence = qualified(change.schema, change.sequence_name)
    yield Draft(
        f"drop-default-{slug(column)}", template("drop_default", table=table, column=column), "identity follows", group
    )
    yield Draft(
        f"identity-{slug(column)}",
        template("add_identity", table=table, column=column, always=change.identity == "always", sequence=sequence),
        "draws from a sequence of its own",
        group,
    )
    yield Draft(
        "set-identity",
        template("set_sequence", new=sequence, old=change.drawn_from),
        "goes on where the sequence stands; nobody inserts meanwhile",
        group,
    )
    yield Draft(
        f"drop-sequence-{slug(column)}",
        template("drop_sequence", sequence=change.drawn_from),
        "nothing draws from it any more",
        group,
    )


def _inserting(relation: Relation | None) -> list[str]:
    """Roles that may insert, into the table or into a column."""
    if relation is None:
        return []
    grants = [*relation.grants, *(grant for column in relation.columns for grant in column.grants)]
    return list(dict.fromkeys(each.grantee for each in grants if each.privilege == "INSERT"))


def _names(change: Addition, context: Context) -> tuple[str, Sql]:
    """Trigger and function; the trigger fires before those that keep two shapes in step, which then see its value."""
    over = (context.migration, change.schema, change.table, change.column, "fill")
    trigger = bounded_name("zzz_migrator_0", f"{context.level:05d}", change.column, over=over)
    function = bounded_name("migrator", change.table, change.column, "fill", over=over)
    return trigger, qualified(change.schema, function)
