"""Add a column that old code does not know."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.bystanders import notes_for_subscribers
from migrator.changes.kind import Context, Draft, Expression, Kind, refuse_absent, require_column, require_table
from migrator.changes.kinds.add_column import filled
from migrator.changes.kinds.add_column.addition import Addition, Way, addition_of, require_possible
from migrator.changes.partition import HAS_PARTITIONED_IDENTITY
from migrator.changes.trial import tried
from migrator.changes.user_type import names_type
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, ident, type_name
from migrator.sql.rewrite import columns_in, slug

__all__ = ["AddColumn", "Addition"]

_HAS_VIRTUAL = 18
_HAS_STORAGE = 16


class AddColumn(Kind[Addition]):
    """Add a column that old code does not know.

    What happens
        Nullable, or with a default that is the same for every row, NOT NULL or not: expand adds it, the server notes
        the default in the catalog and rewrites nothing (PostgreSQL documentation, ALTER TABLE, "Notes"). There is
        nothing to contract. A virtual generated column (PostgreSQL 18) stores nothing and is added in the same way.

        A default that may differ from row to row, serial and identity: expand adds the column without it and sets it
        for the rows to come, in one transaction; the backfill gives each existing row a value of its own. Where NULL is
        refused, contract proves by a validated CHECK that there is none, while reads and writes go on, and then sets
        NOT NULL without a scan. An identity takes over from the sequence used until then. Roles that may insert may
        use that sequence.

        CHECK, UNIQUE, PRIMARY KEY and REFERENCES inside it: changes of their own behind it, under the names the server
        would give them. They bind nobody before contract, which adds them while reads and writes go on, as
        ``add_check``, ``add_unique``, ``add_primary_key`` and ``add_foreign_key`` do.

        NOT NULL without a default, with a ``fill`` expression: expand adds the column nullable, with a trigger that
        puts the expression in place of NULL, since inserts of old code do not name it. The backfill does the same for
        existing rows; contract sets NOT NULL as above and drops the trigger. A nullable column with ``fill`` is filled
        in the same way, but the trigger is for inserts only: NULL that an UPDATE writes stays.

        What is done to the column behind it in the same migration is done with it: ``SET DEFAULT`` holds for rows to
        come, from expand on; ``DROP DEFAULT`` waits for contract, since inserts of old code need the default until
        then; ``SET NOT NULL`` as if it stood inside; ``UPDATE`` is its ``fill``, a constant one its default.

    What is refused
        NOT NULL with neither default nor fill: inserts of old code would fail. A stored generated column and a domain
        that checks its values: each rewrites the table while nobody can read it.

    Limits
        Until the backfill has reached a row, new code reads NULL there, if the column is filled by it; NULL that new
        code writes on purpose before that is filled too. Server-side prepared ``SELECT *`` fails when the column
        appears, until it is prepared anew. Rolling back drops the values; it says how many rows have one and needs
        --yes.

    Example::

        ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT 'en';
        -- migrator: fill = lower(email)
        ALTER TABLE users ADD COLUMN login text NOT NULL CHECK (login <> '')
    """

    name = "add_column"
    spec = Addition
    options = frozenset({"fill"})
    may_follow = frozenset({"add_column"})  # their fills may be computed from the same column

    def recognise(self, action: Action, schema: Schema) -> Addition | None:
        """``ALTER TABLE … ADD COLUMN …``."""
        return addition_of(action, schema)

    def touched(self, change: Addition) -> dict[TableName, tuple[str, ...]]:
        """The new name must be free; what it is computed from must be there."""
        named = columns_in(change.fill or change.generated) if change.fill or change.generated else set()
        return {change.target: (change.column, *sorted(named))}

    def validate(self, change: Addition, context: Context) -> Iterator[str]:
        """The name is free, the type checks nothing, and rows of old code get a value."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates',
                hint="write it into the CREATE TABLE",
            )
        require_possible(change)
        if self.makes(change) in context.made:
            raise Refused(f'column "{change.column}" of table "{change.target}" is added twice')
        if change.generated and 0 < context.schema.server_version < _HAS_VIRTUAL:
            raise Refused(
                f'virtual column "{change.column}": PostgreSQL {context.schema.server_version} has none, '
                f"{_HAS_VIRTUAL} and later do"
            )
        if change.storage and 0 < context.schema.server_version < _HAS_STORAGE:
            raise Refused(
                f'STORAGE of column "{change.column}" in ADD COLUMN: PostgreSQL {context.schema.server_version} has '
                f"none, {_HAS_STORAGE} and later do",
                hint="ALTER COLUMN … SET STORAGE sets it, in the same migration",
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            if change.way in (Way.BY_DEFAULT, Way.BY_FILL):
                raise Refused(
                    f'who may insert into "{change.target}", and so needs a value for "{change.column}", is not known '
                    "without a database",
                    hint="export DATABASE_URL=postgresql://…, and run it again",
                )
            yield f"whether {change.target} has a column {change.column} could not be checked without a database"
            return
        refuse_absent(relation, change, change.column)
        if relation.partition_key and change.identity and context.schema.server_version < HAS_PARTITIONED_IDENTITY:
            raise Refused(
                f'identity column "{change.column}" of a partitioned table: PostgreSQL '
                f"{context.schema.server_version} has none in partitions, {HAS_PARTITIONED_IDENTITY} and later do",
                hint="write GENERATED … AS IDENTITY as a serial column, bigserial",
            )
        for name in self.touched(change)[change.target][1:]:
            require_column(relation, change, name)
        domain = change.type.rsplit(".", 1)[-1].strip('"')
        if domain in context.schema.constrained_domains:
            raise Refused(
                f'type {change.type} is a domain that checks its values: adding such a column rewrites the table "'
                f'{change.target}" while nobody can read it',
                hint="add it with the domain's base type",
            )
        if change.way is Way.VIRTUAL and relation.is_published and relation.replica_identity == "full":
            raise Refused(
                f'table "{change.target}" is published with REPLICA IDENTITY FULL, which a virtual column is a part of '
                "and nothing publishes: every UPDATE and DELETE of it would fail",
                hint="set another REPLICA IDENTITY in a migration before this one",
            )
        if change.way is not Way.VIRTUAL:
            yield from notes_for_subscribers(relation, [change.column])
        if change.way in (Way.BY_DEFAULT, Way.BY_FILL):
            yield from filled.notes(change, relation)
        if change.drops_default:
            yield (
                f"contract drops the default of {change.table}.{change.column}, which is for inserts of old code; "
                "new code names the value"
            )

    def expressions(self, change: Addition, context: Context) -> Iterator[Expression]:
        """What values are computed with; without it, whether the type is known, unless this migration creates it."""
        if names_type(change.type, context.created_types):
            return  # the server knows it from expand on
        if change.next_default:
            yield Expression(
                change.next_default,
                self.template("typed", default=expression(change.next_default), type=type_name(change.type)),
            )
        computed = change.fill or change.generated
        if computed:
            query = self.template(
                "typed_by_row", value=expression(computed), type=type_name(change.type), table=change.sql
            )
            yield Expression(
                computed, query, ("pg_catalog", change.schema) if change.fill else (), in_backfill=bool(change.fill)
            )
            return
        if change.storage or change.compression or change.collation:
            yield self._tried(change)
        default = expression(change.default) if change.default else Sql("NULL")
        yield Expression(
            change.default or change.type, self.template("typed", default=default, type=type_name(change.type))
        )

    def _tried(self, change: Addition) -> Expression:
        """Whether the type can be kept and compared in such a way; a temporary table tells."""
        table = self.template(
            "trial",
            column=change.column,
            type=type_name(change.type),
            collation=Sql(change.collation) if change.collation else None,
            **_kept_as(change),
        )
        return tried(f'column "{change.column}"', table)

    def expand(self, change: Addition, context: Context) -> Iterator[Draft]:
        """The column, and what gives values to rows of old code."""
        at_once = change.way is Way.AT_ONCE
        added = Draft(
            f"add-{slug(change.column)}",
            self.template(
                "add_column",
                table=change.sql,
                column=change.column,
                type=type_name(change.type),
                collation=Sql(change.collation) if change.collation else None,
                not_null=change.not_null and at_once,
                default=change.value if at_once else None,
                generated=expression(change.generated) if change.generated else None,
                **_kept_as(change),
            ),
            "old code does not see it; no row is rewritten",
            slug(change.table),
        )
        if change.way in (Way.BY_DEFAULT, Way.BY_FILL):
            yield from filled.expand(change, context, added, self.template)
        else:
            yield added
        if change.next_default:
            yield Draft(
                f"next-default-{slug(change.column)}",
                self.template(
                    "set_default", table=change.sql, column=change.column, default=expression(change.next_default)
                ),
                "for rows to come, those of old code too",
                slug(change.table),
            )

    def backfill(self, change: Addition, context: Context) -> Iterator[Draft]:
        """A value for each row that was there before."""
        del context
        if change.way in (Way.BY_DEFAULT, Way.BY_FILL):
            yield from filled.backfill(change, self.template)

    def contract(self, change: Addition, context: Context) -> Iterator[Draft]:
        """NOT NULL, where rows were filled; what was for old code only goes."""
        if change.not_null and change.way in (Way.BY_DEFAULT, Way.BY_FILL):
            yield from filled.contract(change, context, self.template)
        elif change.way is Way.BY_FILL:
            yield from filled.drop_trigger(change, context, self.template)
        if change.drops_default:
            yield Draft(
                f"drop-default-{slug(change.column)}",
                self.template("drop_default", table=change.sql, column=change.column),
                "no code is left that leaves the column out",
                slug(change.table),
            )

    def makes(self, change: Addition) -> tuple[str, ...]:
        """The column."""
        return ("COLUMN", change.schema, change.table, change.column)

    def rollback(self, change: Addition, context: Context) -> Iterator[Draft]:
        """The column goes, with what new code wrote into it."""
        if change.way is Way.BY_FILL:
            yield from filled.drop_trigger(change, context, self.template, undoing=True)
        loses = None
        if change.way is not Way.VIRTUAL:
            loses = self.template(
                "loses",
                table=change.sql,
                column=change.column,
                type=type_name(change.type),
                default=change.value if change.way is Way.AT_ONCE else None,
            )
        yield Draft(
            f"drop-{slug(change.column)}",
            self.template("drop_column", table=change.sql, column=change.column),
            "only new code knows it",
            slug(change.table),
            undoes=f"add-{slug(change.column)}",
            loses=loses,
        )


def _kept_as(change: Addition) -> dict[str, Sql | None]:
    """STORAGE and COMPRESSION for the templates."""
    return {
        "storage": Sql(change.storage) if change.storage else None,
        "compression": ident(change.compression) if change.compression else None,
    }
