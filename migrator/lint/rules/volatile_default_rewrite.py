"""LK005 volatile-default-rewrite."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import in_batches
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import deparse_expression, pb, unwrap
from migrator.sql.volatility import Volatility, volatility_of


class VolatileDefaultRewrite(AlterTableRule):
    """ADD COLUMN with a default that differs from row to row.

    Why it matters
        Each row has to get its own value, so the table and all its indexes are written anew under ACCESS EXCLUSIVE:
        nobody can read or write until it is done. Examples are gen_random_uuid(), random(), clock_timestamp() and
        nextval(). Constants and stable functions such as now() are evaluated once and change the catalog only.

    What to do
        Add the column without a default (brief), set the default for new rows (brief), fill old rows in batches.

    A function that no file declares may be volatile: then this is a warning.

    Source
        PostgreSQL documentation, ALTER TABLE, "Notes"; volatility from pg_proc of 18; rewrites measured on 15 and 18.
    """

    code = "LK005"
    name = "volatile-default-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = ()
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();"),
        Good("ALTER TABLE users ADD COLUMN expires_at timestamptz DEFAULT now() + interval '1 day';"),
        Good("ALTER TABLE users ADD COLUMN created_at timestamptz DEFAULT CURRENT_TIMESTAMP;"),
        Good("ALTER TABLE users ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'::jsonb;"),
        Good("ALTER TABLE users ADD COLUMN settings jsonb DEFAULT jsonb_build_object('a', 1);"),
        Good("ALTER TABLE users ADD COLUMN tags text[] DEFAULT ARRAY[]::text[];"),
        Good("ALTER TABLE users ADD COLUMN active boolean NOT NULL DEFAULT true;"),
        Good("CREATE TABLE users (id bigint); ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();"),
        Good(
            "ALTER TABLE users ADD COLUMN code text DEFAULT new_code();",
            earlier="CREATE FUNCTION new_code() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a' $$;",
        ),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
            fix="ALTER TABLE users ADD COLUMN token uuid;\n"
            "ALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();\n"
            "-- then, in batches (backfill.sql): UPDATE users SET token = gen_random_uuid() WHERE token IS NULL",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN lucky int NOT NULL DEFAULT (random() * 6)::int;",
            fix="ALTER TABLE users ADD COLUMN lucky int;\n"
            "ALTER TABLE users ALTER COLUMN lucky SET DEFAULT (random() * 6)::int;\n"
            "-- then, in batches (backfill.sql): UPDATE users SET lucky = (random() * 6)::int WHERE lucky IS NULL",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN code text DEFAULT app.new_code();",
            fix="ALTER TABLE users ADD COLUMN code text;\n"
            "ALTER TABLE users ALTER COLUMN code SET DEFAULT app.new_code();\n"
            "-- then, in batches (backfill.sql): UPDATE users SET code = app.new_code() WHERE code IS NULL",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new or not action.definition.constraints:
            return
        column = action.definition
        for constraint in map(unwrap, column.constraints):
            if constraint.contype != pb.CONSTR_DEFAULT:
                continue
            volatility, function = volatility_of(constraint.raw_expr, context.catalog.functions)
            if volatility is Volatility.NOT_VOLATILE:
                continue
            name, relation = ident(column.colname), action.relation
            default = deparse_expression(constraint.raw_expr)
            written_type = context.written_type(column)
            known = volatility is Volatility.VOLATILE
            yield Problem(
                f"adding column {name} rewrites {relation}: {function}() "
                + ("gives every row its own value" if known else "may be volatile, no file declares it"),
                why="nobody can read or write the table while it and all its indexes are written anew"
                + ("" if known else ", unless the function is declared STABLE or IMMUTABLE"),
                fix=f"ALTER TABLE {relation} ADD COLUMN {name} {written_type};\n"
                f"ALTER TABLE {relation} ALTER COLUMN {name} SET DEFAULT {default};\n"
                + in_batches(relation, name, default),
                lock=LockMode.ACCESS_EXCLUSIVE,
                severity=None if known else Severity.WARNING,
                span=context.span_at(column.location),
            )
