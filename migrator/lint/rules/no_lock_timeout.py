"""LK020 no-lock-timeout."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, timeout_before
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement


class NoLockTimeout(Rule):
    """A strong lock is waited for without a limit.

    Why it matters
        A brief ALTER TABLE waits behind the longest running query, and every query that comes after it queues behind
        the ALTER. A report that runs for ten minutes becomes an outage of ten minutes.

    What to do
        SET lock_timeout before it, and try again when it runs out. migrator does both for phase files, so this is not
        reported there. Reported once per file: as a note, or as a warning after an explicit SET lock_timeout = 0.

    Source
        PostgreSQL documentation, section 19.11.1, "lock_timeout".
    """

    code = "LK020"
    name = "no-lock-timeout"
    severity = Severity.INFO
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    fixable = Fixable.SAFE
    kinds = (
        "alter_table_stmt", "drop_stmt", "rename_stmt", "truncate_stmt", "index_stmt", "create_trig_stmt",
        "create_stmt", "rule_stmt", "create_policy_stmt", "alter_object_schema_stmt",
    )  # fmt: skip
    good = (
        Good("SET lock_timeout = '2s'; ALTER TABLE users ADD COLUMN age int;"),
        Good("BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE users ADD COLUMN age int; COMMIT;"),
        Good("SELECT set_config('lock_timeout', '2s', false); ALTER TABLE users ADD COLUMN age int;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN age int;"),
        Good("ALTER TABLE users ADD COLUMN age int;", phase=Phase.EXPAND),
        Good("ALTER TABLE users VALIDATE CONSTRAINT adult;"),
        Good("CREATE INDEX CONCURRENTLY users_email ON users (email);"),
    )
    bad = (
        Bad("ALTER TABLE users ADD COLUMN age int;",
            fix="SET lock_timeout = '2s';\nALTER TABLE users ADD COLUMN age int;"),
        Bad("SET lock_timeout = 0;\nALTER TABLE users ADD COLUMN age int;",
            fix="SET lock_timeout = '2s';\nALTER TABLE users ADD COLUMN age int;"),
        Bad("BEGIN;\nSET LOCAL lock_timeout = '2s';\nCOMMIT;\nALTER TABLE users ADD COLUMN age int;",
            fix="SET lock_timeout = '2s';\nALTER TABLE users ADD COLUMN age int;"),
    )  # fmt: skip

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.timeout_set or context.phase is not None or self.code in context.reported_once:
            return
        if statement.kind == "create_stmt" and not statement.node.inh_relations and "ref" not in statement.text.lower():
            return  # locks no other table; the whole tree need not be walked to see that
        strong = (lock for lock in context.effects.locks if lock.mode >= LockMode.SHARE)
        lock = next((lock for lock in strong if not context.relation_is_new(lock)), None)
        if lock is None:
            return
        context.reported_once.add(self.code)
        yield Problem(
            f"no lock_timeout: {lock.relation} is locked after a wait without limit",
            why="the statement waits for the longest running query, and all queries that come later queue behind it",
            fix=f"SET lock_timeout = '2s';\n{statement.text};",
            lock=lock.mode,
            repair=timeout_before(context, "2s"),
            severity=Severity.WARNING if context.settings.get("lock_timeout") else None,
        )
