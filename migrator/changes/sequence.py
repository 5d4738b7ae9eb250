"""Sequences as objects of a change: their parameters, and their options as SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.changes.kind import Context, Spec
from migrator.errors import Refused
from migrator.model.objects import SequenceFacts
from migrator.model.schema import Schema, Sequence, TableName
from migrator.sql.compose import Sql, literal, qualified
from migrator.sql.parser import deparse_type, parse_script, relation_parts, unwrap
from migrator.sql.rewrite import granted_to, slug

BOUNDS = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
"""Range of each type a sequence may have."""
_TYPES = {"int2": "smallint", "int4": "integer", "int": "integer", "int8": "bigint"}


def as_before(sequence: Sequence) -> Iterator[tuple[str, Sql]]:
    """Privileges and comment of an identity's sequence for the one that has taken its name: step and statement."""
    place, name = relation_parts(sequence.name)
    what = qualified(place, name)
    for grant in sequence.grants:
        to = granted_to(grant.grantee, is_grantable=grant.is_grantable)
        step = f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public', name)}"
        yield step, Sql(f"GRANT {grant.privilege} ON SEQUENCE {what} TO {to}")
    if sequence.comment is not None:
        yield f"comment-{slug(name)}", Sql(f"COMMENT ON SEQUENCE {what} IS {literal(sequence.comment)}")


class OnSequence(Spec, frozen=True):
    """Parameters of a change of a sequence.

    Attributes:
        schema: of the sequence.
        sequence: its name.
    """

    schema: str
    sequence: str

    @property
    def sql(self) -> Sql:
        """The sequence as written in SQL."""
        return qualified(self.schema, self.sequence)

    @property
    def key(self) -> tuple[str, str]:
        """Its schema and name."""
        return self.schema, self.sequence

    def __str__(self) -> str:
        return f"{self.schema}.{self.sequence}"


def placed(schema: Schema, place: str | None, name: str) -> tuple[str, str]:
    """Schema and name of a sequence as written; one that is not there goes to the first schema of the search path."""
    found = (each for each in schema.search_path if (each, name) in schema.objects.sequences)
    return place or next(found, schema.search_path[0]), name


def require_sequence(change: OnSequence, context: Context) -> SequenceFacts | None:
    """The sequence; None when no database was asked.

    Raises:
        Refused: it does not exist.
    """
    if not context.schema.is_known:
        return None
    found = context.schema.objects.sequences.get(change.key)
    if found is None:
        raise Refused(f'sequence "{change}" does not exist')
    return found


def elements_of(options: str) -> dict[str, Any]:
    """Options as ``INCREMENT BY 2 NO CYCLE`` to nodes by name; ``owned_by``, ``maxvalue`` and so on.

    Raises:
        Refused: they do not parse, or one stands twice.
    """
    statement = parse_script(f"CREATE SEQUENCE s {options}", "options").statements
    if len(statement) != 1 or statement[0].kind != "create_seq_stmt":
        raise Refused(f"not options of a sequence: {options}")
    given = [unwrap(each) for each in statement[0].node.options]
    names = [each.defname for each in given]
    if len(set(names)) < len(names):
        raise Refused(f"an option of the sequence stands twice: {options}")
    return {each.defname: each for each in given}


def written_options(elements: dict[str, Any], schema: Schema) -> str:
    """Elements as SQL in one form, the owner qualified."""
    return " ".join(_written(name, element, schema) for name, element in elements.items())


def number(element: Any) -> int | None:
    """The number of an option; None for NO MAXVALUE and the like."""
    if not element.HasField("arg"):
        return None
    value = unwrap(element.arg)
    return int(value.fval) if hasattr(value, "fval") and value.fval else int(value.ival)


def type_of(element: Any) -> str:
    """The type of AS.

    Raises:
        Refused: no sequence is of that type.
    """
    written = deparse_type(unwrap(element.arg)).lower()
    name = _TYPES.get(written, written)
    if name not in BOUNDS:
        raise Refused(f"a sequence is smallint, integer or bigint, not {written}")
    return name


def owner_of(element: Any, schema: Schema) -> tuple[str, str, str] | None:
    """Schema, table and column of OWNED BY; None for NONE."""
    parts = [unwrap(item).sval for item in unwrap(element.arg).items]
    if len(parts) < 2:
        return None
    table = schema.resolve(parts[-3] if len(parts) > 2 else None, parts[-2])
    return table.schema, table.name, parts[-1]


def given_owner(options: str, place: str) -> tuple[str, str, str] | None:
    """What OWNED BY among options of a sequence in the schema ``place`` names: schema, table and column; or None."""
    element = elements_of(options).get("owned_by")
    return owner_of(element, Schema(search_path=(place,))) if element is not None else None


def require_owner(change: OnSequence, options: str, context: Context) -> None:
    """Make sure that what is to own a sequence can.

    Raises:
        Refused: it is not there, or in another schema.
    """
    owner = given_owner(options, change.schema)
    if owner is None or not context.schema.is_known:
        return
    table = TableName(owner[0], owner[1])
    relation = context.schema.relation(table)
    if table not in context.created and (relation is None or relation.column(owner[2]) is None):
        raise Refused(f'column "{owner[2]}" of table "{table}", to own sequence "{change}", does not exist')
    if owner[0] != change.schema:
        raise Refused(
            f'table "{table}" cannot own sequence "{change}": a sequence is in the schema of the table that owns it',
            hint=f'write "OWNED BY NONE", or a sequence in schema "{owner[0]}"',
        )


def owned_by(owner: tuple[str, str, str] | None) -> Sql:
    """OWNED BY as SQL."""
    if owner is None:
        return Sql("OWNED BY NONE")
    return Sql(f"OWNED BY {qualified(owner[0], owner[1])}.{qualified(None, owner[2])}")


def _written(name: str, element: Any, schema: Schema) -> str:
    if name == "owned_by":
        return owned_by(owner_of(element, schema))
    if name == "as":
        return f"AS {type_of(element)}"
    if name == "cycle":
        return "CYCLE" if unwrap(element.arg).boolval else "NO CYCLE"
    value = number(element)
    word = {"increment": "INCREMENT BY", "start": "START WITH", "minvalue": "MINVALUE", "maxvalue": "MAXVALUE"}.get(
        name, name.upper()
    )
    return f"NO {word}" if value is None else f"{word} {value}"
