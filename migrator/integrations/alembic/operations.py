"""One function for each kind of change, and what goes with them. Written by ``tests/integrations/alembic/generate.py``.

In a revision::

    from migrator import alembic as phased

    def upgrade() -> None:
        phased.rename_column("users", "name", "full_name")

    def downgrade() -> None:
        phased.rollback()

``upgrade()`` adds the new shape; ``migrator backfill`` and ``migrator contract`` do the rest, when they may. A revision
has one phased operation, or several in a block: ``with phased.together(): …``. ``migrator explain KIND`` tells what
each does. Parameters are as in a ``[[change]]`` table; names are as PostgreSQL keeps them, without quotes.

Beside ``upgrade()`` there may be ``backfill()`` and ``contract()``, written by hand with ``op.*``. They are read when a
phased operation of ``upgrade()`` runs, ``phased.later()`` if there is no other, and run from the ledger::

    def upgrade() -> None:
        phased.later()
        op.add_column("users", sa.Column("full_name", sa.Text))

    def backfill() -> None:
        op.execute("UPDATE users SET full_name = name WHERE full_name IS NULL")

    def contract() -> None:
        op.drop_column("users", "name")
"""

# ruff: noqa: A002 - parameters are called what they are called everywhere else

from __future__ import annotations

from typing import Any, Literal

from alembic.operations import MigrateOperation, Operations

from migrator.integrations.alembic.apply import change, later, require_contracted, rollback, sql
from migrator.integrations.alembic.apply import several as together

__all__ = [
    "add_check",
    "add_column",
    "add_enum_value",
    "add_exclusion",
    "add_foreign_key",
    "add_identity",
    "add_primary_key",
    "add_unique",
    "alter_constraint",
    "alter_domain",
    "alter_policy",
    "alter_publication",
    "alter_sequence",
    "attach_partition",
    "change_primary_key",
    "change_type",
    "comment",
    "create_domain",
    "create_enum",
    "create_extension",
    "create_function",
    "create_index",
    "create_materialized_view",
    "create_policy",
    "create_publication",
    "create_schema",
    "create_sequence",
    "create_statistics",
    "create_table",
    "create_trigger",
    "create_type",
    "create_view",
    "detach_partition",
    "drop_column",
    "drop_constraint",
    "drop_enum_value",
    "drop_expression",
    "drop_extension",
    "drop_function",
    "drop_identity",
    "drop_index",
    "drop_not_null",
    "drop_policy",
    "drop_publication",
    "drop_schema",
    "drop_sequence",
    "drop_statistics",
    "drop_table",
    "drop_trigger",
    "drop_type",
    "drop_view",
    "extract_junction",
    "grant",
    "later",
    "merge_columns",
    "merge_tables",
    "move_column",
    "partition_table",
    "raw_sql",
    "refresh_materialized_view",
    "reindex",
    "rename_column",
    "rename_constraint",
    "rename_enum_value",
    "rename_index",
    "rename_policy",
    "rename_schema",
    "rename_sequence",
    "rename_table",
    "rename_trigger",
    "rename_type",
    "replace_function",
    "replace_materialized_view",
    "replace_view",
    "require_contracted",
    "revoke",
    "rollback",
    "set_column_options",
    "set_default",
    "set_identity",
    "set_index_options",
    "set_not_null",
    "set_owner",
    "set_replica_identity",
    "set_row_level_security",
    "set_schema",
    "set_statistics_target",
    "set_table_options",
    "set_tablespace",
    "set_view_options",
    "split_column",
    "split_table",
    "sql",
    "switch_trigger",
    "together",
    "unnest_column",
    "update_extension",
    "validate_constraint",
]

_DEFAULTS: dict[str, dict[str, str]] = {
    "add_check": {"schema": "public"},
    "add_column": {"schema": "public"},
    "add_enum_value": {"schema": "public"},
    "add_exclusion": {"schema": "public"},
    "add_foreign_key": {"schema": "public"},
    "add_identity": {"schema": "public"},
    "add_primary_key": {"schema": "public"},
    "add_unique": {"schema": "public"},
    "alter_constraint": {"schema": "public"},
    "alter_domain": {"schema": "public"},
    "alter_policy": {"schema": "public"},
    "alter_publication": {},
    "alter_sequence": {"schema": "public"},
    "attach_partition": {"schema": "public"},
    "change_primary_key": {"schema": "public"},
    "change_type": {"schema": "public"},
    "comment": {"schema": "public"},
    "create_domain": {"schema": "public"},
    "create_enum": {"schema": "public"},
    "create_extension": {},
    "create_function": {"schema": "public"},
    "create_index": {"schema": "public"},
    "create_materialized_view": {"schema": "public"},
    "create_policy": {"schema": "public"},
    "create_publication": {},
    "create_schema": {},
    "create_sequence": {"schema": "public"},
    "create_statistics": {"schema": "public"},
    "create_table": {"schema": "public"},
    "create_trigger": {"schema": "public"},
    "create_type": {"schema": "public"},
    "create_view": {"schema": "public"},
    "detach_partition": {"schema": "public"},
    "drop_column": {"schema": "public"},
    "drop_constraint": {"schema": "public"},
    "drop_enum_value": {"schema": "public"},
    "drop_expression": {"schema": "public"},
    "drop_extension": {},
    "drop_function": {"schema": "public"},
    "drop_identity": {"schema": "public"},
    "drop_index": {"schema": "public"},
    "drop_not_null": {"schema": "public"},
    "drop_policy": {"schema": "public"},
    "drop_publication": {},
    "drop_schema": {},
    "drop_sequence": {"schema": "public"},
    "drop_statistics": {"schema": "public"},
    "drop_table": {"schema": "public"},
    "drop_trigger": {"schema": "public"},
    "drop_type": {"schema": "public"},
    "drop_view": {"schema": "public"},
    "extract_junction": {"schema": "public"},
    "grant": {"schema": "public"},
    "merge_columns": {"schema": "public"},
    "merge_tables": {"schema": "public"},
    "move_column": {"schema": "public"},
    "partition_table": {"schema": "public"},
    "raw_sql": {},
    "refresh_materialized_view": {"schema": "public"},
    "reindex": {"schema": "public"},
    "rename_column": {"schema": "public"},
    "rename_constraint": {"schema": "public"},
    "rename_enum_value": {"schema": "public"},
    "rename_index": {"schema": "public"},
    "rename_policy": {"schema": "public"},
    "rename_schema": {},
    "rename_sequence": {"schema": "public"},
    "rename_table": {"schema": "public"},
    "rename_trigger": {"schema": "public"},
    "rename_type": {"schema": "public"},
    "replace_function": {"schema": "public"},
    "replace_materialized_view": {"schema": "public"},
    "replace_view": {"schema": "public"},
    "revoke": {"schema": "public"},
    "set_column_options": {"schema": "public"},
    "set_default": {"schema": "public"},
    "set_identity": {"schema": "public"},
    "set_index_options": {"schema": "public"},
    "set_not_null": {"schema": "public"},
    "set_owner": {"schema": "public"},
    "set_replica_identity": {"schema": "public"},
    "set_row_level_security": {"schema": "public"},
    "set_schema": {"schema": "public"},
    "set_statistics_target": {"schema": "public"},
    "set_table_options": {"schema": "public"},
    "set_tablespace": {"schema": "public"},
    "set_view_options": {"schema": "public"},
    "split_column": {"schema": "public"},
    "split_table": {"schema": "public"},
    "switch_trigger": {"schema": "public"},
    "unnest_column": {"schema": "public"},
    "update_extension": {},
    "validate_constraint": {"schema": "public"},
}


