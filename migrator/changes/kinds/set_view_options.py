"""Change options of a view: security_invoker, security_barrier, check_option."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Literal

from migrator.changes.kind import Context, Obstacle
from migrator.changes.options import names_in, options_of, written
from migrator.changes.statement import OneStatement, require_known
from migrator.changes.view import OnView
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap

_NAMES = ("security_barrier", "security_invoker", "check_option")
"""Options of views on PostgreSQL 14 to 18 (CREATE VIEW, WITH)."""
_INVOKER = 15
"""First version with ``security_invoker`` (release notes of 15)."""
_CHECKS = ("local", "cascaded")


class ViewOptions(OnView, frozen=True):
    """Parameters of ``set_view_options``: ``options`` or ``reset``.

    Attributes:
        options: ``NAME=VALUE`` each, ``NAME`` for one that is switched on.
        reset: names of those that go.
        phase: ``contract``, or ``expand`` where old code can do with it.
    """

    options: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    phase: Literal["expand", "contract"] = "contract"


class SetViewOptions(OneStatement[ViewOptions]):
    """Change options of a view: security_invoker, security_barrier, check_option.

    What happens
        They hold for whoever uses the view: with ``security_invoker`` old code needs rights of its own on what the view
        reads, and ``check_option`` refuses rows it wrote before. So contract sets or resets them once no old code is
        left, with a lock on the view for a moment. Where old code can do with it, a directive ``phase = expand`` does
        it at once, and rollback sets what stood there.

    What is refused
        An option that views do not have, or that the server is too old for; a value it does not take; ``check_option``
        of a view that rows cannot be inserted through. What is no view. Without a database: what rollback restores is
        not known.

    Limits
        Until contract, new code goes by the options as they are. Rights that ``security_invoker`` asks for are granted
        by ``grant``, in the same migration.

    Example:
        ALTER VIEW open_orders SET (security_invoker = true)
    """

    name = "set_view_options"
    spec = ViewOptions
    options = frozenset({"phase"})
    gives_way_to_phase = False
    verb = "set-options"
    why = "it holds for whoever uses the view, whichever version"

    def recognise(self, action: Action, schema: Schema) -> ViewOptions | None:
        """``ALTER VIEW … SET (…)`` and ``… RESET (…)``."""
        command = action.command
        if command is None or command.subtype not in (pb.AT_SetRelOptions, pb.AT_ResetRelOptions):
            return None
        if action.node.objtype != pb.OBJECT_VIEW or "undo" in action.options:
            return None
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: options of a view change in expand or in contract")
        relation = action.node.relation
        target = schema.resolve(relation.schemaname or None, relation.relname)
        given = options_of(unwrap(getattr(command, "def")))
        is_set = command.subtype == pb.AT_SetRelOptions
        return ViewOptions(
            schema=target.schema,
            view=target.name,
            options=given if is_set else (),
            reset=() if is_set else names_in(given),
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: ViewOptions) -> dict[TableName, tuple[str, ...]]:
        """The view."""
        return {change.target: ()}

    def assumes(self, change: ViewOptions, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        had = _had(change, schema)
        return {f'options of view "{change.target}"': ", ".join(had[each] for each in sorted(had)) or "none"}

    def validate(self, change: ViewOptions, context: Context) -> Iterator[str]:
        """It is a view, and takes such options."""
        if bool(change.options) == bool(change.reset):
            raise Refused(f'view "{change.target}": options or reset, one of them', hint="options=security_barrier")
        for name in _names(change):
            if name not in _NAMES:
                near = difflib.get_close_matches(name, _NAMES, n=1)
                raise Refused(f'a view has no option "{name}"', hint=f'did you mean "{near[0]}"?' if near else None)
        if "security_invoker" in _names(change) and 0 < context.schema.server_version < _INVOKER:
            raise Refused(
                f"security_invoker needs PostgreSQL {_INVOKER}, this server is {context.schema.server_version}"
            )
        for option in change.options:
            name, _, value = option.partition("=")
            if name == "check_option" and value.lower() not in _CHECKS:
                raise Refused(f"check_option = {value}: there are {' and '.join(_CHECKS)}")
        require_known(context, f'what is set on view "{change.target}"')
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(
                f'view "{change.target}" does not exist', hint="one of the same migration is created WITH (…)"
            )
        if relation.kind != "view":
            raise Refused(f'"{change.target}" is a {relation.kind}, not a view')
        if change.phase == "contract":
            yield f"until contract view {change.view} has the options that it has now"

    def obstacles(self, change: ViewOptions, context: Context) -> Iterator[Obstacle]:
        """Rows that are inserted through it are what ``check_option`` looks at."""
        if "check_option" in names_in(change.options):
            yield Obstacle(
                self.template("not_updatable", view=str(change.sql)),
                f"views through which no row can be inserted get check_option: {change.target}",
                "leave check_option out, or let the view read one table, without GROUP BY, DISTINCT and the like",
                self.phase(change, context),
            )

    def phase(self, change: ViewOptions, context: Context) -> Phase:
        """As its author says."""
        del context
        return Phase.EXPAND if change.phase == "expand" else Phase.CONTRACT

    def statement(self, change: ViewOptions, context: Context) -> Sql:
        """The new values."""
        del context
        how, options = ("SET", change.options) if change.options else ("RESET", change.reset)
        return self._alter(change, how, options)

    def undo(self, change: ViewOptions, context: Context) -> Iterable[Sql]:
        """The values before."""
        had, names = _had(change, context.schema), _names(change)
        if restored := tuple(had[name] for name in names if name in had):
            yield self._alter(change, "SET", restored)
        if change.options and (new := tuple(name for name in names if name not in had)):
            yield self._alter(change, "RESET", new)

    def subject(self, change: ViewOptions) -> str:
        """The view."""
        return change.view

    def _alter(self, change: ViewOptions, how: str, options: tuple[str, ...]) -> Sql:
        return self.template("alter", view=change.sql, how=Sql(how), options=written(options))


def _names(change: ViewOptions) -> tuple[str, ...]:
    return change.reset or names_in(change.options)


def _had(change: ViewOptions, schema: Schema) -> dict[str, str]:
    relation = schema.relation(change.target)
    return {option.partition("=")[0]: option for option in (relation.options if relation else ())}
