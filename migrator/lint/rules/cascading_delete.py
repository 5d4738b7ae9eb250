"""DL008 cascading-delete."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb


class CascadingDelete(AlterTableRule):
    """A foreign key with ON DELETE CASCADE is added between tables in use.

    Why it matters
        DELETEs of running code that used to fail, or to leave these rows alone, take them along from that moment,
        without any error. Without an index on the referencing columns each such DELETE also reads the whole table.

    What to do
        ON DELETE RESTRICT or NO ACTION, and code that deletes what it means to delete.

    A note, since it may be what is wanted. Quiet for tables and columns that the same file created.

    Source
        PostgreSQL documentation, section 5.5.5 "Foreign Keys".
    """

    code = "DL008"
    name = "cascading-delete"
    severity = Severity.INFO
    category = Category.DATA_LOSS
    lock = LockMode.SHARE_ROW_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.DATA,)
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good(
            "CREATE TABLE old_orders (LIKE orders);\n"
            "ALTER TABLE old_orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;",
            earlier="CREATE TABLE orders (user_id bigint);",
        ),
        Good("ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;"),
        Good("CREATE TABLE orders (user_id int REFERENCES users ON DELETE CASCADE);"),
    )
    bad = (
        Bad(
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID;",
            fix="-- ON DELETE RESTRICT, unless these rows shall really go with their users",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint = action.definition
        if constraint.contype != pb.CONSTR_FOREIGN or constraint.fk_del_action != "c" or action.is_new:
            return
        if context.all_new(action.table, names_in(constraint.fk_attrs)):
            return
        other = relation_name(constraint.pktable)
        yield Problem(
            f"deleting {other} takes rows of {action.relation} along from now on",
            why="a DELETE of running code removes rows that it does not know of, without any error",
            fix=f"-- ON DELETE RESTRICT, unless these rows shall really go with their {other}",
            span=context.span_at(constraint.location),
        )
