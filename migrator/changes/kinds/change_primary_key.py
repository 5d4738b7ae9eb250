"""Give a table another primary key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs

from migrator.changes.constraint import (
    KeyReplacement,
    NewConstraint,
    Release,
    earlier,
    node_of,
    refuse_held,
    require_free,
    timing_of,
)
from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle, Spec
from migrator.changes.partitioned import built_apart, refuse_foreign_partitions, replaced_primary_key
from migrator.changes.pointing import (
    give_back,
    let_go,
    refuse_made_beside,
    relying,
    require_as_planned,
    require_served,
    successor,
)
from migrator.changes.replication import identity_of, keys_of, published_beside, require_writable
from migrator.changes.unique_key import (
    coming_index,
    duplicates,
    key_columns,
    key_index,
    require_not_null,
    serving,
    tried,
)
from migrator.changes.view import OnView
from migrator.errors import Refused
from migrator.model.schema import Constraint, Index, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import bounded_name, ident, qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class ChangePrimaryKey(Kind[KeyReplacement]):
    """Give a table another primary key.

    You write
        DROP CONSTRAINT of the one that is there and ADD PRIMARY KEY, in one ALTER TABLE or in two of one migration. New
        columns come before it in the same migration: ADD COLUMN … NOT NULL, SET NOT NULL.

    What happens
        Expand changes nothing: both versions may rely on the key that is there, for ON CONFLICT or GROUP BY. Contract,
        once no old code is left, builds a unique index over the new columns CONCURRENTLY and then, in one short
        transaction, drops the old key and makes the new one of that index: the table is never without a key, and no row
        is looked at. The new one may have the name of the old one. INCLUDE, DEFERRABLE, tablespace, storage
        parameters and a COMMENT ON CONSTRAINT in the same migration are kept. Of a partitioned table, each partition
        gets its index first.

        A foreign key that relies on the old key goes on with another unique key over the same columns, which may be
        added before it in the same migration: it is dropped and added again NOT VALID in that transaction, with its
        name and comment, and validated behind it. Logical replication that finds rows by the primary key finds them by
        the new one from then on.

    What is refused
        New columns that may be NULL. A foreign key that no other unique key can serve. Views, rules and functions that
        group by the old key alone or name it in ON CONFLICT ON CONSTRAINT. An old key that is the replica identity by
        its name; a new one by which a publication could not send updates: a DEFERRABLE one, or with columns that it
        leaves out. Keys of single partitions. Another change of what a foreign key that relies on the old key is about,
        in the same migration or a pending one. Contract, while there are duplicates: they are counted before the gate.

    Limits
        Until contract new code keeps to both keys, and upserts on neither of them: ON CONFLICT over the old columns
        fails after contract, over the new ones before it, unless another unique key is over them. A comment on the
        old key goes with it.

    Example:
        ALTER TABLE bookings DROP CONSTRAINT bookings_pkey, ADD PRIMARY KEY (tenant, number)
    """

    name = "change_primary_key"
    spec = KeyReplacement
    joins = (("drop_constraint", "add_primary_key"), ("change_primary_key", "comment"))
    leaves_columns = True
    may_follow = frozenset({"add_column", "set_not_null", "add_unique"})

    def recognise(self, action: Action, schema: Schema) -> KeyReplacement | None:
        """No statement alone: see ``joined``."""
        del action, schema
        return None

    def joined(self, one: Spec, other: Spec, schema: Schema) -> KeyReplacement | None:
        """``DROP CONSTRAINT`` of the primary key and ``ADD PRIMARY KEY`` of the same table; then a comment on that."""
        if isinstance(one, KeyReplacement):
            about = [getattr(other, name, "") for name in ("on", "schema", "table", "name")]
            is_its = about == ["constraint", one.schema, one.table, one.constraint]
            return structs.replace(one, comment=getattr(other, "text", "")) if is_its else None
        if not isinstance(one, Release) or not isinstance(other, NewConstraint) or one.target != other.target:
            return None
        relation = schema.relation(one.target)
        if relation is not None:
            is_key = any(each.name == one.constraint and each.type == "primary key" for each in relation.constraints)
        else:  # as the server names them
            is_key = one.constraint in (other.constraint, f"{one.table}_pkey")
        if not is_key:
            return None
        return KeyReplacement(
            schema=one.schema,
            table=one.table,
            constraint=other.constraint,
            definition=other.definition,
            replaces=one.constraint,
        )

    def touched(self, change: KeyReplacement) -> dict[TableName, tuple[str, ...]]:
        """The columns of the new key."""
        return {change.target: _columns(change)}

    def assumes(self, change: KeyReplacement, schema: Schema) -> dict[str, str]:
        """The key that goes."""
        relation = schema.relation(change.target)
        key = _constraint(change, relation) if relation else None
        return {f'primary key "{change.replaces}" of "{change.target}"': key.definition} if key else {}

    def validate(self, change: KeyReplacement, context: Context) -> Iterator[str]:
        """The old one is there, nothing stands on it that cannot go on without it, and the new one can be made."""
        node, columns = node_of(change.definition, pb.CONSTR_PRIMARY), _columns(change)
        relation = require_free(change, columns, context, or_partitioned=True, going=change.replaces)
        if relation is None:
            yield (
                f"what relies on {change.replaces}, and whether {change.target} ({', '.join(columns)}) may be NULL, "
                "could not be checked without a database"
            )
            yield from _notes(change, None, context)
            return
        if relation.kind == "partition":
            raise Refused(
                f'"{change.target}" is a partition, which has the primary key of the table above it',
                hint="change that one",
            )
        old = _require_old(change, relation)
        refuse_foreign_partitions(relation, "unique indexes")
        taken = next((each for each in relation.indexes if each.name == change.constraint and each != old), None)
        if taken is not None:
            raise Refused(f'an index of the name "{change.constraint}" exists already')
        require_not_null(change, columns, relation, context)
        self._require_free_to_go(change, relation, old, context)
        if not any(kind == "set_replica_identity" and _is_about(spec, change) for kind, spec in context.beside):
            _require_found(change, relation, old, context)
        self._require_as_planned(change, relation, old, context)
        for each in relying(relation, old.name, change, context):
            yield (
                f'foreign key "{each.name}" of {each.table} is dropped and added again NOT VALID at contract, in one '
                "transaction with the change of the key" + ("; it is validated behind that" if each.is_valid else "")
            )
        if node.deferrable:
            yield f"{change.constraint} is DEFERRABLE: ON CONFLICT and foreign keys cannot rely on it"
        yield from _notes(change, relation, context)

    def expressions(self, change: KeyReplacement, context: Context) -> Iterator[Expression]:
        """The new key on an empty copy."""
        yield from tried(change, node_of(change.definition, pb.CONSTR_PRIMARY), context)

    def expand(self, change: KeyReplacement, context: Context) -> Iterator[Draft]:
        """Nothing: old code may rely on the old key."""
        del change, context
        yield from ()

    def contract(self, change: KeyReplacement, context: Context) -> Iterator[Draft]:
        """The index of the new key, then both keys change places, and foreign keys with them."""
        node, relation = node_of(change.definition, pb.CONSTR_PRIMARY), context.schema.relation(change.target)
        index, is_partitioned = _index_name(change), relation is not None and bool(relation.partition_key)
        built = key_index(change, node, name=index)
        yield Draft(
            f"index-{slug(change.constraint)}",
            built_apart(built) if is_partitioned else built,
            "refuses duplicates from here on; built while reads and writes go on",
            locks=f"SHARE UPDATE EXCLUSIVE ON {change.sql}: other schema changes and vacuum wait, on each partition "
            "while its index is built"
            if is_partitioned
            else "",
        )
        old = _index(change, relation) if relation else None
        references = relying(relation, old.name, change, context) if relation and old else []
        yield from let_go(references, change, self)
        yield Draft(
            f"change-{slug(change.constraint)}",
            replaced_primary_key(change.sql, change.replaces, change.constraint, node)
            if is_partitioned
            else self.template(
                "change",
                table=change.sql,
                old=change.replaces,
                new=change.constraint,
                index=index,
                timing=timing_of(node),
            ),
            "one key for the other at once, of the index that was built; no row is looked at",
            slug(change.table),
            locks=f"ACCESS EXCLUSIVE ON {change.sql}: reads and writes wait, for a moment" if is_partitioned else "",
        )
        if change.comment:
            yield Draft(
                f"comment-{slug(change.constraint)}",
                self.template("comment", table=change.sql, constraint=change.constraint, text=change.comment),
                "says what it is for; nothing else changes",
                slug(change.table),
            )
        yield from give_back(references, change, self)

    def before_contract(self, change: KeyReplacement, context: Context) -> None:
        """Nothing came to stand on the old key since expand, and foreign keys are as they were."""
        relation = context.schema.relation(change.target)
        if relation is not None:
            old = _require_old(change, relation)
            require_not_null(change, _columns(change), relation, context)
            self._require_free_to_go(change, relation, old, context)
            _require_found(change, relation, old, context)
            self._require_as_planned(change, relation, old, context)

    def obstacles(self, change: KeyReplacement, context: Context) -> Iterator[Obstacle]:
        """Duplicates."""
        del context
        yield duplicates(change, _columns(change))

    def _require_as_planned(self, change: KeyReplacement, relation: Relation, old: Index, context: Context) -> None:
        """Make sure that contract, where its text is known, is for this table with these foreign keys.

        Raises:
            Refused: it was planned without a database, or for what has changed since.
        """
        built = f"CREATE UNIQUE INDEX CONCURRENTLY {ident(_index_name(change))} ON {change.sql} "
        if relation.partition_key and built in context.contract_sql:
            raise Refused(
                f'the primary key of partitioned table "{change.target}" was planned to change as that of an ordinary '
                "table",
                hint="plan it anew with a database, after a rollback if it is expanded",
            )
        if context.contract_sql:
            require_as_planned(relying(relation, old.name, change, context), change, context, self)

    def _require_free_to_go(self, change: KeyReplacement, relation: Relation, old: Index, context: Context) -> None:
        """Refuse what keeps the old key from being dropped.

        Raises:
            Refused: with all that does.
        """
        dropped = {
            f"view {qualified(spec.schema, spec.view)}"
            for kind, spec in earlier(change, context)
            if kind == "drop_view" and isinstance(spec, OnView)
        }
        for each in relation.constraints:
            if each.name == change.replaces:
                refuse_held(each, change.target, dropped)
        names = [each.name for each in relation.below.references if set(each.columns) == set(old.columns)]
        if names:
            raise Refused(
                f'foreign keys rely on what partitions have of primary key "{change.replaces}" of "{change.target}"',
                detail="\n".join(names),
                hint="let them point to the table itself, in a migration before this one",
            )
        refuse_made_beside(change, old, context)
        require_served(relying(relation, old.name, change, context), relation, old, change, context)


def _columns(change: KeyReplacement) -> tuple[str, ...]:
    return key_columns(node_of(change.definition, pb.CONSTR_PRIMARY))


def _index_name(change: KeyReplacement) -> str:
    """The index under its final name, unless that is taken until the old key goes."""
    if change.constraint != change.replaces:
        return change.constraint
    return bounded_name("migrator", change.constraint, over=(change.schema, change.table, change.constraint, "key"))


def _constraint(change: KeyReplacement, relation: Relation) -> Constraint | None:
    found = (each for each in relation.constraints if each.name == change.replaces and each.type == "primary key")
    return next(found, None)


def _index(change: KeyReplacement, relation: Relation) -> Index | None:
    return next((each for each in relation.indexes if each.is_primary and each.constraint == change.replaces), None)


def _require_old(change: KeyReplacement, relation: Relation) -> Index:
    """The index of the key that goes.

    Raises:
        Refused: the table has none of that name.
    """
    old = _index(change, relation)
    if old is None:
        key = next((each for each in relation.constraints if each.type == "primary key"), None)
        raise Refused(
            f'"{change.replaces}" is not the primary key of table "{change.target}"',
            detail=f"its primary key: {key.name}" if key else "it has no primary key",
            hint=None if key else "ADD PRIMARY KEY alone is enough",
        )
    return old


def _require_found(change: KeyReplacement, relation: Relation, old: Index, context: Context) -> None:
    """Refuse a key by which logical replication would not find rows any more.

    Raises:
        Refused: the old one is the replica identity by its name, or every UPDATE and DELETE would fail.
    """
    if old.is_replica_identity:
        raise Refused(
            f'logical replication finds rows of table "{change.target}" by index "{old.name}", which goes',
            hint=f"ALTER TABLE {change.sql} REPLICA IDENTITY DEFAULT, in the same migration: that is the primary key, "
            "whichever it is",
        )
    publications = (*relation.publications, *published_beside(change.target, context))
    require_writable(
        replace(_with_new(change, relation, old), publications=publications),
        replace(relation, kind="table", publications=publications),
        "let the publication send the columns of the new key, or find rows in another way: "
        f"ALTER TABLE {change.sql} REPLICA IDENTITY …",
        context.schema.server_version,
    )


def _with_new(change: KeyReplacement, relation: Relation, old: Index) -> Relation:
    """The table as it will be; a partitioned one as its partitions are, which have the rows."""
    new = coming_index(change, node_of(change.definition, pb.CONSTR_PRIMARY))
    return replace(relation, kind="table", indexes=(*(each for each in relation.indexes if each != old), new))


def _is_about(spec: Spec, change: KeyReplacement) -> bool:
    return getattr(spec, "target", None) == change.target


def _notes(change: KeyReplacement, relation: Relation | None, context: Context) -> Iterator[str]:
    """What new code has to keep to, and what subscribers see."""
    columns = ", ".join(_columns(change))
    old = _index(change, relation) if relation else None
    before = keys_of(old) if old else None
    which = f"({', '.join(before)})" if before else change.replaces
    going = {getattr(spec, "constraint", "") or getattr(spec, "index", "") for _, spec in context.beside}
    there = serving(relation, _columns(change), going) if relation else None
    if there is not None:
        yield (
            f"the key {which} is enforced until contract, ({columns}) already, by {there.name}: new code must keep to "
            f"both, and may upsert with ON CONFLICT ({columns}) from the beginning"
        )
    else:
        yield (
            f"the key {which} is enforced until contract, ({columns}) from contract on: new code must keep to both, "
            f"and must not upsert with ON CONFLICT ({columns}) before contract"
        )
    other = successor(before, relation, old, change, context) if relation and old and before else None
    if other is not None and before:
        yield f"ON CONFLICT ({', '.join(before)}) goes on after contract, by {other}"
    else:
        where = which if before else f"over the columns of {change.replaces}"
        yield (
            f"new code must not upsert with ON CONFLICT {where} any more, or needs a UNIQUE constraint over them, "
            "added before this change"
        )
    if relation is None or old is None or not before:
        return
    if relation.is_subscribed:
        yield (
            f"a subscription writes {change.target}: from contract on it finds rows by ({columns}), and stops where "
            "the publisher sends another key"
        )
    coming = identity_of(_with_new(change, relation, old))
    if coming != identity_of(relation) and any(each.changes_rows for each in relation.publications):
        yield (
            f"publications send changes of {change.target} with ({columns}) as the key from contract on: subscribers "
            "in PostgreSQL that find rows by another key stop there; with REPLICA IDENTITY FULL before, and until "
            "theirs is changed, they go on"
        )
