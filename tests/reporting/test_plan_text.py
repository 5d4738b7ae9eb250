"""A plan for people: every step with SQL, lock, whom it makes wait, transaction, undo."""

from __future__ import annotations

from migrator.model.plan import Migration, Phase
from migrator.planning import phase_file
from migrator.reporting.plan_text import lines, sql_lines

PHASES = (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)


def migration(**texts: str) -> Migration:
    steps = [step for phase, text in texts.items() for step in phase_file.read(text, phase=Phase(phase), name=phase)]
    return Migration("20260101T000000_x", 4, "a title", steps=tuple(steps))


def shown(plan: Migration, rows=None) -> str:
    return "\n".join(lines(plan, PHASES, rows or {}))


def test_a_step_is_shown_with_everything_that_matters():
    plan = migration(
        expand="-- step: add transaction=users\n-- why: needed\nALTER TABLE public.users\n  ADD COLUMN a int;\n"
        "-- step: make\nCREATE TABLE t (x int);"
    )

    assert (
        shown(plan)
        == """\
20260101T000000_x  level 4  a title

expand: before the new code is deployed
  1. add: needed
     locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
     transaction: users
     | ALTER TABLE public.users
     |   ADD COLUMN a int
  2. make
     locks: no existing table
     transaction: make
     | CREATE TABLE t (x int)"""
    )


def test_nobody_waits_for_what_the_migration_made_itself():
    plan = migration(
        expand="CREATE MATERIALIZED VIEW public.migrator_v AS SELECT 1 AS a WITH NO DATA;\n"
        "CREATE TABLE public.t (a int);\nCREATE TABLE IF NOT EXISTS public.s (a int);\n"
        "REFRESH MATERIALIZED VIEW public.migrator_v;\nALTER TABLE public.t ADD b int;\n"
        "ALTER TABLE public.s ADD b int;",
        contract="REFRESH MATERIALIZED VIEW public.migrator_v;\nALTER TABLE public.t ADD c int;\n"
        "ALTER TABLE public.t ADD FOREIGN KEY (a) REFERENCES public.migrator_v NOT VALID;",
    )

    assert [line.strip() for line in shown(plan).splitlines() if "locks:" in line and "no existing" not in line] == [
        "locks: ACCESS EXCLUSIVE ON public.migrator_v: nobody knows it",
        "locks: ACCESS EXCLUSIVE ON public.t: nobody knows it",
        "locks: ACCESS EXCLUSIVE ON public.s: reads and writes wait, for a moment",
        "locks: ACCESS EXCLUSIVE ON public.migrator_v: nobody knows it",
        "locks: ACCESS EXCLUSIVE ON public.t: reads and writes wait, for a moment",
        "locks: SHARE ROW EXCLUSIVE ON public.t, SHARE ROW EXCLUSIVE ON public.migrator_v: writes wait, for a moment",
    ]


def test_what_undoes_a_step_is_shown_with_it():
    from dataclasses import replace

    plan = migration(expand="ALTER TABLE t ADD a int;")
    plan = replace(plan, steps=(replace(plan.steps[0], undo="DROP INDEX i;\nALTER TABLE t DROP a"),))

    assert shown(plan).endswith("     undo | DROP INDEX i;\n     undo | ALTER TABLE t DROP a")


def test_rows_are_shown_where_the_time_depends_on_them():
    plan = migration(
        expand="ALTER TABLE public.users ADD a int;\nCREATE INDEX CONCURRENTLY i ON public.users (a);",
        backfill="UPDATE public.users SET a = 1 WHERE a IS NULL;",
    )

    text = shown(plan, {"public.users": 1_234_567})

    assert text.count("     rows: about 1,234,567") == 2
    assert "rows:" not in text.split("  2. ")[0]
    assert "rows:" not in shown(plan)


def test_a_backfill_locks_the_rows_of_a_batch_only():
    plan = migration(backfill="-- step: fill\nUPDATE public.users SET a = 1 WHERE a IS NULL;")

    assert "locks: only the rows of one batch, for as long as the batch takes" in shown(plan)
    assert "transaction: none" in shown(plan)


def test_scans_and_rewrites_are_told():
    plan = migration(contract="ALTER TABLE t ALTER a SET NOT NULL;\nALTER TABLE t ALTER a TYPE bigint;")

    assert "reads and writes wait, while every row is read" in shown(plan)
    assert "reads and writes wait, while every row is rewritten" in shown(plan)


def test_sql_only_is_a_script_that_runs():
    plan = migration(expand="-- step: a\n-- why: x\nALTER TABLE t ADD a int;", contract="-- step: b\nDROP TABLE u;")

    assert list(sql_lines(plan, PHASES)) == [
        "-- expand: a", "ALTER TABLE t ADD a int;", "-- contract: b", "DROP TABLE u;",
    ]  # fmt: skip
