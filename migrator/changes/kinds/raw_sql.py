"""Any statement, in the phase that its author says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Kind, Spec
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action, relations_in
from migrator.sql.compose import Sql, expression, qualified
from migrator.sql.effects import effects_of
from migrator.sql.parser import parse_script, relation_parts
from migrator.sql.rewrite import column_list, slug

_PHASES = ("expand", "backfill", "contract")
_NOTHING = "none"
_GROUP = re.compile(r"[\w.-]+")
_OF_THE_SESSION = frozenset({"transaction_stmt", "variable_set_stmt", "discard_stmt"})


class RawSql(Spec, frozen=True):
    """Parameters of ``raw_sql``.

    Attributes:
        statement: what runs.
        phase: when it runs.
        undo: what undoes it in rollback, for expand; an empty string: nothing does.
        verify: for backfill, a condition that is true for a row that is still wrong; an empty string: its WHERE.
        key: for backfill, columns in whose order batches go, for what has no blocks to go by; none: as the table lies.
        in_transaction: False: it runs by itself, outside a transaction.
        tables: those it mentions, as SQL.
        group: statements of one name that follow each other commit together; an empty string: those that begin alike.
    """

    statement: str
    phase: Literal["expand", "backfill", "contract"]
    undo: str = ""
    verify: str = ""
    in_transaction: bool = True
    tables: tuple[str, ...] = ()
    group: str = ""
    key: tuple[str, ...] = ()


class RawSqlKind(Kind[RawSql]):
    """Any statement, in the phase that its author says.

    What happens
        For what no other kind is about. A directive says when it runs: ``expand`` if neither old nor new code is harmed
        by it, ``contract`` if it takes away or tightens something old code needs, ``backfill`` for an UPDATE or
        INSERT … SELECT, which is batched: by the columns of a directive ``key = a, b`` where a view or foreign table
        has no blocks to go by. In expand a second directive says what undoes it, or ``none``. Lint judges each
        statement by its phase, and expand and contract run it with the timeouts and retries of every other step.

    What is refused
        A statement of expand without ``undo``. Transaction control and settings of the session. What another kind is
        about: that kind knows how.

    Limits
        Nobody but the author knows what it does to old and new code.

    Example::

        -- migrator: phase = expand
        -- migrator: undo = DROP STATISTICS orders_by_city
        CREATE STATISTICS orders_by_city ON city, zip FROM orders
    """

    name = "raw_sql"
    spec = RawSql
    is_last_resort = True
    options = frozenset({"phase", "undo", "verify", "key", "transaction"})

    def recognise(self, action: Action, schema: Schema) -> RawSql | None:
        """Whatever has a directive ``phase``."""
        phase = action.options.get("phase")
        if phase is None:
            return None
        if phase not in _PHASES:
            raise Refused(f"phase = {phase}: there are {', '.join(_PHASES)}")
        undo = action.options.get("undo", "")
        if phase == "expand" and not undo:
            raise Refused(
                "nothing says what undoes this statement in rollback",
                hint="-- migrator: undo = SQL, or undo = none if there is nothing to undo",
            )
        if phase != "expand" and undo:
            raise Refused(f"undo = {undo}: only what runs in expand is undone by rollback")
        verify = action.options.get("verify", "")
        if verify and phase != "backfill":
            raise Refused(f"verify = {verify}: only a backfill is verified")
        key = action.options.get("key", "")
        if key and phase != "backfill":
            raise Refused(f"key = {key}: only a backfill goes by a key")
        transaction = action.options.get("transaction", "true")
        if transaction not in ("true", "false"):
            raise Refused(f"transaction = {transaction}: it is true or false")
        names = (schema.resolve(place, name) for place, name in relations_in(action))
        return RawSql(
            statement=str(_only_statement(action.text)),
            phase="expand" if phase == "expand" else "backfill" if phase == "backfill" else "contract",
            undo="" if undo.lower() == _NOTHING else str(_only_statement(undo)) if undo else "",
            verify=str(expression(verify)) if verify else "",
            key=column_list(key) if key else (),
            in_transaction=transaction == "true",
            tables=tuple(dict.fromkeys(qualified(name.schema, name.name) for name in names)),
        )

    def touched(self, change: RawSql) -> dict[TableName, tuple[str, ...]]:
        """The tables it mentions."""
        parts = (relation_parts(name) for name in change.tables)
        return {TableName(schema or "public", name): () for schema, name in parts}

    def validate(self, change: RawSql, context: Context) -> Iterator[str]:
        """It is one statement that can run as it says."""
        for text in filter(None, (change.statement, change.undo)):
            _only_statement(text)
        if change.key and change.phase != "backfill":
            raise Refused(f"key {', '.join(change.key)}: only a backfill goes by a key")
        if change.group and (not change.in_transaction or not _GROUP.fullmatch(change.group)):
            raise Refused(f"group {change.group!r}: a name, of statements in a transaction")
        created = context.created | {TableName(*made[1:3]) for made in context.made if made[:1] == ("SEQUENCE",)}
        is_of_created = bool(change.tables) and self.touched(change).keys() <= created
        if change.phase == "expand" and not change.undo and not is_of_created:
            yield f"nothing undoes this statement in rollback: {' '.join(change.statement.split())[:80]}"

    def expand(self, change: RawSql, context: Context) -> Iterator[Draft]:
        """The statement, if it belongs there."""
        del context
        if change.phase == "expand":
            yield _draft(change, change.statement, "neither old nor new code is harmed, as its author says")

    def backfill(self, change: RawSql, context: Context) -> Iterator[Draft]:
        """The statement, if it belongs there."""
        del context
        if change.phase == "backfill":
            yield Draft(
                _id(change.statement), Sql(change.statement), "moves data, in batches", verify=change.verify or None,
                key=change.key,
            )  # fmt: skip

    def contract(self, change: RawSql, context: Context) -> Iterator[Draft]:
        """The statement, if it belongs there."""
        del context
        if change.phase == "contract":
            yield _draft(change, change.statement, "old code needs what it changes, as its author says")

    def rollback(self, change: RawSql, context: Context) -> Iterator[Draft]:
        """What undoes it."""
        del context
        if change.undo:
            yield _draft(change, change.undo, "undoes it, as its author says", undoes=_id(change.statement))


def _only_statement(text: str) -> Sql:
    statements = parse_script(text, "statement").statements
    if len(statements) != 1:
        raise Refused(f"not one statement: {text}")
    if statements[0].kind in _OF_THE_SESSION:
        raise Refused(f"{statements[0].text.split()[0].upper()} changes the session, which is the tool's own")
    return Sql(statements[0].text)


def _id(text: str) -> str:
    """The first words of a statement."""
    return slug(*text.lower().split()[:3])


def _draft(change: RawSql, text: str, why: str, undoes: str | None = None) -> Draft:
    alone = not change.in_transaction or not effects_of(parse_script(text, "statement").statements[0]).transactional
    return Draft(_id(text), Sql(text), why, None if alone else change.group or _id(text), undoes=undoes)
