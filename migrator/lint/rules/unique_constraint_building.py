"""LK015 unique-constraint-building."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import constraint_name, index_then_constraint, spare_name
from migrator.lint.repairs import Fixable, Repair, alter_table, constraint_span, is_taken
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap
from migrator.sql.tokens import tokens


class UniqueConstraintBuilding(AlterTableRule):
    """ADD UNIQUE or PRIMARY KEY that builds its index on the spot.

    Why it matters
        The index is built under ACCESS EXCLUSIVE: nobody can read or write the table meanwhile.

    What to do
        Create the unique index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX, which is brief. A primary key also
        wants its columns NOT NULL first, or it reads the table. There is no NOT VALID for these constraints.

    Source
        PostgreSQL documentation, ALTER TABLE, "ADD table_constraint_using_index"; measured on 15 and 18.
    """

    code = "LK015"
    name = "unique-constraint-building"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BUILD
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;"),
        Good("CREATE TABLE users (id bigint); ALTER TABLE users ADD PRIMARY KEY (id);"),
        Good(
            "ALTER TABLE ONLY events ADD PRIMARY KEY (at);",
            earlier="CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);",
        ),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE (email);",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);\n"
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;",
        ),
        Bad(
            "ALTER TABLE ONLY app.users ADD PRIMARY KEY (id);",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_pkey ON app.users (id);\n"
            "ALTER TABLE app.users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey;",
        ),
        Bad(
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE NULLS NOT DISTINCT (email) INCLUDE (name) "
            "WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED;",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email) INCLUDE (name) NULLS NOT DISTINCT "
            "WITH (fillfactor = 70);\n"
            "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE "
            "USING INDEX users_email DEFERRABLE INITIALLY DEFERRED;",
            pg_version=15,
        ),
        Bad(
            "ALTER TABLE rooms ADD CONSTRAINT free UNIQUE (room, during WITHOUT OVERLAPS);",
            fix="-- no safe form: a new table that has the constraint, filled in batches, or a trigger",
            pg_version=18,
        ),
        Bad(
            "ALTER TABLE events ADD PRIMARY KEY (at);",
            earlier="CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);\n"
            "CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
            fix="ALTER TABLE ONLY events ADD CONSTRAINT events_pkey PRIMARY KEY (at);\n"
            "-- then, for each partition: CREATE UNIQUE INDEX CONCURRENTLY … ON partition (…), its constraint by\n"
            "-- USING INDEX, and ALTER INDEX … ATTACH PARTITION …",
        ),
        Bad(
            "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (a);",
            earlier="CREATE TABLE users (id int PRIMARY KEY, a int NOT NULL);",
            fix="CREATE UNIQUE INDEX CONCURRENTLY users_pkey_new ON users (a);\n"
            "ALTER TABLE users DROP CONSTRAINT users_pkey, "
            "ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey_new;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, relation = action.definition, action.relation
        if constraint.contype not in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY) or constraint.indexname or action.is_new:
            return
        if action.table.partitioned and not action.statement.node.relation.inh:
            return  # ONLY: of the parent, whose index stays invalid until those of all partitions are attached
        columns = names_in(constraint.keys)
        unique = constraint.contype == pb.CONSTR_UNIQUE
        words, suffix = ("UNIQUE", "key") if unique else ("PRIMARY KEY", "pkey")
        name = constraint_name(constraint.conname, action.table.key[1], columns if unique else (), suffix)
        listed = ", ".join(ident(column) for column in columns)
        if constraint.without_overlaps:
            fix = "-- no safe form: a new table that has the constraint, filled in batches, or a trigger"
        elif action.table.partitioned:
            fix = (
                f"ALTER TABLE ONLY {relation} ADD CONSTRAINT {name} {words} ({listed});\n"
                "-- then, for each partition: CREATE UNIQUE INDEX CONCURRENTLY … ON partition (…), its constraint by\n"
                "-- USING INDEX, and ALTER INDEX … ATTACH PARTITION …"
            )
        else:
            fix = index_then_constraint(relation, listed, name, constraint, replaces=_is_replaced(action, name))
        yield Problem(
            f"adding {words} builds an index on {relation} under an exclusive lock",
            why="nobody can read or write the table while the index is built",
            fix=fix,
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(constraint.location),
            repair=self._repair(action, context, name, listed, words),
        )

    @staticmethod
    def _repair(action: Alteration, context: Context, name: str, listed: str, words: str) -> Repair | None:
        constraint, span, known = action.definition, constraint_span(action, context), action.table
        commands = map(unwrap, action.statement.node.cmds)
        added = {unwrap(getattr(each, "def")).colname for each in commands if each.subtype == pb.AT_AddColumn}
        replaced = _is_replaced(action, name)
        if span is None or known.partitioned or added.intersection(names_in(constraint.keys)):
            return None
        if is_taken(action, name) and not replaced:
            return None
        if constraint.options or constraint.indexspace or constraint.including or constraint.nulls_not_distinct:
            return None  # they would have to be carried over to the index
        written = tokens(context.source[span[0] : span[1]])
        first = next((each for each in written if each.text in ("UNIQUE", "PRIMARY")), None)
        last = next((each for each in written if each.text == ")"), None)
        if first is None or last is None or constraint.without_overlaps:
            return None
        head = "" if constraint.conname else f"CONSTRAINT {name} "
        index = spare_name(name) if replaced else name
        nullable = [
            ident(column)
            for column in (names_in(constraint.keys) if words == "PRIMARY KEY" else ())
            if not (column in known.columns and known.columns[column].not_null)
        ]
        set_them = ", ".join(f"ALTER COLUMN {column} SET NOT NULL" for column in nullable)
        required = (f"{alter_table(action)} {set_them}",) if nullable else ()
        return Repair(
            (Edit(span[0] + first.start, span[0] + last.end, f"{head}{words} USING INDEX {index}"),),
            before=(*required, f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON {action.relation} ({listed})"),
            alone=True,
        )


def _is_replaced(action: Alteration, name: str) -> bool:
    """Whether the same statement drops a constraint of that name, whose index has it until then."""
    commands = map(unwrap, action.statement.node.cmds)
    return any(each.subtype == pb.AT_DropConstraint and ident(each.name) == name for each in commands)
