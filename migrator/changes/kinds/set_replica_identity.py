"""Say how logical replication finds the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from migrator.changes.kind import Context, OnTable, altered_table, require_table
from migrator.changes.replication import is_partial, keys_of, require_writable
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.schema import Index, Relation, Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb, unwrap

_IDENTITIES: dict[str, Literal["default", "full", "nothing", "index"]] = {
    "d": "default",
    "f": "full",
    "n": "nothing",
    "i": "index",
}


class ReplicaIdentity(OnTable, frozen=True):
    """Parameters of ``set_replica_identity``.

    Attributes:
        identity: ``default`` for the primary key, ``full`` for the whole row, ``nothing``, or ``index``.
        index: its name.
    """

    identity: Literal["default", "full", "nothing", "index"]
    index: str = ""


class SetReplicaIdentity(OneStatement[ReplicaIdentity]):
    """Say how logical replication finds the rows of a table.

    What happens
        Expand sets it, with a lock of a moment: no query names it, and from there on the log of an UPDATE or DELETE
        holds the columns of the new identity. There is nothing to contract. Rollback sets the one that stood there.

    What is refused
        An index that is not unique, not valid, partial, over expressions, deferrable, or over a column that may be
        NULL. On a table that a publication sends: NOTHING, DEFAULT without a primary key, columns that its column list
        leaves out, FULL beside a column list, columns other than those its row filter reads, and on PostgreSQL 18
        generated ones that it does not send: every UPDATE and DELETE would fail. Without a database: what rollback
        restores is not known.

    Limits
        FULL writes whole rows to the log, and the other side looks for each by reading its table. Who reads the stream
        sees the new columns from the change on. Partitions have identities of their own.

    Example:
        ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_number_key
    """

    name = "set_replica_identity"
    spec = ReplicaIdentity
    verb = "identity"
    why = "no query names it; the log of updates and deletes holds its columns from here on"

    def recognise(self, action: Action, schema: Schema) -> ReplicaIdentity | None:
        """``ALTER TABLE … REPLICA IDENTITY …``."""
        if action.command is None or action.command.subtype != pb.AT_ReplicaIdentity:
            return None
        target = altered_table(action.node.relation, schema)
        given = unwrap(getattr(action.command, "def"))
        return ReplicaIdentity(
            schema=target.schema, table=target.name, identity=_IDENTITIES[given.identity_type], index=given.name
        )

    def assumes(self, change: ReplicaIdentity, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        relation = schema.relation(change.target)
        return {f'replica identity of table "{change.target}"': str(_before(relation))} if relation else {}

    def validate(self, change: ReplicaIdentity, context: Context) -> Iterator[str]:
        """Rows can be found by it."""
        if (change.identity == "index") != bool(change.index):
            raise Refused(f'identity "{change.identity}" of table "{change.target}": index= goes with identity=index')
        if change.target in context.created:
            return
        require_known(context, f'the replica identity of table "{change.target}"')
        relation = require_table(
            change,
            context,
            or_partition=True,
            instead="rows are found by the identity of the partition they are in, which does not follow that of the "
            "table: ALTER TABLE … REPLICA IDENTITY for each partition",
        )
        if relation is None:
            return
        if change.identity == "index":
            _require_fit(_index(change, relation), relation)
        without = change.identity == "nothing" or (
            change.identity == "default" and not any(each.is_primary and each.is_immediate for each in relation.indexes)
        )
        if without and relation.is_published:
            raise Refused(
                f'table "{change.target}" is published: without a replica identity every UPDATE and DELETE of it fails',
                hint="take it out of the publication first, or choose an index or FULL",
            )
        coming = replace(
            relation,
            replica_identity=change.identity,
            indexes=tuple(replace(each, is_replica_identity=each.name == change.index) for each in relation.indexes),
        )
        require_writable(
            coming,
            relation,
            "choose columns that are published, or change the publication in a migration before this one",
            context.schema.server_version,
        )
        if change.identity == "full":
            yield f"from expand on, each UPDATE and DELETE of {change.target} writes the whole row to the log"

    def statement(self, change: ReplicaIdentity, context: Context) -> Sql:
        """The new identity."""
        del context
        identity = f"USING INDEX {ident(change.index)}" if change.index else change.identity.upper()
        return self.template("set", table=change.sql, identity=Sql(identity))

    def undo(self, change: ReplicaIdentity, context: Context) -> Iterable[Sql]:
        """The one before."""
        relation = context.schema.relation(change.target)
        if relation is not None:
            yield self.template("set", table=change.sql, identity=_before(relation))

    def subject(self, change: ReplicaIdentity) -> str:
        """The table."""
        return change.table


def _before(relation: Relation) -> Sql:
    index = next((each for each in relation.indexes if each.is_replica_identity), None)
    if relation.replica_identity == "index" and index is not None:
        return Sql(f"USING INDEX {ident(index.name)}")
    # An index that is gone leaves the table as NOTHING would.
    return Sql("NOTHING" if relation.replica_identity == "index" else relation.replica_identity.upper())


def _index(change: ReplicaIdentity, relation: Relation) -> Index:
    index = next((each for each in relation.indexes if each.name == change.index), None)
    if index is None:
        raise Refused(
            f'index "{change.index}" of table "{change.target}" does not exist',
            detail="indexes: " + (", ".join(each.name for each in relation.indexes) or "none"),
        )
    return index


def _require_fit(index: Index, relation: Relation) -> None:
    keys = keys_of(index)
    nullable = [name for name in keys or () if (column := relation.column(name)) and not column.not_null]
    reasons = {
        "is not unique": not index.is_unique,
        "is not valid": not index.is_valid,
        "leaves rows out": is_partial(index),
        "is over an expression": keys is None,
        "is deferrable": not index.is_immediate,
        f"is over {', '.join(nullable)}, which may be NULL": bool(nullable),
    }
    if wrong := [reason for reason, holds in reasons.items() if holds]:
        raise Refused(
            f'rows of table "{relation.name}" cannot be found by index "{index.name}": it {" and ".join(wrong)}',
            hint="it takes a unique index over columns that are NOT NULL",
        )
