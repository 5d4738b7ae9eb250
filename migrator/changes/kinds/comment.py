"""Say what an object is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from migrator.changes.kind import Context, Spec
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, literal, qualified
from migrator.sql.parser import pb, unwrap

_On = Literal[
    "table", "column", "index", "constraint", "trigger", "policy", "view", "materialized view", "foreign table",
    "sequence", "type", "domain", "function", "procedure", "statistics", "schema", "extension", "publication",
]  # fmt: skip
_OBJECTS: dict[int, _On] = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_COLUMN: "column",
    pb.OBJECT_INDEX: "index",
    pb.OBJECT_TABCONSTRAINT: "constraint",
    pb.OBJECT_TRIGGER: "trigger",
    pb.OBJECT_POLICY: "policy",
    pb.OBJECT_VIEW: "view",
    pb.OBJECT_MATVIEW: "materialized view",
    pb.OBJECT_FOREIGN_TABLE: "foreign table",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_TYPE: "type",
    pb.OBJECT_DOMAIN: "domain",
    pb.OBJECT_FUNCTION: "function",
    pb.OBJECT_PROCEDURE: "procedure",
    pb.OBJECT_STATISTIC_EXT: "statistics",
    pb.OBJECT_SCHEMA: "schema",
    pb.OBJECT_EXTENSION: "extension",
    pb.OBJECT_PUBLICATION: "publication",
}
_ON_TABLE = frozenset({"column", "constraint", "trigger", "policy"})
_WITHOUT_SCHEMA = frozenset({"schema", "extension", "publication"})
_RELATIONS = {
    "table": ("table", "partitioned table", "partition"),
    "view": ("view",),
    "materialized view": ("materialized view",),
    "foreign table": ("foreign table",),
}


class Commenting(Spec, frozen=True):
    """Parameters of ``comment``.

    Attributes:
        on: what kind of object it is.
        schema: of the object; without meaning for a schema, an extension or a publication.
        name: of the object.
        text: the comment; an empty string: none.
        table: the table of a column, constraint, trigger or policy.
    """

    schema: str
    on: _On
    name: str
    text: str = ""
    table: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What SQL calls the object and its name parts."""
        parts = (self.schema, self.table, self.name) if self.on in _ON_TABLE else (self.schema, self.name)
        return (self.on.upper(), *(parts[-1:] if self.on in _WITHOUT_SCHEMA else parts))

    def __str__(self) -> str:
        return f'{self.on} "{".".join(self.key[1:])}"'


class Comment(OneStatement[Commenting]):
    """Say what an object is for.

    What happens
        Expand writes the comment: no row is touched, reads and writes go on. There is nothing to contract. Rollback
        writes the one that stood there, or none. On an object that the same migration makes in expand there is nothing
        to put back.

    What is refused
        An object that is not there, or is made by contract. A column that the same migration renames, splits, merges or
        gives another type: until contract it is a copy. Without a database, what is not made by the same migration: the
        comment that rollback restores is not known.

    Limits
        Functions and procedures only where no other one has their name. Roles, databases, tablespaces, casts,
        operators, rules, large objects and constraints of domains are not of this kind.

    Example:
        COMMENT ON COLUMN users.email IS 'lower case, as the login form sends it'
    """

    name = "comment"
    spec = Commenting
    leaves_columns = True
    may_follow = frozenset({"add_column", "comment", "set_column_options"})
    verb = "comment"
    why = "says what it is for; nothing else changes"

    def recognise(self, action: Action, schema: Schema) -> Commenting | None:
        """``COMMENT ON … IS …``."""
        if action.kind != "comment_stmt" or action.node.objtype not in _OBJECTS:
            return None
        on = _OBJECTS[action.node.objtype]
        parts = _parts(unwrap(action.node.object), on)
        name = parts.pop()
        table = parts.pop() if on in _ON_TABLE and parts else ""
        place = parts.pop() if parts else ""
        if on in _ON_TABLE and not table:
            raise Refused(f'COMMENT ON {on.upper()} "{name}" names no table', hint=f"write TABLE.{name}")
        return Commenting(
            schema="" if on in _WITHOUT_SCHEMA else place or _place(on, table or name, schema),
            on=on,
            name=name,
            text=action.node.comment,
            table=table,
        )

    def touched(self, change: Commenting) -> dict[TableName, tuple[str, ...]]:
        """The table, and the column: one that is about to be replaced by a copy would lose it."""
        if change.on in _ON_TABLE:
            return {TableName(change.schema, change.table): (change.name,) if change.on == "column" else ()}
        # The name of an index stands for its table when that is read.
        return {TableName(change.schema, change.name): ()} if change.on in (*_RELATIONS, "index") else {}

    def assumes(self, change: Commenting, schema: Schema) -> dict[str, str]:
        """The comment that rollback restores."""
        return {f"comment on {change}": _before(change, schema) or "none"}

    def validate(self, change: Commenting, context: Context) -> Iterator[str]:
        """It is there, and the comment before is known."""
        if change.on in _ON_TABLE and not change.table:
            raise Refused(f"a comment on a {change.on} needs its table", hint="table=NAME")
        if change.text == "" and _is_made(change, context):
            raise Refused(f"{change} is made by this migration: it has no comment to take away")
        if _is_made(change, context):
            return
        for kind, spec in context.beside:
            about = [getattr(spec, name, "") for name in ("schema", "table", "constraint")]
            if change.on == "constraint" and kind == "drop_constraint" and about == list(change.key[1:]):
                raise Refused(
                    f"a comment on {change} would go with the one that is dropped",
                    hint="write COMMENT ON CONSTRAINT in a later migration",
                )
        require_known(context, f"the comment of {change}, which rollback restores,")
        if not _is_there(change, context.schema):
            raise Refused(
                f"{change} does not exist",
                hint="what contract makes gets its comment in a migration after this one",
            )
        yield from ()

    def statement(self, change: Commenting, context: Context) -> Sql:
        """The comment."""
        del context
        return self._comment(change, change.text)

    def undo(self, change: Commenting, context: Context) -> Iterable[Sql]:
        """The one before."""
        if not _is_made(change, context):
            yield self._comment(change, _before(change, context.schema))

    def subject(self, change: Commenting) -> str:
        """The object."""
        return f"{change.table}-{change.name}" if change.table else change.name

    def _comment(self, change: Commenting, text: str) -> Sql:
        if change.on == "column":
            name = Sql(f"{qualified(change.schema, change.table)}.{ident(change.name)}")
        elif change.on in _ON_TABLE:
            name = Sql(f"{ident(change.name)} ON {qualified(change.schema, change.table)}")
        else:
            name = qualified(None if change.on in _WITHOUT_SCHEMA else change.schema, change.name)
        return self.template("comment", what=Sql(change.on.upper()), object=name, text=literal(text or None))


