"""Parameters of ``add_identity``, and what a column must be like to become an identity column."""

from __future__ import annotations

from typing import Literal

from migrator.changes.identity import OnColumn, is_serial
from migrator.changes.kind import Context
from migrator.changes.sequence import BOUNDS
from migrator.errors import Refused
from migrator.model.schema import Column, Index, Relation, Sequence, TableName
from migrator.sql.parser import parse_script, relation_parts, unwrap


class IdentityAddition(OnColumn, frozen=True):
    """Parameters of ``add_identity``.

    Attributes:
        identity: ``always`` where inserts that name a value are to fail, ``by default`` where they may.
        options: of its sequence, as SQL: ``START WITH 1000 CACHE 20``.
        phase: ``contract`` for a serial column; for another one ``expand``, where the values that code names are none
            that the sequence comes to.
    """

    identity: Literal["always", "by default"] = "by default"
    options: str = ""
    phase: Literal["expand", "contract"] = "contract"


def place_of(sequence: Sequence) -> TableName:
    """Schema and name of the sequence of a serial column."""
    schema, name = relation_parts(sequence.name)
    return TableName(schema or "public", name)


def require_fit(change: IdentityAddition, column: Column) -> None:
    """Refuse a column that the server would refuse, or where old or new code would fail.

    Raises:
        Refused: with the reason.
    """
    what = f'column "{change.column}" of table "{change.target}"'
    if column.identity:
        raise Refused(
            f"{what} is an identity column already", hint="SET GENERATED … or SET INCREMENT BY … and the like change it"
        )
    if column.type_name not in BOUNDS:
        raise Refused(
            f"{what} is {column.type_name}: an identity column is {', '.join(BOUNDS)}",
            hint="change its type in a migration before this one",
        )
    if column.generated:
        raise Refused(f"{what} computes its values itself")
    if not column.not_null:
        raise Refused(
            f"{what} may be NULL, an identity column may not",
            hint="ALTER TABLE … SET NOT NULL in a migration before this one, and contract it first",
        )
    if column.default is not None and not is_serial(column):
        raise Refused(
            f"{what} has a default, {column.default}, and does not own a sequence that this draws from",
            hint="where it draws from a sequence that is its alone: ALTER SEQUENCE … OWNED BY the column, in a "
            "migration before this one; else drop the default there, and contract it first",
        )
    if change.phase == "contract" and not is_serial(column):
        raise Refused(
            f"{what} is not serial: code names its values, also the code of this migration until contract, and code "
            "that leaves it out would be given some of them again",
            hint="where the sequence comes to none of them: -- migrator: phase = expand, and START WITH … MAXVALUE …; "
            "where code draws them from a sequence: ALTER SEQUENCE … OWNED BY the column, and SET DEFAULT nextval(…) "
            "with -- migrator: phase = expand, in a migration before this one",
        )


def require_own(change: IdentityAddition, column: Column, context: Context) -> None:
    """Refuse a serial column whose sequence, which goes, is used by more than its default.

    Raises:
        Refused: with every user named.
    """
    place = place_of(column.sequence) if column.sequence else change.target
    facts = context.schema.objects.sequences.get((place.schema, place.name))
    if facts is not None and len(facts.users) > 1:
        raise Refused(
            f'more than column "{change.column}" of table "{change.target}" draws from its sequence',
            detail="\n".join(facts.users),
            hint="give the others a sequence of their own in a migration before this one, and contract it first",
        )


def require_index(change: IdentityAddition, relation: Relation) -> None:
    """Refuse a column whose greatest value no index tells at once.

    Raises:
        Refused: no whole index begins with it.
    """
    if not any(_leads(change.column, each) for each in relation.indexes):
        raise Refused(
            f'no index begins with column "{change.column}" of table "{change.target}": its greatest value, which the '
            "sequence is set behind, would be looked for in every row while everybody waits",
            hint="say where it begins: (START WITH …), or create an index on the column in a migration before this one",
        )


def _leads(column: str, index: Index) -> bool:
    node = parse_script(index.definition).statements[0].node
    whole = node.access_method == "btree" and not node.HasField("where_clause")
    return index.is_valid and whole and unwrap(node.index_params[0]).name == column
