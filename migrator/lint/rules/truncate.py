"""DL001 truncate."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class Truncate(Rule):
    """TRUNCATE of a table that this file did not create.

    Why it matters
        All rows are gone, without a WHERE and without triggers for each row; with CASCADE also those of every table
        that references it. It takes ACCESS EXCLUSIVE on all of them.

    What to do
        DELETE what is to go, in batches; or, if it is meant, a waiver that says why the rows are not needed.

    Source
        PostgreSQL documentation, TRUNCATE.
    """

    code = "DL001"
    name = "truncate"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.DATA,)
    kinds = ("truncate_stmt",)
    good = (Good("CREATE TEMP TABLE scratch (a int); TRUNCATE scratch;"),)
    bad = (
        Bad("TRUNCATE users;", fix="-- in batches: DELETE FROM users WHERE id BETWEEN … AND …"),
        Bad("TRUNCATE TABLE app.users CASCADE;", fix="-- in batches: DELETE FROM app.users WHERE id BETWEEN … AND …"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        used = [relation_name(relation) for relation in map(unwrap, node.relations) if not context.is_new(relation)]
        if used:
            cascade = node.behavior == pb.DROP_CASCADE
            yield Problem(
                f"TRUNCATE removes every row of {', '.join(used)}"
                + (" and of the tables that reference it" if cascade else ""),
                why="the rows are gone for the running version and for good",
                fix="\n".join(f"-- in batches: {_delete(name)}" for name in used),
                lock=LockMode.ACCESS_EXCLUSIVE,
            )


def _delete(relation: str) -> str:
    return f"DELETE FROM {relation} WHERE id BETWEEN … AND …"  # noqa: S608 - shown, never run