def _parts(node: Any, on: _On) -> list[str]:
    """Name parts of the object of a COMMENT."""
    if isinstance(node, pb.List):
        return [unwrap(item).sval for item in node.items]
    if isinstance(node, pb.TypeName):
        return [unwrap(item).sval for item in node.names]
    if isinstance(node, pb.ObjectWithArgs):
        return [unwrap(item).sval for item in node.objname]
    del on
    return [node.sval]


def _place(on: _On, name: str, schema: Schema) -> str:
    """The schema of an object that is written without one."""
    if on == "index":
        table = schema.table_of_index(None, name)
        return table.schema if table else schema.search_path[0]
    if on in ("type", "domain"):
        return next(
            (each for each in schema.search_path if TableName(each, name) in schema.types), schema.search_path[0]
        )
    if on == "sequence":
        known = schema.objects.sequences
        return next((each for each in schema.search_path if (each, name) in known), schema.search_path[0])
    return schema.resolve(None, name).schema


def _is_made(change: Commenting, context: Context) -> bool:
    """Whether the object comes with this migration, so that its undoing takes the comment along."""
    made = TableName(change.schema, change.table or change.name) in context.created
    return change.key in context.made or (made and change.on in ("table", "column", "constraint", "index"))


def _before(change: Commenting, schema: Schema) -> str:
    if change.on == "column":
        relation = schema.relation(TableName(change.schema, change.table))
        column = relation.column(change.name) if relation else None
        return (column.comment if column else None) or ""
    return schema.objects.comments.get(change.key, "")


def _is_there(change: Commenting, schema: Schema) -> bool:
    """Whether the object was read; what is not read is left to the server."""
    relation = schema.relation(TableName(change.schema, change.table or change.name))
    if change.on in _RELATIONS:
        return relation is not None and relation.kind in _RELATIONS[change.on]
    if change.on in _ON_TABLE:
        return relation is not None and _is_on_table(change, relation)
    objects = schema.objects
    known: dict[str, bool] = {
        "index": schema.table_of_index(change.schema, change.name) is not None,
        "sequence": (change.schema, change.name) in objects.sequences,
        "type": TableName(change.schema, change.name) in schema.types,
        "domain": TableName(change.schema, change.name) in schema.types,
        "schema": change.name in objects.schemas,
        "extension": change.name in objects.extensions,
    }
    return known.get(change.on, True)


def _is_on_table(change: Commenting, relation: Relation) -> bool:
    if change.on == "column":
        return relation.column(change.name) is not None
    if change.on == "constraint":
        return any(each.name == change.name for each in relation.constraints)
    return True
