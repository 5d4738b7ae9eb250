"""Give a materialized view a new query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.left_behind import left_behind
from migrator.changes.materialized_view import (
    DefinedMaterializedView,
    copied_index,
    defined,
    empty_creation,
    is_creation,
    options_of,
    refresh,
)
from migrator.changes.replaced_view import chosen_phase, notes, require_readable
from migrator.changes.view import (
    carry_over,
    output_columns,
    query_of,
    refuse_lost_options,
    require_free,
    require_names,
    require_replaceable,
    retyped,
    users_of,
)
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, ident_list, qualified
from migrator.sql.rewrite import slug


class MaterializedViewReplacement(DefinedMaterializedView, frozen=True):
    """Parameters of ``replace_materialized_view``.

    Attributes:
        phase: from when on the new query is read: ``contract``, or ``expand`` where old code can read it.
    """

    phase: Literal["expand", "contract"]


class ReplaceMaterializedView(Kind[MaterializedViewReplacement]):
    """Give a materialized view a new query.

    What happens
        Expand makes a view of the new query beside the old one, with its owner, privileges, comments and settings of
        columns, fills it and builds the same indexes; readers go on. Then, in one short transaction, the old view and
        its indexes step aside and the new ones take their names: with ``phase = expand`` at the end of expand, where
        the columns the view has come first and old code can read the new rows; with ``phase = contract`` once no old
        code is left, after the new view was filled again. The old view is dropped by contract. Write the directive
        before CREATE MATERIALIZED VIEW with the name of a view that is there.

    Rollback
        The new view is dropped; with ``phase = expand`` the old one is filled again before it takes its name back.

    What is refused
        A query the server does not accept; a database that was not asked; views, functions and whatever else uses the
        view or its row type; options, a tablespace and an access method the new definition does not name, security
        labels and membership in an extension, which would be lost in silence; an index over a column that goes, an
        invalid one, one the view is clustered by; statistics objects; WITH NO DATA. With ``phase = expand``, columns
        that go, move or change their type. At contract, an index that came since.

    Limits
        With ``phase = contract`` new code that runs before contract reads the old query. Readers wait for a moment, and
        the swap for a REFRESH of the view that is running: it is tried again as long as ``lock_budget`` says. A REFRESH
        by the application between filling and swap is not repeated: until the next one the rows are those of the
        filling. It needs room for a second copy. What is set on columns is as at expand. While the new view is filled,
        one transaction is open for as long as its query takes. Server-side prepared statements that return all columns
        fail once with "cached plan must not change result type" where columns differ.

    Example::

        -- migrator: phase = contract
        CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS sum FROM orders GROUP BY customer_id
    """

    name = "replace_materialized_view"
    unknown_without_tables = frozenset({Phase.EXPAND, Phase.CONTRACT})
    spec = MaterializedViewReplacement
    takes_whole_table = True
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> MaterializedViewReplacement | None:
        """``CREATE MATERIALIZED VIEW …`` of one that is there, where the author tells the phase."""
        phase = action.options.get("phase")
        if not is_creation(action.kind, action.node) or phase is None or "undo" in action.options:
            return None
        target, definition = defined(action.node, schema)
        if schema.is_known and schema.relation(target) is None:
            return None
        return MaterializedViewReplacement(
            schema=target.schema,
            view=target.name,
            definition=str(definition),
            phase=chosen_phase(phase, "materialized view"),
        )

    def touched(self, change: MaterializedViewReplacement) -> dict[TableName, tuple[str, ...]]:
        """The view; what it reads is asked of the server with its query."""
        return {change.target: ()}

    def assumes(self, change: MaterializedViewReplacement, schema: Schema) -> dict[str, str]:
        """What the new view is given."""
        relation = schema.relation(change.target)
        if relation is None:
            return {}
        return {
            f'columns of materialized view "{change.target}"': ", ".join(
                " ".join((each.name, each.type_name, *each.settings)) for each in relation.columns
            ),
            f'indexes of materialized view "{change.target}"': "; ".join(
                f"{each.definition} {each.tablespace}".strip() for each in relation.indexes
            ),
        }

    def validate(self, change: MaterializedViewReplacement, context: Context) -> Iterator[str]:
        """The view is there, the new one can take its place, and nothing is lost in silence."""
        require_names(change, context)
        relation = require_replaceable(change, context)
        node = change.node
        refuse_lost_options(relation, options_of(node))
        if relation.tablespace and not node.into.table_space_name:
            raise Refused(
                f'materialized view "{change.target}" is in tablespace "{relation.tablespace}", which the new '
                "definition does not name",
                hint=f"write TABLESPACE {ident_list([relation.tablespace])} before AS, or the one it shall be in",
            )
        if not change.is_filled:
            raise Refused(
                f'materialized view "{change.target}" WITH NO DATA could not be read', hint="leave WITH NO DATA out"
            )
        if change.phase == "expand":
            require_readable(change, relation)
        require_free(relation)
        _require_indexes(change, relation)
        yield from notes(change, relation, change.phase)

    def expressions(self, change: MaterializedViewReplacement, context: Context) -> Iterator[Expression]:
        """Its query, which the server must understand."""
        yield from query_of(change, context)

    def obstacles(self, change: MaterializedViewReplacement, context: Context) -> Iterator[Obstacle]:
        """Columns of another type where old code reads them; whatever came to use a view that goes."""
        relation = context.schema.relation(change.target)
        at_once = change.phase == "expand"
        if at_once and relation is not None and not any(name in context.created for name in change.reads):
            yield retyped(change, relation, "cast them to the type they have, or say -- migrator: phase = contract")
        for phase in (Phase.EXPAND, Phase.ROLLBACK if at_once else Phase.CONTRACT):
            yield from left_behind(change.sort, change.target, phase)
        if not change.node.into.access_method:
            yield Obstacle(
                self.template("access_method", view=str(change.sql)),
                f"materialized view {change.target} has an access method that the new definition does not name",
                "write USING and its name behind the name of the view, or the one it shall have",
                Phase.EXPAND,
            )
        goes_at_contract = _aside(change, context) if at_once else change.view
        goes_in_rollback = change.view if at_once else _beside(change, context)
        for view, phase in ((goes_at_contract, Phase.CONTRACT), (goes_in_rollback, Phase.ROLLBACK)):
            yield Obstacle(
                users_of(qualified(change.schema, view)),
                f"objects use materialized view {change.schema}.{view}, which is dropped",
                "drop them first, and create them again afterwards",
                phase,
            )

    def expand(self, change: MaterializedViewReplacement, context: Context) -> Iterator[Draft]:
        """The new view beside the old one; in its place, where old code can read it."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        beside = _beside(change, context)
        view, group = qualified(change.schema, beside), f"beside-{slug(change.view)}"
        new = f"ACCESS EXCLUSIVE ON {view}: nobody knows it"
        yield Draft(
            f"create-{slug(change.view)}",
            empty_creation(change.node, beside),
            "beside the old one, which is read until this one takes its name",
            group,
        )
        yield Draft(
            f"equip-{slug(change.view)}",
            carry_over(change.sort, view, change.sql),
            "owner, privileges and comments, so that it is filled with the rights it will be refreshed with",
            group,
            locks=new,
        )
        settings = [
            (column.name, Sql(each))
            for column in relation.columns
            if column.name in (output_columns(change.node) or ())
            for each in column.settings
        ]
        if settings:
            yield Draft(
                f"set-{slug(change.view)}",
                self.template("settings", view=view, settings=settings),
                "what is set on columns of the old one",
                group,
            )
        yield Draft(f"fill-{slug(change.view)}", refresh(view), "reads its tables as a SELECT does", locks=new)
        for index in relation.indexes:
            name = _index_beside(change, context, index.name)
            yield Draft(
                f"index-{slug(index.name)}", copied_index(index, name=name, view=beside), f"as {index.name}", locks=new
            )
        if change.phase == "expand":
            yield from self._swap(change, context, relation, "old code can read it too")

    def contract(self, change: MaterializedViewReplacement, context: Context) -> Iterator[Draft]:
        """The old view goes; before that, where old code could not read the new one, it is put in its place."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        if change.phase == "contract":
            view = qualified(change.schema, _beside(change, context))
            yield Draft(
                f"fill-{slug(change.view)}",
                refresh(view),
                "its rows are those of expand; the old one is read meanwhile",
                locks=f"ACCESS EXCLUSIVE ON {view}: nobody knows it",
            )
            yield from self._swap(change, context, relation, "no code is left that counts on the old one")
        yield self._drop(change, _aside(change, context), "nobody reads it any more; its indexes go with it")

    def before_contract(self, change: MaterializedViewReplacement, context: Context) -> None:
        """Nothing came to stand on it since expand that would be lost."""
        relation = context.schema.relation(change.target)
        if relation is None or change.phase != "contract":
            return
        require_free(relation)
        came = [each for each in relation.indexes if _index_beside(change, context, each.name) not in context.built]
        if came:
            raise Refused(
                f'materialized view "{change.target}" has indexes that it had not at expand: they would be lost',
                detail="\n".join(each.definition for each in came),
                hint="drop them, and create them again after contract",
            )

    def rollback(self, change: MaterializedViewReplacement, context: Context) -> Iterator[Draft]:
        """The old view, and its name if it lost it."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        if change.phase == "expand":
            aside = qualified(change.schema, _aside(change, context))
            undoes = f"aside-{slug(change.view)}"
            yield Draft(
                f"fill-{slug(change.view)}",
                refresh(aside),
                "nobody refreshed it since; the new one is read meanwhile",
                undoes=undoes,
                locks=f"ACCESS EXCLUSIVE ON {aside}: nobody knows it",
            )
            yield from self._swap(change, context, relation, "as it was before expand", undoes=undoes)
        yield self._drop(change, _beside(change, context), "only new code needs it", f"create-{slug(change.view)}")

    def _swap(
        self,
        change: MaterializedViewReplacement,
        context: Context,
        relation: Relation,
        why: str,
        *,
        undoes: str | None = None,
    ) -> Iterator[Draft]:
        """One view steps aside and the other takes its name and those of its indexes; for an undoing, the other way."""
        out, into = _aside(change, context), _beside(change, context)
        if undoes:
            out, into = into, out
        group, aside = slug(change.view), qualified(change.schema, out)
        yield Draft(
            f"aside-{group}",
            self.template("rename", view=change.sql, new_name=out),
            "another one takes its name in the same transaction",
            group,
            undoes=undoes,
        )
        yield Draft(
            f"swap-{group}",
            self.template("rename", view=qualified(change.schema, into), new_name=change.view),
            why,
            group,
            undoes=undoes,
        )
        indexes = []
        for index in relation.indexes:
            goes, comes = _index_aside(change, context, index.name), _index_beside(change, context, index.name)
            if undoes:
                goes, comes = comes, goes
            indexes.append((qualified(change.schema, goes), qualified(change.schema, index.name)))
            for step, old, new in (("aside", index.name, goes), ("swap", comes, index.name)):
                yield Draft(
                    f"{step}-{slug(index.name)}",
                    self.template("rename_index", index=qualified(change.schema, old), new_name=new),
                    "no query names an index",
                    group,
                    undoes=undoes,
                )
        yield Draft(
            f"carry-over-{group}",
            carry_over(change.sort, change.sql, aside, indexes),
            "owner, privileges and comments, as they are at that moment",
            group,
            undoes=undoes,
            locks=f"ACCESS EXCLUSIVE ON {change.sql}: held since it took the name",
        )

    def _drop(self, change: MaterializedViewReplacement, name: str, why: str, undoes: str | None = None) -> Draft:
        return Draft(
            f"drop-{slug(change.view)}",
            self.template("drop_view", view=qualified(change.schema, name)),
            why,
            slug(change.view),
            undoes=undoes,
        )


