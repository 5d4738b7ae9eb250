"""SY002 not-checked."""

from __future__ import annotations

from migrator.lint.rule import Bad, Good, ReportedByEngine
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class NotChecked(ReportedByEngine):
    r"""Something that may run SQL was not looked at.

    Why it matters
        What it runs may lock or break anything; that nothing was found in it means nothing.

    What to do
        Write the statements plainly where that is possible; otherwise read them with the same care.

    DO blocks are looked into: their statements, and what EXECUTE runs where that is a constant, format() of constants
    included. Reported is what remains: SQL that a block makes of data; a function with DDL, made in these files, where
    it is called; what \gexec runs; files for \i that are not there; a statement that a placeholder decides;
    operations in Python; statements of other dialects that are not understood.

    Source
        The body of DO is text to PostgreSQL's grammar; PL/pgSQL's own parser takes it apart.
    """

    code = "SY002"
    name = "not-checked"
    severity = Severity.INFO
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "what it runs may lock or break anything"
    good = (
        Good("SELECT 1;"),
        Good("DO $$ BEGIN EXECUTE format('COMMENT ON TABLE %I IS %L', 'users', 'people'); END $$;"),
        Good("CREATE FUNCTION f(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$;"),
    )
    bad = (
        Bad("DO $$ BEGIN EXECUTE 'DROP TABLE ' || current_setting('my.table'); END $$;", fix=""),
        Bad(
            "CREATE FUNCTION f(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$;\n"
            "SELECT f('DROP TABLE users');",
            fix="",
        ),
        Bad("SELECT format('DROP TABLE %I', relname) FROM pg_class \\gexec\n", fix=""),
    )
