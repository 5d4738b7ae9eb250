"""Give a view a new query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.left_behind import left_behind
from migrator.changes.replaced_view import chosen_phase, notes, require_readable
from migrator.changes.view import (
    DefinedView,
    carry_over,
    defined,
    keeps_columns,
    options_of,
    output_columns,
    query_of,
    refuse_lost_options,
    require_definition,
    require_free,
    require_replaceable,
    retyped,
    standing_on,
    users_of,
)
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug, statement_sql, unqualified_query


class ViewReplacement(DefinedView, frozen=True):
    """Parameters of ``replace_view``.

    Attributes:
        phase: ``contract``, or ``expand`` where old code can read the new definition.
    """

    phase: Literal["expand", "contract"] = "contract"


class ReplaceView(Kind[ViewReplacement]):
    """Give a view a new query.

    What happens
        Where columns come behind those the view has, expand replaces its query in place, with a lock on the view for a
        moment: new code finds the new columns, old code does not see them. Where columns are dropped, renamed or put
        elsewhere, old code needs the view as it is, and contract makes it anew: in one transaction the old view steps
        aside, the new one takes its name, owner, privileges, comments and defaults of columns, and the old one is
        dropped. Where the columns stay as they are, only its author knows which version reads the new rows and values:
        a directive says ``phase = expand`` or ``phase = contract``, which decides in the other cases too.

    Rollback
        The query as it was. Columns that came are taken away again by making the view anew, as at contract.

    What is refused
        A query the server does not accept; in place, a column that would change its type. Options the view has and the
        new definition does not name, which would be lost in silence. Where the view is made anew: views, functions and
        whatever else uses it or its row type, triggers and rules on it, security labels, membership in an extension. A
        database is needed.

    Limits
        Nobody can check that what old code reads from the columns it knows stays the same: that is what
        ``phase = expand`` says. New code that runs before contract reads the old query. Server-side prepared
        statements that return all columns fail once with "cached plan must not change result type". A change of length
        or precision alone, ``varchar(20)`` to ``varchar(40)``, is found when the step runs, which then changes nothing:
        say ``phase = contract``.

    Example:
        CREATE OR REPLACE VIEW open_orders AS SELECT id, number, customer_id FROM orders WHERE total > 0
    """

    name = "replace_view"
    spec = ViewReplacement
    takes_whole_table = True
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> ViewReplacement | None:
        """``CREATE OR REPLACE VIEW …``, in the phase that the columns or the author tell."""
        if action.kind != "view_stmt" or not action.node.replace or "undo" in action.options:
            return None
        target, definition = defined(action.node, schema)
        phase = action.options.get("phase") or _phase_by_columns(target, action.node, schema)
        return ViewReplacement(
            schema=target.schema,
            view=target.name,
            definition=str(definition),
            phase=chosen_phase(phase, "view"),
        )

    def touched(self, change: ViewReplacement) -> dict[TableName, tuple[str, ...]]:
        """The view; what it reads is asked of the server with its query."""
        return {change.target: ()}

    def assumes(self, change: ViewReplacement, schema: Schema) -> dict[str, str]:
        """The query that rollback restores."""
        relation = schema.relation(change.target)
        if relation is None or change.phase != "expand":
            return {}
        return {f'query of view "{change.target}"': unqualified_query(relation.definition)}

    def validate(self, change: ViewReplacement, context: Context) -> Iterator[str]:
        """The view is there, the new query can take its place, and nothing is lost in silence."""
        node = require_definition(change, context)
        relation = require_replaceable(change, context)
        refuse_lost_options(relation, options_of(node))
        if change.phase == "expand":
            require_readable(change, relation)
        if _is_made_anew(change, relation):
            require_free(relation)
        yield from notes(change, relation, change.phase)

    def expressions(self, change: ViewReplacement, context: Context) -> Iterator[Expression]:
        """Its query, which the server must understand."""
        yield from query_of(change, context)

    def obstacles(self, change: ViewReplacement, context: Context) -> Iterator[Obstacle]:
        """In place: columns of another type. Anew: whatever came to use the view or its row type."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        if change.phase == "expand" and not any(name in context.created for name in change.reads):
            yield retyped(change, relation, "cast them to the type they have, or say -- migrator: phase = contract")
        phase = Phase.ROLLBACK if change.phase == "expand" else Phase.CONTRACT
        # Once it is expanded, its columns do not tell any more how it is undone.
        if _is_made_anew(change, relation) or self._aside(change, context)[1] in context.rollback_sql:
            yield Obstacle(
                users_of(change.sql),
                f"objects use view {change.target}, which is made anew",
                "drop them first, and create them again afterwards",
                phase,
            )
            yield Obstacle(
                standing_on(change.sql),
                f"objects hold on to view {change.target}, rules or triggers, and it is made anew without them",
                "drop them first, and create them again afterwards",
                phase,
            )
            for each in (phase,) if change.phase == "expand" else (Phase.EXPAND, phase):
                yield from left_behind(change.sort, change.target, each)

    def expand(self, change: ViewReplacement, context: Context) -> Iterator[Draft]:
        """The new query, where old code can read it."""
        del context
        if change.phase == "expand":
            yield self._in_place(change, change.definition, f"replace-{slug(change.view)}", "old code can read it too")

    def contract(self, change: ViewReplacement, context: Context) -> Iterator[Draft]:
        """The new query, where old code cannot."""
        relation = context.schema.relation(change.target)
        if change.phase != "contract" or relation is None:
            return
        if _is_made_anew(change, relation):
            yield from self._anew(change, context, change.definition)
        else:
            yield self._in_place(
                change, change.definition, f"replace-{slug(change.view)}", "no code is left that counts on the old one"
            )

    def before_contract(self, change: ViewReplacement, context: Context) -> None:
        """Nothing came to stand on it since expand that would be lost."""
        relation = context.schema.relation(change.target)
        if relation is not None and change.phase == "contract" and _is_made_anew(change, relation):
            require_free(relation)

    def rollback(self, change: ViewReplacement, context: Context) -> Iterator[Draft]:
        """The query as it was."""
        relation = context.schema.relation(change.target)
        if change.phase != "expand" or relation is None:
            return
        undoes = f"replace-{slug(change.view)}"
        before = self.template(
            "as_before",
            view=change.sql,
            options=Sql(", ".join(relation.options)),
            query=Sql(relation.definition.strip()),
        )
        if _is_made_anew(change, relation):
            yield from self._anew(change, context, before, undoes)
        else:
            yield self._in_place(change, before, f"restore-{slug(change.view)}", "the query as it was", undoes)

    def _in_place(
        self, change: ViewReplacement, definition: str, step: str, why: str, undoes: str | None = None
    ) -> Draft:
        node = pb.ViewStmt()
        node.CopyFrom(ViewReplacement(schema=change.schema, view=change.view, definition=definition).node)
        node.replace = True
        return Draft(step, statement_sql("view_stmt", node), why, slug(change.view), undoes=undoes)

    def _aside(self, change: ViewReplacement, context: Context) -> tuple[Sql, Sql]:
        """What the view is called that goes, and the statement that calls it so."""
        over = (context.migration, change.schema, change.view, "replace")
        name = bounded_name("migrator", change.view, over=over)
        return qualified(change.schema, name), self.template("aside", view=change.sql, aside=name)

    def _anew(
        self, change: ViewReplacement, context: Context, definition: str, undoes: str | None = None
    ) -> Iterator[Draft]:
        group = slug(change.view)
        aside, step_aside = self._aside(change, context)
        yield Draft(
            f"aside-{group}",
            step_aside,
            "the new one takes its name in the same transaction",
            group,
            undoes=undoes,
        )
        yield Draft(f"create-{group}", Sql(definition), "under the name that code uses", group, undoes=undoes)
        yield Draft(
            f"carry-over-{group}",
            carry_over(change.sort, change.sql, aside),
            "owner, privileges, comments and defaults of columns, as they are at that moment",
            group,
            undoes=undoes,
            locks=f"ACCESS EXCLUSIVE ON {change.sql}: new in this transaction, nobody waits",
        )
        yield Draft(
            f"drop-{group}",
            self.template("drop_view", view=aside),
            "nothing uses it: otherwise this fails, and all is as before",
            group,
            undoes=undoes,
        )


def _phase_by_columns(target: TableName, node: object, schema: Schema) -> str:
    """Which phase the columns ask for.

    Raises:
        Refused: they stay as they are, or cannot be told.
    """
    relation = schema.relation(target)
    if relation is None:
        return "contract"
    before, after = [each.name for each in relation.columns], output_columns(node)
    if after is not None and after[: len(before)] != before:
        return "contract"
    if after is not None and len(after) > len(before):
        return "expand"
    what = "keeps its columns" if after is not None else "has columns whose names its text does not tell"
    raise Refused(
        f'view "{target}" {what}, so nobody but you knows which code can read its new query',
        hint="-- migrator: phase = expand if old code can read it; -- migrator: phase = contract if new code can read "
        "the old one until then",
    )


def _is_made_anew(change: ViewReplacement, relation: Relation) -> bool:
    """Whether columns go: at contract those old code knows, in rollback those new code knows."""
    before, after = [each.name for each in relation.columns], output_columns(change.node)
    return after != before if change.phase == "expand" else not keeps_columns(change, relation)