def _beside(change: MaterializedViewReplacement, context: Context) -> str:
    """What the view of the new query is called while it has not its own name."""
    return _name(change, context, change.view, "new")


def _aside(change: MaterializedViewReplacement, context: Context) -> str:
    """What the view of the old query is called once the new one has its name."""
    return _name(change, context, change.view, "old")


def _index_beside(change: MaterializedViewReplacement, context: Context, index: str) -> str:
    return _name(change, context, index, "new index")


def _index_aside(change: MaterializedViewReplacement, context: Context, index: str) -> str:
    return _name(change, context, index, "old index")


def _name(change: MaterializedViewReplacement, context: Context, name: str, role: str) -> str:
    return bounded_name("migrator", name, over=(context.migration, change.schema, name, role))


def _require_indexes(change: MaterializedViewReplacement, relation: Relation) -> None:
    """Refuse indexes the new view cannot have too.

    Raises:
        Refused: they are named, each with its reason.
    """
    columns = output_columns(change.node)
    if columns is None and relation.indexes:
        raise Refused(
            f'the definition of materialized view "{change.target}" does not tell the names of its columns, which its '
            "indexes need",
            hint="name each column instead of *, and each expression with AS",
        )
    reasons = []
    for index in relation.indexes:
        lost = [name for name in index.columns if name not in (columns or ())]
        if lost:
            reasons.append(f"{index.name} is over {ident_list(lost)}, which the new query has not")
        elif not index.is_valid:
            reasons.append(f"{index.name} is invalid: REINDEX it, or drop it")
        elif index.is_clustered:
            reasons.append(f"{index.name} is what the view is clustered by: SET WITHOUT CLUSTER")
    if reasons:
        raise Refused(
            f'materialized view "{change.target}" has indexes that the new one cannot have',
            detail="\n".join(reasons),
            hint="drop them in a migration before this one, and create what shall replace them after it",
        )
