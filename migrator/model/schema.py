"""What is known about the tables a change touches: read from the catalog, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrator.model.below import NOTHING_BELOW, Below
from migrator.model.objects import Grant, Objects
from migrator.model.publishing import Publishing
from migrator.model.routines import Routine, Trigger, TriggerFunction
from migrator.model.view import View


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A schema-qualified name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """The sequence of an identity column, or of a serial one.

    Attributes:
        name: schema-qualified SQL.
        options: what ``CREATE SEQUENCE`` takes, but for values that are those of its type: ``INCREMENT BY 2 CACHE 10``.
        grants: privileges on it, but for those of its owner.
        comment: its comment, or None.
    """

    name: str
    options: str = ""
    grants: tuple[Grant, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        type_name: as ``format_type`` writes it, with everything qualified.
        collation: SQL of a collation that differs from the type's own, or an empty string.
        default: SQL of the default, or None.
        default_is_volatile: whether two evaluations in one transaction may differ.
        owned_sequence: whether the default draws from a sequence the column owns (serial).
        identity: ``always``, ``by default`` or an empty string.
        generated: ``stored``, ``virtual`` or an empty string.
        expression: of a generated column, as SQL; an empty string for others.
        has_constrained_domain: whether its type is a domain that checks values; adding such a column rewrites.
        grants: privileges on this column alone.
        sequence: what an identity or serial column draws from.
        comment: its comment, or None.
        settings: what ALTER COLUMN set and a new column lacks, as SQL: ``SET STATISTICS 500``, ``SET STORAGE MAIN``.
        storage: how its large values are kept: ``PLAIN``, ``EXTERNAL``, ``MAIN``, ``EXTENDED``.
        is_toastable: whether its type can be kept in another way than ``PLAIN``.
    """

    name: str
    type_name: str
    collation: str = ""
    not_null: bool = False
    default: str | None = None
    default_is_volatile: bool = False
    owned_sequence: bool = False
    identity: str = ""
    generated: str = ""
    expression: str = ""
    has_constrained_domain: bool = False
    grants: tuple[Grant, ...] = ()
    sequence: Sequence | None = None
    comment: str | None = None
    settings: tuple[str, ...] = ()
    storage: str = "EXTENDED"
    is_toastable: bool = True


@dataclass(frozen=True, slots=True)
class Index:
    """An index.

    Attributes:
        definition: ``pg_get_indexdef``, with everything qualified.
        columns: every column it mentions: keys, INCLUDE, expressions, predicate.
        constraint: name of the constraint it serves, or None.
        is_exclusion: whether that constraint is an exclusion constraint.
        is_replica_identity: whether logical replication finds rows by it, by REPLICA IDENTITY USING INDEX.
        is_clustered: whether CLUSTER goes by it.
        is_immediate: whether it is checked row by row, and not at the end of a statement or transaction.
        tablespace: where it lies; an empty string: in that of the database.
        comment: its comment, or None.
    """

    name: str
    definition: str
    columns: tuple[str, ...]
    is_unique: bool = False
    is_primary: bool = False
    is_valid: bool = True
    constraint: str | None = None
    is_exclusion: bool = False
    is_replica_identity: bool = False
    is_clustered: bool = False
    is_immediate: bool = True
    tablespace: str = ""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A table constraint.

    Attributes:
        type: ``check``, ``foreign key``, ``unique``, ``primary key``, ``exclusion``, ``not null``.
        columns: the columns of this table it is about.
        comment: its comment, or None.
        held_by: what groups by it or names it for ON CONFLICT, also that of a partition, as the server describes it.
        is_inherited: whether a partition has it from the table it is a part of.
    """

    name: str
    type: str
    columns: tuple[str, ...]
    definition: str
    is_valid: bool = True
    comment: str | None = None
    held_by: tuple[str, ...] = ()
    is_inherited: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key that points to a table, its own ones included.

    Attributes:
        table: the table it is on.
        columns: the columns of the table pointed to.
        definition: ``pg_get_constraintdef``, with everything qualified.
        comment: its comment, or None.
        is_partitioned: whether its table is a partitioned one.
        partitions: those of its table, each with the name the foreign key has there.
        index: that of the key it relies on.
    """

    name: str
    table: TableName
    columns: tuple[str, ...]
    definition: str
    is_valid: bool = True
    comment: str | None = None
    is_partitioned: bool = False
    partitions: tuple[tuple[TableName, str], ...] = ()
    index: str = ""


