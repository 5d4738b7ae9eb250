"""What names a statement takes and frees: relations, types, constraints, policies and the like, each in its own space.

Pure. PostgreSQL keeps tables, views, sequences and indexes in one space, types in another one that every table takes
part in with its row type (System Catalogs, pg_class and pg_type). Names that the server thinks up are left out, since
it takes free ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from migrator.sql.drops import names_of
from migrator.sql.parser import Statement, pb, unwrap

RELATION = "relation"
TYPE = "type"
CONSTRAINT = "constraint"

_NOUNS = {
    pb.OBJECT_TABLE: "table", pb.OBJECT_VIEW: "view", pb.OBJECT_MATVIEW: "materialized view",
    pb.OBJECT_SEQUENCE: "sequence", pb.OBJECT_INDEX: "index", pb.OBJECT_FOREIGN_TABLE: "foreign table",
}  # fmt: skip
_WITH_ROWS = frozenset({"table", "view", "materialized view", "foreign table"})
_WITH_INDEX = frozenset({pb.CONSTR_EXCLUSION, pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE})
_TYPES = frozenset({pb.OBJECT_TYPE, pb.OBJECT_DOMAIN})
_OF_TABLES = {pb.OBJECT_POLICY: "policy", pb.OBJECT_RULE: "rule", pb.OBJECT_TRIGGER: "trigger"}

Owner = tuple[str | None, str]
"""Schema, None where the statement writes none, and name of a relation."""


class Name(Struct, frozen=True):
    """One name.

    Attributes:
        space: in which it has to be the only one.
        noun: what PostgreSQL calls what has it.
        schema: None where the statement writes none, or where the space has no schemas.
        name: it.
        of: the table whose constraint, policy, trigger or rule it is the name of; spaces of different tables differ.
    """

    space: str
    noun: str
    schema: str | None
    name: str
    of: Owner | None = None

    @property
    def place(self) -> tuple[str, str | None, str, Owner | None]:
        """What must not be taken twice."""
        return self.space, self.schema, self.name, self.of

    def __str__(self) -> str:
        of = f' of "{_dotted(*self.of)}"' if self.of else ""
        return f'{self.noun} "{_dotted(self.schema, self.name)}"{of}'


class Naming(Struct, frozen=True):
    """What becomes of a name.

    Attributes:
        name: it.
        is_taken: else it is freed.
        table: the relation that it goes away with; None: it is itself one, or stands alone.
        becomes: of a relation that gives its name up and stays, the new one.
        was: of a constraint that is renamed, the old one.
    """

    name: Name
    is_taken: bool
    table: Owner | None = None
    becomes: Owner | None = None
    was: str | None = None


def names_in(statement: Statement) -> Iterator[Naming]:
    """What a statement does to names, in order; nothing for one that leaves alone what has the name already."""
    node = statement.node
    if getattr(node, "if_not_exists", False) or getattr(node, "replace", False):
        return
    if statement.kind in ("create_stmt", "view_stmt", "create_table_as_stmt", "create_seq_stmt"):
        yield from _created(statement.kind, node)
    elif statement.kind == "index_stmt" and node.idxname:
        own = _owner(node.relation)
        yield Naming(Name(RELATION, "index", own[0], node.idxname), True, own)
    elif statement.kind == "alter_table_stmt":
        yield from _altered(node)
    elif statement.kind == "rename_stmt":
        yield from _renamed(node)
    elif statement.kind == "drop_stmt":
        yield from _dropped(node)
    elif statement.kind == "alter_object_schema_stmt" and node.object_type in _NOUNS:
        own = _owner(node.relation)
        yield from _moved(_NOUNS[node.object_type], own, (node.newschema, own[1]))
    else:
        yield from (Naming(name, True, name.of) for name in _plain(statement.kind, node))


def _created(kind: str, node: Any) -> Iterator[Naming]:
    holder = {"view_stmt": "view", "create_seq_stmt": "sequence"}.get(kind, "relation")
    relation = node.into.rel if kind == "create_table_as_stmt" else getattr(node, holder)
    if relation.relpersistence == "t":
        return
    noun = holder if holder != "relation" else "table"
    if kind == "create_table_as_stmt":
        noun = _NOUNS.get(node.objtype, "table")
    own = _owner(relation)
    yield from (Naming(each, True) for each in _of_relation(noun, own))
    for element in map(unwrap, getattr(node, "table_elts", ())):
        constraints = map(unwrap, element.constraints) if isinstance(element, pb.ColumnDef) else [element]
        yield from (each for one in constraints if isinstance(one, pb.Constraint) for each in _constraint(one, own))


def _of_relation(noun: str, own: Owner) -> Iterator[Name]:
    yield Name(RELATION, noun, *own)
    if noun in _WITH_ROWS:
        yield Name(TYPE, noun, *own)


def _constraint(node: Any, own: Owner) -> Iterator[Naming]:
    if node.indexname and node.contype in _WITH_INDEX:
        # The index takes the name of the constraint.
        yield Naming(Name(RELATION, "index", own[0], node.indexname), False, own)
        yield Naming(Name(RELATION, "index", own[0], node.conname or node.indexname), True, own)
        yield Naming(Name(CONSTRAINT, "constraint", None, node.conname or node.indexname, own), True, own)
    elif node.conname:
        yield Naming(Name(CONSTRAINT, "constraint", None, node.conname, own), True, own)
        if node.contype in _WITH_INDEX:
            yield Naming(Name(RELATION, "index", own[0], node.conname), True, own)


def _altered(node: Any) -> Iterator[Naming]:
    own = _owner(node.relation)
    for command in map(unwrap, node.cmds):
        if command.subtype == pb.AT_AddConstraint:
            yield from _constraint(unwrap(getattr(command, "def")), own)
        elif command.subtype == pb.AT_AddColumn and not command.missing_ok:
            for each in map(unwrap, unwrap(getattr(command, "def")).constraints):
                yield from _constraint(each, own)
        elif command.subtype == pb.AT_DropConstraint:
            yield Naming(Name(CONSTRAINT, "constraint", None, command.name, own), False, own)
            yield Naming(Name(RELATION, "index", own[0], command.name), False, own)


def _renamed(node: Any) -> Iterator[Naming]:
    own = _owner(node.relation)
    if node.rename_type in _NOUNS:
        yield from _moved(_NOUNS[node.rename_type], own, (own[0], node.newname))
    elif node.rename_type == pb.OBJECT_TABCONSTRAINT or node.rename_type in _OF_TABLES:
        noun = _OF_TABLES.get(node.rename_type, "constraint")
        yield Naming(Name(noun, noun, None, node.subname, own), False, own)
        yield Naming(Name(noun, noun, None, node.newname, own), True, own, was=node.subname)


def _moved(noun: str, before: Owner, after: Owner) -> Iterator[Naming]:
    """A relation gets another name: what goes away with it does so under the new one."""
    yield from (Naming(each, False, becomes=after) for each in _of_relation(noun, before))
    yield from (Naming(each, True) for each in _of_relation(noun, after))


def _dropped(node: Any) -> Iterator[Naming]:
    for item in map(unwrap, node.objects):
        if node.remove_type in _NOUNS:
            yield from (Naming(each, False) for each in _of_relation(_NOUNS[node.remove_type], names_of(item.items)))
        elif node.remove_type in _TYPES:
            yield Naming(Name(TYPE, "type", *names_of(item.names)), False)
        elif node.remove_type in _OF_TABLES:
            noun, own = _OF_TABLES[node.remove_type], names_of(item.items[:-1])
            yield Naming(Name(noun, noun, None, unwrap(item.items[-1]).sval, own), False, own)


def _plain(kind: str, node: Any) -> Iterator[Name]:
    if kind == "composite_type_stmt":
        own = _owner(node.typevar)
        yield Name(RELATION, "type", *own)
        yield Name(TYPE, "type", *own)
    elif kind in ("create_enum_stmt", "create_range_stmt"):
        yield Name(TYPE, "type", *names_of(node.type_name))
    elif kind == "create_domain_stmt":
        yield Name(TYPE, "domain", *names_of(node.domainname))
    elif kind == "create_policy_stmt":
        yield Name("policy", "policy", None, node.policy_name, _owner(node.table))
    elif kind == "create_trig_stmt":
        yield Name("trigger", "trigger", None, node.trigname, _owner(node.relation))
    elif kind == "rule_stmt":
        yield Name("rule", "rule", None, node.rulename, _owner(node.relation))


def _owner(relation: Any) -> Owner:
    return relation.schemaname or None, relation.relname


def _dotted(*parts: str | None) -> str:
    return ".".join(filter(None, parts))