def add_check(table: str, constraint: str, definition: str, *, not_valid: bool = False, schema: str = "public") -> None:
    """Add a CHECK constraint.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
        not_valid: whether rows that are there stay unchecked, until VALIDATE CONSTRAINT.
    """
    change(
        "add_check",
        {"schema": schema, "table": table, "constraint": constraint, "definition": definition, "not_valid": not_valid},
    )


def add_column(
    table: str,
    column: str,
    type: str,
    *,
    collation: str = "",
    not_null: bool = False,
    default: str = "",
    fill: str = "",
    next_default: str = "",
    drops_default: bool = False,
    identity: str = "",
    serial: bool = False,
    generated: str = "",
    storage: str = "",
    compression: str = "",
    schema: str = "public",
) -> None:
    """Add a column that old code does not know.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        type: as SQL.
        collation: as SQL, or an empty string.
        not_null: whether NULL is refused; needs a default, a fill, an identity or a sequence.
        default: as SQL; an empty string for none.
        fill: what rows hold that were there before or that old code inserts, as SQL over the row's columns; in a
            nullable column, those of which it is not NULL.
        next_default: the default of rows to come where it is another than that of the rows that are there, as SQL.
        drops_default: whether the default is for old code only: contract drops it.
        identity: ``always`` or ``by default`` for GENERATED … AS IDENTITY, or an empty string.
        serial: whether it draws from a sequence of its own.
        generated: expression of a virtual generated column; an empty string for any other.
        storage: ``PLAIN``, ``EXTERNAL``, ``EXTENDED`` or ``MAIN``; an empty string: as the type has it.
        compression: ``pglz`` or ``lz4``; an empty string: as the server has it.
    """
    change(
        "add_column",
        {
            "schema": schema,
            "table": table,
            "column": column,
            "type": type,
            "collation": collation,
            "not_null": not_null,
            "default": default,
            "fill": fill,
            "next_default": next_default,
            "drops_default": drops_default,
            "identity": identity,
            "serial": serial,
            "generated": generated,
            "storage": storage,
            "compression": compression,
        },
    )


def add_enum_value(type: str, value: str, *, before: str = "", after: str = "", schema: str = "public") -> None:
    """Add a value to an enumerated type.

    Args:
        schema: of the type.
        type: its name.
        value: the new value.
        before: the value it comes directly before; an empty string: none.
        after: the value it comes directly after; an empty string: none. Without either it becomes the last.
    """
    change("add_enum_value", {"schema": schema, "type": type, "value": value, "before": before, "after": after})


def add_exclusion(table: str, constraint: str, definition: str, *, schema: str = "public") -> None:
    """Add an exclusion constraint.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
    """
    change("add_exclusion", {"schema": schema, "table": table, "constraint": constraint, "definition": definition})


def add_foreign_key(
    table: str, constraint: str, definition: str, *, not_valid: bool = False, schema: str = "public"
) -> None:
    """Add a foreign key.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
        not_valid: whether rows that are there stay unchecked, until VALIDATE CONSTRAINT.
    """
    change(
        "add_foreign_key",
        {"schema": schema, "table": table, "constraint": constraint, "definition": definition, "not_valid": not_valid},
    )


def add_identity(
    table: str,
    column: str,
    *,
    identity: Literal["always", "by default"] = "by default",
    options: str = "",
    phase: Literal["expand", "contract"] = "contract",
    schema: str = "public",
) -> None:
    """Make an identity column of a column that is there, serial ones among them.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        identity: ``always`` where inserts that name a value are to fail, ``by default`` where they may.
        options: of its sequence, as SQL: ``START WITH 1000 CACHE 20``.
        phase: ``contract`` for a serial column; for another one ``expand``, where the values that code names are
            none that the sequence comes to.
    """
    change(
        "add_identity",
        {"schema": schema, "table": table, "column": column, "identity": identity, "options": options, "phase": phase},
    )


def add_primary_key(table: str, constraint: str, definition: str, *, schema: str = "public") -> None:
    """Add a primary key to a table without one.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
    """
    change("add_primary_key", {"schema": schema, "table": table, "constraint": constraint, "definition": definition})


def add_unique(table: str, constraint: str, definition: str, *, schema: str = "public") -> None:
    """Add a UNIQUE constraint.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
    """
    change("add_unique", {"schema": schema, "table": table, "constraint": constraint, "definition": definition})


def alter_constraint(
    table: str,
    constraint: str,
    to: Literal[
        "not deferrable", "deferrable", "initially deferred", "enforced", "not enforced", "inherited", "not inherited"
    ],
    *,
    schema: str = "public",
) -> None:
    """Change when a foreign key is checked, whether it is at all, or whether children get a NOT NULL.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        to: what it is afterwards; ``deferrable`` is checked at once unless a transaction asks for later.
    """
    change("alter_constraint", {"schema": schema, "table": table, "constraint": constraint, "to": to})


def alter_domain(
    type: str,
    action: Literal[
        "set default", "drop default", "set not null", "drop not null", "add constraint", "drop constraint"
    ],
    *,
    value: str = "",
    constraint: str = "",
    schema: str = "public",
) -> None:
    """Change the default or the checks of a domain.

    Args:
        schema: of the type.
        type: its name.
        action: what becomes of it.
        value: the default or the condition over VALUE, as SQL.
        constraint: the name of the constraint.
    """
    change("alter_domain", {"schema": schema, "type": type, "action": action, "value": value, "constraint": constraint})


