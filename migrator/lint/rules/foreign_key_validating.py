"""LK013 foreign-key-validating."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import (
    Fixable,
    Repair,
    action_span,
    alter_table,
    column_constraint_span,
    is_taken,
    not_valid,
    removal,
)
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb, unwrap


class ForeignKeyValidating(AlterTableRule):
    """ADD FOREIGN KEY that checks every row at once.

    Why it matters
        Both tables are locked SHARE ROW EXCLUSIVE while the referencing one is read and each row looked up: writes to
        either wait.

    What to do
        ADD … NOT VALID (brief), then VALIDATE CONSTRAINT in a later transaction, which lets reads and writes go on.

    Source
        PostgreSQL documentation, ALTER TABLE, "ADD table_constraint [ NOT VALID ]"; measured on 15 and 18.
    """

    code = "LK013"
    name = "foreign-key-validating"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.SHARE_ROW_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddConstraint, pb.AT_AddColumn)
    good = (
        Good("ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;"),
        Good("ALTER TABLE orders ADD COLUMN user_id bigint REFERENCES users (id);"),
        Good("CREATE TABLE orders (user_id bigint REFERENCES users (id));"),
        Good("CREATE TABLE orders (user_id bigint); ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;"),
    )
    bad = (
        Bad(
            "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id);",
            fix="ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) "
            "NOT VALID;\n-- in a later transaction:\n"
            "ALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey;",
        ),
        Bad(
            "ALTER TABLE orders ADD CONSTRAINT owner FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;",
            fix="ALTER TABLE orders ADD CONSTRAINT owner FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL "
            "NOT VALID;\n-- in a later transaction:\nALTER TABLE orders VALIDATE CONSTRAINT owner;",
        ),
        Bad(
            "ALTER TABLE orders ADD COLUMN user_id bigint DEFAULT 1 REFERENCES users (id);",
            fix="ALTER TABLE orders ADD COLUMN user_id bigint DEFAULT 1;\n"
            "ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) "
            "NOT VALID;\n-- in a later transaction:\n"
            "ALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_fkey;",
        ),
        Bad(
            "ALTER TABLE visits ADD CONSTRAINT visitor FOREIGN KEY (user_id) REFERENCES users (id);",
            earlier="CREATE TABLE visits (user_id bigint, at date) PARTITION BY RANGE (at);\n"
            "CREATE TABLE visits_now PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
            fix="-- for each partition: ALTER TABLE partition ADD CONSTRAINT … FOREIGN KEY … NOT VALID, and VALIDATE "
            "CONSTRAINT …\n"
            "-- (before 18 a partitioned table takes no NOT VALID); then, which finds these and reads nothing:\n"
            "-- ALTER TABLE visits ADD CONSTRAINT visitor FOREIGN KEY (user_id) REFERENCES users (id);",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        relation, table = action.relation, action.table.key[1]
        if action.command.subtype == pb.AT_AddConstraint:
            constraint = action.definition
            if constraint.contype != pb.CONSTR_FOREIGN or constraint.skip_validation or not constraint.is_enforced:
                return
            columns = names_in(constraint.fk_attrs)
            text = context.clause(constraint.location)
            name = constraint_name(constraint.conname, table, columns, "fkey")
            lock, waiting = LockMode.SHARE_ROW_EXCLUSIVE, "writes to"
            first, named = "", text if constraint.conname else f"CONSTRAINT {name} {text}"
        else:
            column = action.definition
            found = [unwrap(item) for item in column.constraints]
            constraint = next((item for item in found if item.contype == pb.CONSTR_FOREIGN), None)
            if constraint is None or not any(item.contype == pb.CONSTR_DEFAULT for item in found):
                return
            lock, waiting = LockMode.ACCESS_EXCLUSIVE, "all uses of"
            name = constraint_name(constraint.conname, table, (column.colname,), "fkey")
            first = f"ALTER TABLE {relation} ADD COLUMN {context.column_without(column, constraint)};\n"
            references = context.clause(constraint.location).partition("REFERENCES")[2]
            named = f"CONSTRAINT {name} FOREIGN KEY ({ident(column.colname)}) REFERENCES{references}"
        referenced = relation_name(constraint.pktable)
        fix = f"{first}ALTER TABLE {relation} ADD {named} NOT VALID;\n"
        if action.table.partitioned and context.pg_version < _NOT_VALID_ON_PARTITIONED:
            added = f"ALTER TABLE {relation} ADD {' '.join(named.split())};"
            fix = f"{first}-- for each partition: {_ON_A_PARTITION}\n-- {added}"
        else:
            fix += f"{LATER}\nALTER TABLE {relation} VALIDATE CONSTRAINT {name};"
        yield Problem(
            f"adding a foreign key checks every row of {relation}",
            why=f"{waiting} {relation} and writes to {referenced} wait until all rows are checked",
            fix=fix,
            lock=lock,
            span=context.span_at(constraint.location),
            repair=self._repair(action, context, constraint, name),
        )

    @staticmethod
    def _repair(action: Alteration, context: Context, constraint: Any, name: str) -> Repair | None:
        if action.table.partitioned and context.pg_version < _NOT_VALID_ON_PARTITIONED:
            return None
        if action.command.subtype == pb.AT_AddConstraint:
            return not_valid(action, context, name)
        own, whole = column_constraint_span(action, context, constraint), action_span(action)
        if own is None or whole is None or action.command.missing_ok or is_taken(action, name):
            return None
        references = context.source[own[0] : own[1]]
        references = references[re.search("REFERENCES", references, re.IGNORECASE).start() :]  # type: ignore[union-attr]
        key = f"CONSTRAINT {name} FOREIGN KEY ({ident(action.definition.colname)}) {references} NOT VALID"
        return Repair(
            (removal(context, own), Edit(whole[1], whole[1], f", ADD {key}")),
            after=(f"{alter_table(action)} VALIDATE CONSTRAINT {name}",),
            alone=True,
        )


_NOT_VALID_ON_PARTITIONED = 18
_ON_A_PARTITION = (
    "ALTER TABLE partition ADD CONSTRAINT … FOREIGN KEY … NOT VALID, and VALIDATE CONSTRAINT …\n"
    "-- (before 18 a partitioned table takes no NOT VALID); then, which finds these and reads nothing:"
)