@dataclass(frozen=True, slots=True)
class Dependent:
    """Another object that uses a column.

    Attributes:
        kind: ``view``, ``materialized view``, ``rule``, ``policy``, ``generated column``, ``publication``,
            ``foreign key of another table``, ``trigger function``, ``trigger``, ``statistics object``, ``function``,
            ``partition key``, ``object of a partition`` for what partitions have of their own.
        name: of the object, qualified.
        column: the column it uses.
    """

    kind: str
    name: str
    column: str


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column of a table, or of a materialized view, that holds values of an enum.

    Attributes:
        is_array: whether it holds arrays of them.
    """

    table: TableName
    column: str
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class UserType:
    """A type that users made.

    Attributes:
        kind: ``enum``, ``domain``, ``composite type``, ``range type``, ``multirange type``, ``base type``,
            ``extension type``, or ``row type`` for that of a table or view.
        users: what uses it, as the server describes it; not known for row types.
        labels: of an enum, in their order.
        columns: of an enum, those that hold its values, also through a domain; partitions are left out.
        users_beside: of an enum, what uses it besides columns of its type and their defaults, constraints and indexes.
    """

    kind: str
    users: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    columns: tuple[TypedColumn, ...] = ()
    users_beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table.

    Attributes:
        bound: as ``pg_get_expr`` writes it: ``FOR VALUES FROM (1) TO (10)``, ``DEFAULT``.
    """

    name: TableName
    bound: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Extended statistics of a table.

    Attributes:
        definition: ``pg_get_statisticsobjdef``, with everything qualified.
        target: how many values ANALYZE samples; -1: that of its columns.
        comment: its comment, or None.
    """

    schema: str
    name: str
    definition: str
    target: int = -1
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A row security policy.

    Attributes:
        is_permissive: whether it lets rows through; a restrictive one keeps back what others let through.
        using: its condition for rows that are there, as SQL with everything qualified; empty: it has none.
        check: likewise that for rows to be written.
    """

    name: str
    is_permissive: bool = True
    using: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table with what stands around it.

    Attributes:
        kind: ``table``, ``partitioned table``, ``partition``, ``view``, ``materialized view``, ``foreign table``.
        inherits: whether it has parents or children by INHERITS.
        references: foreign keys that point to it.
        triggers: names of the row triggers users made.
        is_subscribed: whether a logical subscription writes it.
        is_published: whether a publication sends its changes.
        publications: those that it is in, also by way of a table it is a partition of.
        has_row_security: whether policies are in force.
        forces_row_security: whether policies bind even its owner.
        grants: privileges on the table, the owner's own left out.
        functions: functions whose text mentions its name.
        written_by: functions of triggers, its own or others', that read or write it by its name.
        estimated_rows: the planner's estimate, -1 when there is none.
        total_bytes: size with indexes and TOAST.
        partition_key: how a partitioned table is divided: ``RANGE (created_at)``; an empty string for others.
        partitions: those of a partitioned table.
        own_triggers: every trigger users made, those for statements too.
        users: objects that hold on to the table itself or to its row type, whatever it is called, as the server
            describes them: views, functions, foreign keys of other tables, columns of its row type.
        rules: names of the rules users made on it.
        comment: its comment, or None.
        definition: the query of a view, plain or materialized, with everything qualified; empty for others.
        policies: its row security policies.
        statistics: its extended statistics.
        owner: the role that owns it.
        replica_identity: how logical replication finds rows: ``default``, ``full``, ``nothing`` or ``index``.
        options: storage parameters as ``NAME=VALUE``, those of its TOAST table as ``toast.NAME=VALUE``.
        tablespace: where it lies; an empty string: in that of the database.
        views: views that read it, also through others; a view comes after those it reads.
        partition_triggers: row triggers that its partitions have of their own, as the server describes them.
        below: what else its partitions have.
    """

    name: TableName
    kind: str = "table"
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    dependents: tuple[Dependent, ...] = ()
    references: tuple[Reference, ...] = ()
    triggers: tuple[str, ...] = ()
    inherits: bool = False
    is_subscribed: bool = False
    is_published: bool = False
    publications: tuple[Publishing, ...] = ()
    has_row_security: bool = False
    forces_row_security: bool = False
    grants: tuple[Grant, ...] = ()
    functions: tuple[str, ...] = ()
    written_by: tuple[TriggerFunction, ...] = ()
    estimated_rows: int = -1
    total_bytes: int = 0
    partition_key: str = ""
    partitions: tuple[Partition, ...] = ()
    own_triggers: tuple[Trigger, ...] = ()
    users: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    comment: str | None = None
    definition: str = ""
    options: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    statistics: tuple[Statistics, ...] = ()
    owner: str = ""
    replica_identity: str = "default"
    tablespace: str = ""
    views: tuple[View, ...] = ()
    partition_triggers: tuple[str, ...] = ()
    below: Below = NOTHING_BELOW

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything known for planning.

    Attributes:
        is_known: whether a database was asked; False: nothing can be concluded from what is missing.
        relations: the relations read, by name.
        search_path: schemas an unqualified name is looked up in, first one first.
        constrained_domains: unqualified names of the domains that check their values.
        server_version: major version of the server; 0: not known.
        types: every type users made, by name.
        objects: what is no table and no type.
    """

    is_known: bool = False
    relations: dict[TableName, Relation] = field(default_factory=dict)
    search_path: tuple[str, ...] = ("public",)
    constrained_domains: frozenset[str] = frozenset()
    server_version: int = 0
    types: dict[TableName, UserType] = field(default_factory=dict)
    routines: dict[TableName, tuple[Routine, ...]] = field(default_factory=dict)
    objects: Objects = field(default_factory=Objects)

    def resolve(self, schema: str | None, name: str) -> TableName:
        """The full name of a table as written; an unqualified one that is not there goes to the first schema."""
        if schema:
            return TableName(schema, name)
        found = (TableName(place, name) for place in self.search_path)
        return next(
            (candidate for candidate in found if candidate in self.relations), TableName(self.search_path[0], name)
        )

    def table_of_index(self, schema: str | None, name: str) -> TableName | None:
        """The table an index is on; None: no table that was read has an index of that name."""
        places = (schema,) if schema else self.search_path
        return next(
            (
                relation.name
                for place in places
                for relation in self.relations.values()
                if relation.name.schema == place and any(index.name == name for index in relation.indexes)
            ),
            None,
        )

    def relation(self, name: TableName) -> Relation | None:
        """What is known about a table, or None."""
        return self.relations.get(name)
