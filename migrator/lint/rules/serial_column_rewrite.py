"""LK006 serial-column-rewrite."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import is_serial, type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import in_batches
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap


class SerialColumnRewrite(AlterTableRule):
    """ADD COLUMN of a serial or identity type.

    Why it matters
        Every row gets its own number, so the table and all its indexes are written anew under ACCESS EXCLUSIVE.

    What to do
        Add a plain nullable column and a sequence, let the sequence be the default for new rows, fill old rows in
        batches.

    Source
        PostgreSQL documentation, "Serial Types"; rewrites measured on 15 and 18.
    """

    code = "LK006"
    name = "serial-column-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = ()
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN number bigint;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN number bigserial;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN number bigserial;",
            fix="ALTER TABLE users ADD COLUMN number bigint;\n"
            "CREATE SEQUENCE users_number_seq OWNED BY users.number;\n"
            "ALTER TABLE users ALTER COLUMN number SET DEFAULT nextval('users_number_seq');\n"
            "-- then, in batches (backfill.sql): UPDATE users SET number = nextval('users_number_seq') "
            "WHERE number IS NULL",
        ),
        Bad(
            "ALTER TABLE app.users ADD COLUMN number int GENERATED ALWAYS AS IDENTITY;",
            fix="ALTER TABLE app.users ADD COLUMN number integer;\n"
            "CREATE SEQUENCE app.users_number_seq OWNED BY app.users.number;\n"
            "ALTER TABLE app.users ALTER COLUMN number SET DEFAULT nextval('app.users_number_seq');\n"
            "-- then, in batches (backfill.sql): UPDATE app.users SET number = nextval('app.users_number_seq') "
            "WHERE number IS NULL",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column = action.definition
        serial = is_serial(column.type_name)
        identity = any(unwrap(item).contype == pb.CONSTR_IDENTITY for item in column.constraints)
        if action.is_new or not (serial or identity):
            return
        name, relation = ident(column.colname), action.relation
        sequence_name = f"{action.table.key[1]}_{column.colname}_seq"
        sequence = (relation.rpartition(".")[0] + "." if "." in relation else "") + ident(sequence_name)
        yield Problem(
            f"adding {'serial' if serial else 'identity'} column {name} rewrites {relation}",
            why="nobody can read or write the table while every row gets its number",
            fix=f"ALTER TABLE {relation} ADD COLUMN {name} {type_of(column.type_name).title};\n"
            f"CREATE SEQUENCE {sequence} OWNED BY {relation}.{name};\n"
            f"ALTER TABLE {relation} ALTER COLUMN {name} SET DEFAULT nextval('{sequence}');\n"
            + in_batches(relation, name, f"nextval('{sequence}')"),
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(column.location),
        )
