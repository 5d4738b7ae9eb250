"""LK018 table-rewrite."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap

_WHY = "nobody can read or write the table while it is written anew"
_FIX = "-- pg_repack or pg_squeeze do this while the table is in use; or move the rows to a new table in batches"
_WORDS = {
    pb.AT_SetLogged: "SET LOGGED",
    pb.AT_SetUnLogged: "SET UNLOGGED",
    pb.AT_SetTableSpace: "SET TABLESPACE",
    pb.AT_SetAccessMethod: "SET ACCESS METHOD",
}


_OF_THE_PARTITIONS = (pb.AT_SetAccessMethod, pb.AT_SetTableSpace)
"""A partitioned table has no rows of its own: this is what its later partitions will have."""


class TableRewrite(AlterTableRule):
    """VACUUM FULL, CLUSTER, SET LOGGED or UNLOGGED, SET TABLESPACE, SET ACCESS METHOD.

    Why it matters
        The whole table is written anew under ACCESS EXCLUSIVE: nobody can read or write it meanwhile.

    What to do
        pg_repack or pg_squeeze, which need the lock only for a moment at the end; or a new table of the wanted kind,
        filled in batches.

    Quiet for tables that the file created, and for what a partitioned table only passes on to later partitions.

    Source
        PostgreSQL documentation, VACUUM, CLUSTER, ALTER TABLE; measured on 15 and 18.
    """

    code = "LK018"
    name = "table-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = ()
    kinds = ("vacuum_stmt", "cluster_stmt", "alter_table_move_all_stmt")
    subtypes = (pb.AT_SetLogged, pb.AT_SetUnLogged, pb.AT_SetTableSpace, pb.AT_SetAccessMethod)
    good = (
        Good("VACUUM ANALYZE users;"),
        Good("VACUUM (FULL false) users;"),
        Good("ALTER TABLE users CLUSTER ON users_pkey;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users SET UNLOGGED;"),
        Good(
            "ALTER TABLE events SET ACCESS METHOD DEFAULT;",
            earlier="CREATE TABLE events (a int) PARTITION BY RANGE (a);",
            pg_version=17,
        ),
    )
    bad = (
        Bad("VACUUM FULL users;", fix=_FIX),
        Bad("CLUSTER users USING users_pkey;", fix=_FIX),
        Bad("ALTER TABLE users SET UNLOGGED;", fix=_FIX),
        Bad("ALTER TABLE users SET TABLESPACE fast;", fix=_FIX),
        Bad("ALTER TABLE ALL IN TABLESPACE slow SET TABLESPACE fast;", fix=_FIX),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if statement.kind == "alter_table_move_all_stmt":
            if node.objtype == pb.OBJECT_TABLE:
                yield Problem("SET TABLESPACE rewrites every table of the tablespace, one after the other", _WHY, _FIX)
            return
        if statement.kind == "vacuum_stmt":
            if not context.effects.rewrites_table:
                return
            relations, words = [unwrap(item).relation for item in node.rels], "VACUUM FULL"
        else:
            relations, words = ([node.relation] if node.HasField("relation") else []), "CLUSTER"
        if relations and all(context.is_new(relation) for relation in relations):
            return
        which = ", ".join(map(relation_name, relations)) or "every table"
        yield Problem(f"{words} rewrites {which}", _WHY, _FIX, LockMode.ACCESS_EXCLUSIVE)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.command.subtype == pb.AT_SetTableSpace and "set_tablespace" in context.change_kinds:
            return  # refused for large tables when it was planned, and cut off after lock_timeout when it runs
        stored_below = action.table.partitioned and action.command.subtype in _OF_THE_PARTITIONS
        if not action.is_new and not stored_below:
            words = _WORDS[action.command.subtype]
            yield Problem(f"{words} rewrites {action.relation}", _WHY, _FIX, LockMode.ACCESS_EXCLUSIVE)
