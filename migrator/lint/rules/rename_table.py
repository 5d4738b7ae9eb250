"""BC004 rename-table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident, qualified
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb


class RenameTable(Rule):
    """A table or view is renamed, or moved to another schema, while code that uses the old name may be running.

    Why it matters
        Old code fails from that moment, new code failed until then: no order of deploy and migration works.

    What to do
        In one transaction, rename it and put a view under the old name. Through the view, SELECT, INSERT, UPDATE,
        DELETE and upserts go on; COPY FROM, TRUNCATE and GROUP BY over only the primary key do not.

    Quiet if the same file creates a view under the old name, or gives it to another table; expected in `contract.sql`
    and `rollback.sql`.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC004"
    name = "rename-table"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    fixable = Fixable.UNSAFE
    phases = BEFORE_THE_DEPLOY
    kinds = ("rename_stmt", "alter_object_schema_stmt")
    good = (
        Good(
            "CREATE TABLE users_new (LIKE users); BEGIN; ALTER TABLE users RENAME TO users_old; "
            "ALTER TABLE users_new RENAME TO users; COMMIT;"
        ),
        Good("BEGIN; ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people; COMMIT;"),
        Good("ALTER TABLE users RENAME TO people;", phase=Phase.CONTRACT),
        Good("CREATE TABLE users (id int); ALTER TABLE users RENAME TO people;"),
        Good("ALTER SEQUENCE users_id_seq OWNED BY users.id;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users RENAME TO people;",
            fix="BEGIN;\nALTER TABLE users RENAME TO people;\nCREATE VIEW users AS SELECT * FROM people;\nCOMMIT;",
        ),
        Bad(
            "BEGIN;\nALTER TABLE users SET SCHEMA app;\nCOMMIT;",
            fix="ALTER TABLE users SET SCHEMA app;\nCREATE VIEW users AS SELECT * FROM app.users;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        moves = statement.kind == "alter_object_schema_stmt"
        kind = node.object_type if moves else node.rename_type
        if kind not in (pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW) or context.is_new(node.relation):
            return
        if "replace_materialized_view" in context.change_kinds and not moves and _is_ours(node):
            return  # another one takes the name in the same transaction, as that kind writes it
        old = node.relation
        for later in context.following_of("view_stmt"):
            if later.node.view.relname == old.relname:
                return
        for later in context.following_of("rename_stmt"):
            if later.node.rename_type == kind and later.node.newname == old.relname and not moves:
                return  # another one takes the name
        name = relation_name(old)
        new = qualified(node.newschema, old.relname) if moves else qualified(old.schemaname or None, node.newname)
        both = f"{statement.text};\nCREATE VIEW {name} AS SELECT * FROM {new};"  # noqa: S608 - shown, never run
        yield Problem(
            f"{'moving' if moves else 'renaming'} {name} to "
            f"{ident(node.newschema) if moves else new} breaks running code that uses the old name",
            why="old code fails from that moment, new code failed until then: no order of deploying works",
            fix=both if context.membership is Membership.INSIDE else f"BEGIN;\n{both}\nCOMMIT;",
            lock=LockMode.ACCESS_EXCLUSIVE,
            repair=None if moves else moved(f"rename {name}", context),
        )


def _is_ours(node: Any) -> bool:
    """Whether a renaming is of a materialized view to, or from, a name of the tool's own."""
    return node.rename_type == pb.OBJECT_MATVIEW and any(
        name.startswith("migrator_") for name in (node.relation.relname, node.newname)
    )