def alter_policy(
    table: str, policy: str, *, using: str = "", check: str = "", roles: tuple[str, ...] = (), schema: str = "public"
) -> None:
    """Change whom a row security policy is for, or its conditions.

    Args:
        schema: of the table.
        table: its name.
        policy: its name.
        using: the new condition on the rows that are seen, as SQL.
        check: the new condition on the rows that are written, as SQL.
        roles: whom it is for; ``public`` is everybody.
    """
    change(
        "alter_policy",
        {"schema": schema, "table": table, "policy": policy, "using": using, "check": check, "roles": roles},
    )


def alter_publication(publication: str, *, add: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> None:
    """Add tables to a publication, or take tables out of it.

    Args:
        publication: its name.
        add: tables as SQL: ``public.orders (id, total)``.
        drop: tables as SQL.
    """
    change("alter_publication", {"publication": publication, "add": add, "drop": drop})


def alter_sequence(sequence: str, options: str, *, schema: str = "public") -> None:
    """Change how a sequence counts.

    Args:
        schema: of the sequence.
        sequence: its name.
        options: the new ones, as SQL: ``CACHE 100 NO CYCLE``.
    """
    change("alter_sequence", {"schema": schema, "sequence": sequence, "options": options})


def attach_partition(
    table: str, partition: str, bound: str, *, partition_schema: str = "", schema: str = "public"
) -> None:
    """Attach a table as a partition.

    Args:
        schema: of the table.
        table: its name.
        partition: its name.
        partition_schema: the schema it is in; an empty string: that of the table.
        bound: which rows it holds: ``FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')``.
    """
    change(
        "attach_partition",
        {
            "schema": schema,
            "table": table,
            "partition": partition,
            "bound": bound,
            "partition_schema": partition_schema,
        },
    )


def change_primary_key(
    table: str, constraint: str, definition: str, replaces: str, *, comment: str = "", schema: str = "public"
) -> None:
    """Give a table another primary key.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``, ``UNIQUE
            (email)``.
        replaces: name of the primary key that goes.
        comment: what the new one is for; an empty string: it has no comment.
    """
    change(
        "change_primary_key",
        {
            "schema": schema,
            "table": table,
            "constraint": constraint,
            "definition": definition,
            "replaces": replaces,
            "comment": comment,
        },
    )


def change_type(
    table: str,
    column: str,
    type: str,
    *,
    collation: str = "",
    up: str = "",
    default: str = "",
    in_place: bool = False,
    schema: str = "public",
) -> None:
    """Change the type of a column while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        column: its name, the same before and after.
        type: the new type, as SQL.
        collation: of the new type, as SQL; an empty string: the type's own.
        up: the new value computed from the row's columns, as SQL; an empty string: the old value cast to the
            type.
        default: of the column after contract, as SQL; an empty string: the old default, converted like a value.
        in_place: whether the server just notes the new type; from SQL text it is found out by itself.
    """
    change(
        "change_type",
        {
            "schema": schema,
            "table": table,
            "column": column,
            "type": type,
            "collation": collation,
            "up": up,
            "default": default,
            "in_place": in_place,
        },
    )


def comment(
    on: Literal[
        "table",
        "column",
        "index",
        "constraint",
        "trigger",
        "policy",
        "view",
        "materialized view",
        "foreign table",
        "sequence",
        "type",
        "domain",
        "function",
        "procedure",
        "statistics",
        "schema",
        "extension",
        "publication",
    ],
    name: str,
    *,
    text: str = "",
    table: str = "",
    schema: str = "public",
) -> None:
    """Say what an object is for.

    Args:
        on: what kind of object it is.
        schema: of the object; without meaning for a schema, an extension or a publication.
        name: of the object.
        text: the comment; an empty string: none.
        table: the table of a column, constraint, trigger or policy.
    """
    change("comment", {"schema": schema, "on": on, "name": name, "text": text, "table": table})


def create_domain(type: str, definition: str, *, schema: str = "public") -> None:
    """Create a domain: a type that checks its values.

    Args:
        schema: of the type.
        type: its name.
        definition: what follows AS: ``text NOT NULL CHECK (VALUE <> '')``.
    """
    change("create_domain", {"schema": schema, "type": type, "definition": definition})


def create_enum(type: str, *, labels: tuple[str, ...] = (), schema: str = "public") -> None:
    """Create an enumerated type.

    Args:
        schema: of the type.
        type: its name.
        labels: its values in their order.
    """
    change("create_enum", {"schema": schema, "type": type, "labels": labels})


def create_extension(extension: str, *, into: str = "", version: str = "", if_absent: bool = False) -> None:
    """Install an extension.

    Args:
        extension: its name.
        into: the schema of its objects; an empty string: its own, or the first of the ``search_path``.
        version: an empty string: the one that the server has as default.
        if_absent: whether an extension that is there already is left as it is, also by rollback.
    """
    change("create_extension", {"extension": extension, "into": into, "version": version, "if_absent": if_absent})


def create_function(function: str, definition: str, *, schema: str = "public") -> None:
    """Create a function or a procedure.

    Args:
        schema: of the function.
        function: its name.
        definition: ``CREATE FUNCTION …`` or ``CREATE PROCEDURE …`` with its name qualified.
    """
    change("create_function", {"schema": schema, "function": function, "definition": definition})


def create_index(table: str, index: str, definition: str, *, unique: bool = False, schema: str = "public") -> None:
    """Create an index without blocking writes.

    Args:
        schema: of the table.
        table: its name.
        index: its name.
        definition: ``CREATE INDEX CONCURRENTLY …`` with the table qualified.
        unique: whether it refuses duplicates.
    """
    change(
        "create_index", {"schema": schema, "table": table, "index": index, "definition": definition, "unique": unique}
    )


def create_materialized_view(view: str, definition: str, *, schema: str = "public") -> None:
    """Create a materialized view.

    Args:
        schema: of the view.
        view: its name.
        definition: ``CREATE MATERIALIZED VIEW …`` with its own name and those it reads qualified.
    """
    change("create_materialized_view", {"schema": schema, "view": view, "definition": definition})


def create_policy(
    table: str,
    policy: str,
    *,
    using: str = "",
    check: str = "",
    command: Literal["all", "select", "insert", "update", "delete"] = "all",
    roles: tuple[str, ...] = ("public",),
    permissive: bool = True,
    schema: str = "public",
) -> None:
    """Create a row security policy.

    Args:
        schema: of the table.
        table: its name.
        policy: its name.
        using: condition on the rows that are seen, as SQL; an empty string: none.
        check: condition on the rows that are written, as SQL; an empty string: ``using``.
        command: what it is for.
        roles: whom it is for; ``public`` is everybody.
        permissive: whether it lets rows through; False: it keeps rows back that others let through.
    """
    change(
        "create_policy",
        {
            "schema": schema,
            "table": table,
            "policy": policy,
            "using": using,
            "check": check,
            "command": command,
            "roles": roles,
            "permissive": permissive,
        },
    )


def create_publication(
    publication: str,
    *,
    tables: tuple[str, ...] = (),
    schemas: tuple[str, ...] = (),
    all_tables: bool = False,
    options: tuple[str, ...] = (),
) -> None:
    """Publish tables for logical replication.

    Args:
        publication: its name.
        tables: as SQL: ``public.orders``, ``public.orders (id, total) WHERE (total > 0)``.
        schemas: those whose tables are published, also later ones.
        all_tables: every table of the database, also later ones.
        options: ``NAME=VALUE`` each.
    """
    change(
        "create_publication",
        {
            "publication": publication,
            "tables": tables,
            "schemas": schemas,
            "all_tables": all_tables,
            "options": options,
        },
    )


def create_schema(name: str, *, owner: str = "") -> None:
    """Create a schema.

    Args:
        name: of the schema.
        owner: a role; an empty string: the one that runs expand.
    """
    change("create_schema", {"name": name, "owner": owner})


def create_sequence(sequence: str, *, options: str = "", schema: str = "public") -> None:
    """Create a sequence.

    Args:
        schema: of the sequence.
        sequence: its name.
        options: as SQL: ``START WITH 100 CACHE 20``.
    """
    change("create_sequence", {"schema": schema, "sequence": sequence, "options": options})


def create_statistics(
    table: str, statistics: str, definition: str, *, statistics_schema: str = "", schema: str = "public"
) -> None:
    """Create extended statistics.

    Args:
        schema: of the table.
        table: its name.
        statistics: their name.
        statistics_schema: where they are; an empty string: in the schema of the table.
        definition: ``CREATE STATISTICS …`` with table and name qualified.
    """
    change(
        "create_statistics",
        {
            "schema": schema,
            "table": table,
            "statistics": statistics,
            "definition": definition,
            "statistics_schema": statistics_schema,
        },
    )


def create_table(table: str, definition: str, *, references: tuple[str, ...] = (), schema: str = "public") -> None:
    """Create a table.

    Args:
        schema: of the table.
        table: its name.
        definition: ``CREATE TABLE …`` with its own name and those it refers to qualified.
        references: other tables its foreign keys point to, qualified, as SQL.
    """
    change("create_table", {"schema": schema, "table": table, "definition": definition, "references": references})


def create_trigger(
    table: str,
    trigger: str,
    definition: str,
    phase: Literal["expand", "contract"],
    *,
    replaces: bool = False,
    schema: str = "public",
) -> None:
    """Create a trigger.

    Args:
        schema: of the table.
        table: its name.
        trigger: its name.
        definition: ``CREATE TRIGGER …`` with its table and function qualified.
        phase: ``expand`` if writes of old code may fire it, else ``contract``.
        replaces: whether it takes the place of the trigger that has its name.
    """
    change(
        "create_trigger",
        {
            "schema": schema,
            "table": table,
            "trigger": trigger,
            "definition": definition,
            "phase": phase,
            "replaces": replaces,
        },
    )


def create_type(type: str, attributes: tuple[str, ...], *, schema: str = "public") -> None:
    """Create a composite type.

    Args:
        schema: of the type.
        type: its name.
        attributes: name and type each, as SQL: ``street text``, ``number integer``.
    """
    change("create_type", {"schema": schema, "type": type, "attributes": attributes})


def create_view(view: str, definition: str, *, schema: str = "public") -> None:
    """Create a view.

    Args:
        schema: of the view.
        view: its name.
        definition: ``CREATE VIEW …`` with its own name and those it reads qualified.
    """
    change("create_view", {"schema": schema, "view": view, "definition": definition})


def detach_partition(table: str, partition: str, *, partition_schema: str = "", schema: str = "public") -> None:
    """Detach a partition.

    Args:
        schema: of the table.
        table: its name.
        partition: its name.
        partition_schema: the schema it is in; an empty string: that of the table.
    """
    change(
        "detach_partition",
        {"schema": schema, "table": table, "partition": partition, "partition_schema": partition_schema},
    )


def drop_column(table: str, column: str, *, down: str = "", default: str = "", schema: str = "public") -> None:
    """Drop a column that new code no longer uses.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        down: what old code finds in rows that new code inserts, as SQL; an empty string: the column's default, or
            NULL.
        default: the default before, restored by rollback; an empty string for none.
    """
    change("drop_column", {"schema": schema, "table": table, "column": column, "down": down, "default": default})


def drop_constraint(table: str, constraint: str, *, if_exists: bool = False, schema: str = "public") -> None:
    """Drop a constraint that new code no longer needs.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        if_exists: whether it need not be there.
    """
    change("drop_constraint", {"schema": schema, "table": table, "constraint": constraint, "if_exists": if_exists})


def drop_enum_value(
    type: str, value: str, *, replacement: str = "", columns: tuple[str, ...] = (), schema: str = "public"
) -> None:
    """Take a value away from an enumerated type while old and new code run.

    Args:
        schema: of the type.
        type: its name.
        value: the value that goes.
        replacement: the value that rows hold instead; an empty string: contract is refused while rows hold the value.
        columns: all that hold values of the type, or arrays of them, as ``table.column`` or ``schema.table.column``;
            without a schema: in that of the type. From SQL text they are found by themselves.
    """
    change(
        "drop_enum_value",
        {"schema": schema, "type": type, "value": value, "replacement": replacement, "columns": columns},
    )


def drop_expression(table: str, column: str, *, schema: str = "public") -> None:
    """Make an ordinary column of a stored generated column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
    """
    change("drop_expression", {"schema": schema, "table": table, "column": column})


def drop_extension(extension: str) -> None:
    """Drop an extension that nothing uses any more.

    Args:
        extension: its name.
    """
    change("drop_extension", {"extension": extension})


def drop_function(
    function: str, *, arguments: tuple[str, ...] = (), procedure: bool = False, schema: str = "public"
) -> None:
    """Drop a function or a procedure that new code no longer calls.

    Args:
        schema: of the function.
        function: its name.
        arguments: the types of its input parameters, as SQL.
        procedure: whether it is a procedure.
    """
    change("drop_function", {"schema": schema, "function": function, "arguments": arguments, "procedure": procedure})


def drop_identity(table: str, column: str, *, schema: str = "public") -> None:
    """Make an ordinary column of an identity column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
    """
    change("drop_identity", {"schema": schema, "table": table, "column": column})


def drop_index(table: str, index: str, *, schema: str = "public") -> None:
    """Drop an index that new code no longer needs.

    Args:
        schema: of the table.
        table: its name.
        index: its name; it is in the schema of its table.
    """
    change("drop_index", {"schema": schema, "table": table, "index": index})


def drop_not_null(
    table: str, column: str, *, phase: Literal["expand", "contract"] = "contract", schema: str = "public"
) -> None:
    """Allow NULL in a column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        phase: ``contract``, or ``expand`` where old code can read NULL.
    """
    change("drop_not_null", {"schema": schema, "table": table, "column": column, "phase": phase})


def drop_policy(table: str, policy: str, *, schema: str = "public") -> None:
    """Drop a row security policy.

    Args:
        schema: of the table.
        table: its name.
        policy: its name.
    """
    change("drop_policy", {"schema": schema, "table": table, "policy": policy})


def drop_publication(publication: str) -> None:
    """Drop a publication that nobody subscribes to any more.

    Args:
        publication: its name.
    """
    change("drop_publication", {"publication": publication})


def drop_schema(name: str) -> None:
    """Drop a schema that is empty.

    Args:
        name: of the schema.
    """
    change("drop_schema", {"name": name})


def drop_sequence(sequence: str, *, schema: str = "public") -> None:
    """Drop a sequence that nothing draws from any more.

    Args:
        schema: of the sequence.
        sequence: its name.
    """
    change("drop_sequence", {"schema": schema, "sequence": sequence})


def drop_statistics(statistics: str, *, schema: str = "public") -> None:
    """Drop extended statistics.

    Args:
        schema: of the statistics.
        statistics: their name.
    """
    change("drop_statistics", {"schema": schema, "statistics": statistics})


def drop_table(table: str, *, if_exists: bool = False, schema: str = "public") -> None:
    """Drop a table that new code no longer uses.

    Args:
        schema: of the table.
        table: its name.
        if_exists: whether it need not be there.
    """
    change("drop_table", {"schema": schema, "table": table, "if_exists": if_exists})


def drop_trigger(
    table: str, trigger: str, *, phase: Literal["expand", "contract"] = "contract", schema: str = "public"
) -> None:
    """Drop a trigger.

    Args:
        schema: of the table.
        table: its name.
        trigger: its name.
        phase: ``contract``, or ``expand`` where old code can do without it.
    """
    change("drop_trigger", {"schema": schema, "table": table, "trigger": trigger, "phase": phase})


def drop_type(type: str, *, schema: str = "public") -> None:
    """Drop a type or a domain that nothing uses any more.

    Args:
        schema: of the type.
        type: its name.
    """
    change("drop_type", {"schema": schema, "type": type})


def drop_view(view: str, *, materialized: bool = False, schema: str = "public") -> None:
    """Drop a view that new code no longer uses, plain or materialized.

    Args:
        schema: of the view.
        view: its name.
        materialized: whether it is a materialized view.
    """
    change("drop_view", {"schema": schema, "view": view, "materialized": materialized})


def extract_junction(
    table: str,
    columns: tuple[str, ...],
    to: str,
    definition: str,
    *,
    names: tuple[str, ...] = (),
    to_schema: str = "",
    schema: str = "public",
) -> None:
    """Let rows belong to many others: a key, and what goes with it, becomes rows of a junction table.

    Args:
        schema: of the table.
        table: its name.
        columns: those that move: the key of what a row belongs to, and what goes with it.
        to: the new table.
        definition: its CREATE TABLE: a foreign key to the table and the key, both the primary key, and the others.
        names: what the columns are called there, in the same order; none: as they are here.
        to_schema: its schema; an empty string: that of the table.
    """
    change(
        "extract_junction",
        {
            "schema": schema,
            "table": table,
            "columns": columns,
            "to": to,
            "definition": definition,
            "names": names,
            "to_schema": to_schema,
        },
    )


def grant(
    on: Literal["table", "sequence", "schema", "function"],
    name: str,
    privileges: tuple[str, ...],
    roles: tuple[str, ...],
    *,
    grantable: bool = False,
    schema: str = "public",
) -> None:
    """Grant privileges.

    Args:
        on: ``table`` (views too), ``sequence``, ``schema`` or ``function``.
        schema: of the object; without meaning for a schema.
        name: of the object.
        privileges: ``SELECT``, ``UPDATE (a, b)`` and so on; ``ALL`` for all there are.
        roles: to whom; ``public`` is everybody.
        grantable: with GRANT OPTION; when taken away, only that option.
    """
    change(
        "grant",
        {"schema": schema, "on": on, "name": name, "privileges": privileges, "roles": roles, "grantable": grantable},
    )


def merge_columns(
    table: str,
    columns: tuple[str, ...],
    into: str,
    type: str,
    up: str,
    down: tuple[str, ...],
    *,
    schema: str = "public",
) -> None:
    """Merge several columns into one while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        columns: those that go.
        into: the name of the column that comes.
        type: its type, as SQL.
        up: its value, as SQL over the old columns.
        down: the value of each old column, as SQL over the new one.
    """
    change(
        "merge_columns",
        {"schema": schema, "table": table, "columns": columns, "into": into, "type": type, "up": up, "down": down},
    )


def merge_tables(
    table: str,
    columns: tuple[str, ...],
    into: str,
    *,
    into_schema: str = "",
    key: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    nullable: tuple[str, ...] = (),
    schema: str = "public",
) -> None:
    """Merge a table into another one whose rows it belongs to one to one, while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        columns: those that go into the other table; they keep their names.
        into: the other table.
        into_schema: its schema; an empty string: that of the table that goes.
        key: columns of the table that goes which are its foreign key to the other one; none: those of the only
            one.
        without: columns that go with the table; no other code needs what they hold.
        nullable: columns that are NOT NULL in the table that goes, and may be NULL in the other one.
    """
    change(
        "merge_tables",
        {
            "schema": schema,
            "table": table,
            "columns": columns,
            "into": into,
            "into_schema": into_schema,
            "key": key,
            "without": without,
            "nullable": nullable,
        },
    )


def move_column(
    table: str,
    columns: tuple[str, ...],
    to: str,
    *,
    to_schema: str = "",
    key: tuple[str, ...] = (),
    old_key: tuple[str, ...] = (),
    many: bool = False,
    where: str = "",
    schema: str = "public",
) -> None:
    """Move columns to another table while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        columns: those that move; they keep their names.
        to: the table they move to.
        to_schema: its schema; an empty string: that of the table they are in.
        key: columns of that table which hold the key of the row they belong to; none: those of its foreign key.
        old_key: columns of the table they are in that ``key`` holds; none: those its foreign key points to, or those
            of a unique foreign key to ``key``, or the primary key.
        many: whether several rows of that table belong to one row, and each gets its value.
        where: a condition over columns of that table: of several rows that belong to one row, the one that has the
            value.
    """
    change(
        "move_column",
        {
            "schema": schema,
            "table": table,
            "columns": columns,
            "to": to,
            "to_schema": to_schema,
            "key": key,
            "old_key": old_key,
            "many": many,
            "where": where,
        },
    )


def partition_table(table: str, by: str, partition: str, bound: str, *, schema: str = "public") -> None:
    """Make a table a partitioned one whose first partition is all that is there.

    Args:
        schema: of the table.
        table: its name.
        by: how rows are divided: ``RANGE (created_at)``.
        partition: what the table that is there is called afterwards, in the same schema.
        bound: which rows it holds: ``FOR VALUES FROM (MINVALUE) TO ('2027-01-01')``, ``DEFAULT``.
    """
    change("partition_table", {"schema": schema, "table": table, "by": by, "partition": partition, "bound": bound})


def raw_sql(
    statement: str,
    phase: Literal["expand", "backfill", "contract"],
    *,
    undo: str = "",
    verify: str = "",
    in_transaction: bool = True,
    tables: tuple[str, ...] = (),
    group: str = "",
    key: tuple[str, ...] = (),
) -> None:
    """Any statement, in the phase that its author says.

    Args:
        statement: what runs.
        phase: when it runs.
        undo: what undoes it in rollback, for expand; an empty string: nothing does.
        verify: for backfill, a condition that is true for a row that is still wrong; an empty string: its WHERE.
        key: for backfill, columns in whose order batches go, for what has no blocks to go by; none: as the table
            lies.
        in_transaction: False: it runs by itself, outside a transaction.
        tables: those it mentions, as SQL.
        group: statements of one name that follow each other commit together; an empty string: those that begin
            alike.
    """
    change(
        "raw_sql",
        {
            "statement": statement,
            "phase": phase,
            "undo": undo,
            "verify": verify,
            "in_transaction": in_transaction,
            "tables": tables,
            "group": group,
            "key": key,
        },
    )


def refresh_materialized_view(view: str, *, schema: str = "public") -> None:
    """Bring the rows of a materialized view up to date.

    Args:
        schema: of the view.
        view: its name.
    """
    change("refresh_materialized_view", {"schema": schema, "view": view})


def reindex(table: str, index: str, *, tablespace: str = "", schema: str = "public") -> None:
    """Build an index anew.

    Args:
        schema: of the table.
        table: its name.
        index: its name; it is in the schema of its table.
        tablespace: where it is built; an empty string: where it is.
    """
    change("reindex", {"schema": schema, "table": table, "index": index, "tablespace": tablespace})


def rename_column(table: str, column: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a column while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        column: the name old code uses.
        new_name: the name new code uses.
    """
    change("rename_column", {"schema": schema, "table": table, "column": column, "new_name": new_name})


def rename_constraint(table: str, constraint: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a constraint.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
        new_name: what it is called afterwards.
    """
    change("rename_constraint", {"schema": schema, "table": table, "constraint": constraint, "new_name": new_name})


def rename_enum_value(type: str, value: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a value of an enumerated type, for code that copes with both names.

    Args:
        schema: of the type.
        type: its name.
        value: what it is called.
        new_name: what it is called after contract.
    """
    change("rename_enum_value", {"schema": schema, "type": type, "value": value, "new_name": new_name})


def rename_index(table: str, index: str, new_name: str, *, schema: str = "public") -> None:
    """Rename an index.

    Args:
        schema: of the table.
        table: its name.
        index: its name; it is in the schema of its table.
        new_name: what it is called afterwards.
    """
    change("rename_index", {"schema": schema, "table": table, "index": index, "new_name": new_name})


def rename_policy(table: str, policy: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a row security policy.

    Args:
        schema: of the table.
        table: its name.
        policy: its name.
        new_name: what it is called afterwards.
    """
    change("rename_policy", {"schema": schema, "table": table, "policy": policy, "new_name": new_name})


def rename_schema(
    name: str,
    new_name: str,
    *,
    tables: tuple[str, ...] = (),
    functions: tuple[str, ...] = (),
    tables_only: bool = False,
) -> None:
    """Rename a schema, under both names until no old code is left.

    Args:
        name: of the schema.
        new_name: what it is called afterwards.
        tables: everything in it that can be read: tables, views, materialized views and foreign tables. From SQL
            text they are found by themselves.
        functions: names of the functions and procedures in it, but for those of triggers; none with ``tables_only``.
            From SQL text they are found by themselves.
        tables_only: whether the author says that new code names nothing else of it before contract.
    """
    change(
        "rename_schema",
        {"name": name, "new_name": new_name, "tables": tables, "functions": functions, "tables_only": tables_only},
    )


def rename_sequence(sequence: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a sequence.

    Args:
        schema: of the sequence.
        sequence: its name.
        new_name: what it is called afterwards, in the same schema.
    """
    change("rename_sequence", {"schema": schema, "sequence": sequence, "new_name": new_name})


def rename_table(table: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a table, under both names until no old code is left.

    Args:
        schema: of the table.
        table: its name.
        new_name: what it is called afterwards, in the same schema.
    """
    change("rename_table", {"schema": schema, "table": table, "new_name": new_name})


def rename_trigger(table: str, trigger: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a trigger.

    Args:
        schema: of the table.
        table: its name.
        trigger: its name.
        new_name: what it is called afterwards.
    """
    change("rename_trigger", {"schema": schema, "table": table, "trigger": trigger, "new_name": new_name})


def rename_type(type: str, new_name: str, *, schema: str = "public") -> None:
    """Rename a type or a domain.

    Args:
        schema: of the type.
        type: its name.
        new_name: what it is called afterwards, in the same schema.
    """
    change("rename_type", {"schema": schema, "type": type, "new_name": new_name})


def replace_function(
    function: str,
    definition: str,
    *,
    phase: Literal["expand", "contract"] = "expand",
    anew: bool = False,
    schema: str = "public",
) -> None:
    """Give a function or a procedure a new body, or other properties.

    Args:
        schema: of the function.
        function: its name.
        definition: ``CREATE FUNCTION …`` or ``CREATE PROCEDURE …`` with its name qualified.
        phase: ``expand``, or ``contract`` where old code needs the body it has.
        anew: whether it is dropped and created in one transaction, because the server cannot replace it in place.
    """
    change(
        "replace_function",
        {"schema": schema, "function": function, "definition": definition, "phase": phase, "anew": anew},
    )


def replace_materialized_view(
    view: str, definition: str, phase: Literal["expand", "contract"], *, schema: str = "public"
) -> None:
    """Give a materialized view a new query.

    Args:
        schema: of the view.
        view: its name.
        definition: ``CREATE MATERIALIZED VIEW …`` with its own name and those it reads qualified.
        phase: from when on the new query is read: ``contract``, or ``expand`` where old code can read it.
    """
    change("replace_materialized_view", {"schema": schema, "view": view, "definition": definition, "phase": phase})


def replace_view(
    view: str, definition: str, *, phase: Literal["expand", "contract"] = "contract", schema: str = "public"
) -> None:
    """Give a view a new query.

    Args:
        schema: of the view.
        view: its name.
        definition: ``CREATE VIEW …`` with its own name and those it reads qualified.
        phase: ``contract``, or ``expand`` where old code can read the new definition.
    """
    change("replace_view", {"schema": schema, "view": view, "definition": definition, "phase": phase})


def revoke(
    on: Literal["table", "sequence", "schema", "function"],
    name: str,
    privileges: tuple[str, ...],
    roles: tuple[str, ...],
    *,
    grantable: bool = False,
    schema: str = "public",
) -> None:
    """Revoke privileges that no code needs any more.

    Args:
        on: ``table`` (views too), ``sequence``, ``schema`` or ``function``.
        schema: of the object; without meaning for a schema.
        name: of the object.
        privileges: ``SELECT``, ``UPDATE (a, b)`` and so on; ``ALL`` for all there are.
        roles: to whom; ``public`` is everybody.
        grantable: with GRANT OPTION; when taken away, only that option.
    """
    change(
        "revoke",
        {"schema": schema, "on": on, "name": name, "privileges": privileges, "roles": roles, "grantable": grantable},
    )


def set_column_options(
    table: str,
    column: str,
    *,
    statistics: str = "",
    storage: str = "",
    compression: str = "",
    options: tuple[str, ...] = (),
    reset: tuple[str, ...] = (),
    schema: str = "public",
) -> None:
    """Change how the server samples, stores or compresses a column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        statistics: how many values ANALYZE samples, 0 to 10000; ``default`` for what the server is set to.
        storage: ``PLAIN``, ``EXTERNAL``, ``EXTENDED`` or ``MAIN``.
        compression: ``pglz``, ``lz4`` or ``default``.
        options: ``n_distinct=VALUE``, ``n_distinct_inherited=VALUE``.
        reset: names of options that go back to their defaults.
    """
    change(
        "set_column_options",
        {
            "schema": schema,
            "table": table,
            "column": column,
            "statistics": statistics,
            "storage": storage,
            "compression": compression,
            "options": options,
            "reset": reset,
        },
    )


def set_default(
    table: str,
    column: str,
    *,
    default: str = "",
    before: str = "",
    phase: Literal["expand", "contract"] = "contract",
    schema: str = "public",
) -> None:
    """Change or drop the default of a column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        default: the new default, as SQL; an empty string: none.
        before: the one before, which rollback restores; an empty string: none.
        phase: ``contract``, or ``expand`` where old code may get the new default too.
    """
    change(
        "set_default",
        {"schema": schema, "table": table, "column": column, "default": default, "before": before, "phase": phase},
    )


def set_identity(table: str, column: str, identity: Literal["always", "by default"], *, schema: str = "public") -> None:
    """Say whether inserts may name a value for an identity column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        identity: ``always`` where inserts that name a value fail, ``by default`` where they may.
    """
    change("set_identity", {"schema": schema, "table": table, "column": column, "identity": identity})


def set_index_options(
    table: str, index: str, *, options: tuple[str, ...] = (), reset: tuple[str, ...] = (), schema: str = "public"
) -> None:
    """Change storage parameters of an index: fillfactor, fastupdate and the like.

    Args:
        schema: of the table.
        table: its name.
        index: its name; it is in the schema of its table.
        options: ``NAME=VALUE`` each.
        reset: names of those that go back to what the server is set to.
    """
    change("set_index_options", {"schema": schema, "table": table, "index": index, "options": options, "reset": reset})


def set_not_null(
    table: str, column: str, *, fill: str = "", constraint: str = "", not_valid: bool = False, schema: str = "public"
) -> None:
    """Forbid NULL in a column.

    Args:
        schema: of the table.
        table: its name.
        column: its name.
        fill: what stands in for NULL, as SQL over the row's columns; an empty string: nothing, NULL must not
            occur.
        constraint: name of the NOT NULL constraint (PostgreSQL 18); an empty string: the one the server gives.
        not_valid: whether rows that are there stay unchecked; needs ``constraint``.
    """
    change(
        "set_not_null",
        {
            "schema": schema,
            "table": table,
            "column": column,
            "fill": fill,
            "constraint": constraint,
            "not_valid": not_valid,
        },
    )


def set_owner(
    of: Literal["table", "view", "materialized view", "foreign table", "sequence", "schema"],
    name: str,
    owner: str,
    *,
    phase: Literal["expand", "contract"] = "contract",
    keep: tuple[str, ...] = (),
    schema: str = "public",
) -> None:
    """Give a table, view, sequence or schema another owner.

    Args:
        of: what kind of object it is.
        name: of the object.
        owner: the role that is to own it.
        schema: of the object; without meaning for a schema.
        phase: ``contract``, or ``expand`` where old code can do without what ownership allows.
        keep: rights that the role before is granted: ``SELECT``, ``INSERT``.
    """
    change("set_owner", {"schema": schema, "of": of, "name": name, "owner": owner, "phase": phase, "keep": keep})


def set_replica_identity(
    table: str, identity: Literal["default", "full", "nothing", "index"], *, index: str = "", schema: str = "public"
) -> None:
    """Say how logical replication finds the rows of a table.

    Args:
        schema: of the table.
        table: its name.
        identity: ``default`` for the primary key, ``full`` for the whole row, ``nothing``, or ``index``.
        index: its name.
    """
    change("set_replica_identity", {"schema": schema, "table": table, "identity": identity, "index": index})


def set_row_level_security(
    table: str, state: Literal["enable", "disable", "force", "no force"], *, schema: str = "public"
) -> None:
    """Enable, disable or force row level security of a table.

    Args:
        schema: of the table.
        table: its name.
        state: ``enable``, ``disable``, ``force`` or ``no force``.
    """
    change("set_row_level_security", {"schema": schema, "table": table, "state": state})


def set_schema(table: str, new_schema: str, *, schema: str = "public") -> None:
    """Move a table to another schema, in both until no old code is left.

    Args:
        schema: of the table.
        table: its name.
        new_schema: where the table is afterwards.
    """
    change("set_schema", {"schema": schema, "table": table, "new_schema": new_schema})


def set_statistics_target(statistics: str, target: int, *, schema: str = "public") -> None:
    """Change how much ANALYZE samples for extended statistics.

    Args:
        schema: of the statistics.
        statistics: their name.
        target: how many values ANALYZE keeps, 0 to 10000; -1 for the greatest of the columns.
    """
    change("set_statistics_target", {"schema": schema, "statistics": statistics, "target": target})


def set_table_options(
    table: str, *, options: tuple[str, ...] = (), reset: tuple[str, ...] = (), schema: str = "public"
) -> None:
    """Change storage parameters of a table: fillfactor, autovacuum and the like.

    Args:
        schema: of the table.
        table: its name.
        options: ``NAME=VALUE`` each.
        reset: names of those that go back to what the server is set to.
    """
    change("set_table_options", {"schema": schema, "table": table, "options": options, "reset": reset})


def set_tablespace(table: str, tablespace: str, *, schema: str = "public") -> None:
    """Move a small table to another tablespace.

    Args:
        schema: of the table.
        table: its name.
        tablespace: where it goes.
    """
    change("set_tablespace", {"schema": schema, "table": table, "tablespace": tablespace})


def set_view_options(
    view: str,
    *,
    options: tuple[str, ...] = (),
    reset: tuple[str, ...] = (),
    phase: Literal["expand", "contract"] = "contract",
    schema: str = "public",
) -> None:
    """Change options of a view: security_invoker, security_barrier, check_option.

    Args:
        schema: of the view.
        view: its name.
        options: ``NAME=VALUE`` each, ``NAME`` for one that is switched on.
        reset: names of those that go.
        phase: ``contract``, or ``expand`` where old code can do with it.
    """
    change("set_view_options", {"schema": schema, "view": view, "options": options, "reset": reset, "phase": phase})


def split_column(
    table: str,
    column: str,
    into: tuple[str, ...],
    types: tuple[str, ...],
    up: tuple[str, ...],
    down: str,
    *,
    schema: str = "public",
) -> None:
    """Split a column into several while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        column: the column that goes.
        into: names of the columns that come.
        types: the type of each, as SQL.
        up: the value of each, as SQL over the old column.
        down: the value of the old column, as SQL over the new ones.
    """
    change(
        "split_column",
        {"schema": schema, "table": table, "column": column, "into": into, "types": types, "up": up, "down": down},
    )


def split_table(table: str, to: str, definition: str, *, to_schema: str = "", schema: str = "public") -> None:
    """Split a table: columns move to a new one, with a row for each row, while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        to: the new table.
        definition: its CREATE TABLE, with a primary key that is a foreign key to the table, and columns of that table.
        to_schema: its schema; an empty string: that of the table.
    """
    change(
        "split_table", {"schema": schema, "table": table, "to": to, "definition": definition, "to_schema": to_schema}
    )


def switch_trigger(
    table: str,
    trigger: str,
    state: Literal["enabled", "disabled", "always", "replica"],
    *,
    phase: Literal["expand", "contract", ""] = "",
    schema: str = "public",
) -> None:
    """Enable or disable a trigger.

    Args:
        schema: of the table.
        table: its name.
        trigger: its name.
        state: ``enabled``, ``disabled``, ``always`` to fire for what replication writes too, ``replica`` for that
            alone.
        phase: ``expand`` or ``contract``; an empty string: expand if it fires for writes of applications as
            before, and contract if it does no more.
    """
    change("switch_trigger", {"schema": schema, "table": table, "trigger": trigger, "state": state, "phase": phase})


def unnest_column(
    table: str, column: str, to: str, definition: str, *, to_schema: str = "", schema: str = "public"
) -> None:
    """Make rows of the elements of an array column, in a table of their own, while old and new code run.

    Args:
        schema: of the table.
        table: its name.
        column: the array.
        to: the new table.
        definition: its CREATE TABLE: a foreign key to the table, a column for the value, both the primary key.
        to_schema: its schema; an empty string: that of the table.
    """
    change(
        "unnest_column",
        {
            "schema": schema,
            "table": table,
            "column": column,
            "to": to,
            "definition": definition,
            "to_schema": to_schema,
        },
    )


def update_extension(extension: str, *, version: str = "") -> None:
    """Update an extension to a version that the server has.

    Args:
        extension: its name.
        version: the new one; an empty string: the one that the server has as default.
    """
    change("update_extension", {"extension": extension, "version": version})


def validate_constraint(table: str, constraint: str, *, schema: str = "public") -> None:
    """Have the rows that are there checked by a constraint that was added NOT VALID.

    Args:
        schema: of the table.
        table: its name.
        constraint: its name.
    """
    change("validate_constraint", {"schema": schema, "table": table, "constraint": constraint})


class _Phased(MigrateOperation):
    """An operation that ``op.phased_KIND`` makes."""

    def __init__(self, kind: str, parameters: dict[str, Any]) -> None:
        self.kind, self.parameters = kind, parameters


@Operations.implementation_for(_Phased)
def _apply(operations: Operations, operation: _Phased) -> None:
    del operations  # its context is the one that is current
    change(operation.kind, operation.parameters)


def _register(kind: str) -> None:
    """``op.phased_KIND(…)``, for those who want everything behind ``op``."""

    def build(cls: Any, operations: Operations, /, **parameters: Any) -> Any:
        return operations.invoke(cls(kind, {**_DEFAULTS[kind], **parameters}))

    made = type(f"Phased_{kind}", (_Phased,), {"build": classmethod(build)})
    Operations.implementation_for(made)(_apply)
    Operations.register_operation(f"phased_{kind}", "build")(made)


for _kind in _DEFAULTS:
    _register(_kind)
