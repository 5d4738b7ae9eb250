"""Names that a migration takes: not twice in itself, not those of what is there, not those another one has yet to take.

What is not seen beforehand fails in the middle of expand, or at contract, where there is no way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from migrator.errors import Refused
from migrator.model.plan import Migration, Phase
from migrator.sql.names import RELATION, TYPE, Name, Naming, Owner, names_in
from migrator.sql.parser import Statement, parse_script, pb, unwrap

Holder = tuple[str, Owner | None]
"""What has a name, as people call it, and the table that it goes away with."""

Asked = tuple[str, str | None, str, str | None, str | None]
"""A name that is asked about: its space, schema and itself; of a constraint, its table and the name it had before."""

_Place = tuple[str, str | None, str, Owner | None]
_WITH_OTHERS = frozenset({pb.OBJECT_EXTENSION, pb.OBJECT_SCHEMA})
_IN_SCHEMAS = (RELATION, TYPE)


@dataclass(frozen=True, slots=True)
class Taken:
    """A name that a step takes.

    Attributes:
        name: it.
        at: where the step, or the change it is of, is written.
        table: the relation that it goes away with.
        was: of a constraint that is renamed, the name before.
    """

    name: Name
    at: str
    table: Owner | None = None
    was: str | None = None

    @property
    def asked(self) -> Asked:
        """How the server is asked about it."""
        schema, table = self.name.of or (self.name.schema, None)
        return self.name.space, schema, self.name.name, table, self.was


@dataclass(slots=True)
class Names:
    """What becomes of names while steps run one after the other.

    Attributes:
        held: those that steps took and none has freed yet.
        freed: those that were there before and are not there any more.
        loosened: tables of which something goes that may take indexes and constraints with it.
        unsure: places of those that may have gone with a column or a constraint of their table.
        is_unclear: whether any name may have been freed.
        wanted: those that must be free before, in the order they are taken.
        twice: those taken by a step while another one has them.
    """

    held: dict[_Place, Taken] = field(default_factory=dict)
    freed: set[_Place] = field(default_factory=set)
    loosened: set[Owner] = field(default_factory=set)
    unsure: set[_Place] = field(default_factory=set)
    is_unclear: bool = False
    wanted: list[tuple[Taken, frozenset[Owner]]] = field(default_factory=list)
    twice: list[tuple[Taken, Taken]] = field(default_factory=list)

    def run(self, sql: str, at: str) -> None:
        """Note what a step does."""
        for statement in parse_script(sql).statements:
            for naming in names_in(statement):
                if naming.is_taken:
                    self._take(naming, at)
                else:
                    self._free(naming)
            self.is_unclear = self.is_unclear or _is_unclear(statement)
            if _loosens(statement):
                owner = (statement.node.relation.schemaname or None, statement.node.relation.relname)
                self.loosened.add(owner)
                self.unsure |= {place for place, each in self.held.items() if owner in (each.table, each.name.of)}

    def _take(self, naming: Naming, at: str) -> None:
        place, taken = naming.name.place, Taken(naming.name, at, naming.table, naming.was)
        if place in self.unsure:
            self.unsure.discard(place)
        elif place in self.held:
            self.twice.append((self.held[place], taken))
        elif place not in self.freed and not self.is_unclear:
            self.wanted.append((taken, frozenset(self.loosened)))
        self.held[place] = taken

    def _free(self, naming: Naming) -> None:
        if self.held.pop(naming.name.place, None) is None:
            self.freed.add(naming.name.place)
        if naming.name.space == RELATION and naming.table is None:
            own = (naming.name.schema, naming.name.name)
            self.loosened.add(own)
            going = [place for place, taken in self.held.items() if own in (taken.table, taken.name.of)]
            entries = [self.held.pop(place) for place in going]
            if naming.becomes:
                for each in entries:
                    self._keep_under(each, own, naming.becomes)

    def _keep_under(self, taken: Taken, before: Owner, after: Owner) -> None:
        name, schema = taken.name, after[0] if taken.name.space in _IN_SCHEMAS else taken.name.schema
        moved = Name(name.space, name.noun, schema, name.name, after if name.of == before else name.of)
        self.held[moved.place] = Taken(moved, taken.at, after)


def of_steps(steps: Iterable[tuple[str, str]], names: Names | None = None) -> Names:
    """What has become of names once steps have run.

    Args:
        steps: SQL of each, and where it is written.
        names: what became of them before; changed.
    """
    names = Names() if names is None else names
    for sql, at in steps:
        names.run(sql, at)
    return names


def of_migration(migration: Migration, *phases: Phase) -> Names:
    """What has become of names once phases of a migration have run, by default expand and contract."""
    names = Names()
    for phase in phases or (Phase.EXPAND, Phase.CONTRACT):
        of_steps(((step.sql, step.at) for step in migration.phase(phase)), names)
    return names


def refuse_taken_twice(names: Names) -> None:
    """Refuse a migration that gives two things one name.

    Raises:
        Refused: for the first of them.
    """
    for first, second in names.twice:
        raise Refused(
            f"{second.name} cannot be made: before it, this migration gives the name to {_called(first.name)}",
            at=second.at or None,
            hint="give one of them another name",
        )


def refuse_taken(names: Names, holders: Callable[[Sequence[Asked]], Sequence[Holder | None]]) -> None:
    """Refuse a migration that takes the name of what is there.

    Args:
        names: see ``after``.
        holders: asks the server what has each name; None: nothing.

    Raises:
        Refused: for the first of them.
    """
    wanted = [(taken, loosened) for taken, loosened in names.wanted if taken.name.space in _IN_SCHEMAS or taken.was]
    found = holders([taken.asked for taken, _ in wanted])
    for (taken, loosened), holder in zip(wanted, found, strict=True):
        if holder is not None and holder[1] not in loosened:
            raise Refused(
                f"{taken.name} cannot be made: {holder[0]} has the name",
                at=taken.at or None,
                hint="choose another name",
            )


def refuse_awaited(migration: Migration, other: Migration) -> None:
    """Refuse a migration that takes a name that contract of another one, which is expanded, has yet to take.

    Raises:
        Refused: for the first of them.
    """
    expanded, contracted = of_migration(other, Phase.EXPAND), of_migration(other)
    awaited = {place: taken for place, taken in contracted.held.items() if place not in expanded.held}
    for taken, _ in of_migration(migration).wanted if awaited else ():
        its = awaited.get(taken.name.place)
        if its is not None:
            raise Refused(
                f"{taken.name} cannot be made: contract of {other.id} has yet to give the name to {_called(its.name)}",
                at=taken.at or None,
                hint="choose another name",
            )


def _called(name: Name) -> str:
    return f"{'an' if name.noun[0] in 'aeiou' else 'a'} {name.noun}"


def _loosens(statement: Statement) -> bool:
    """Whether a statement takes a column or a constraint away."""
    return statement.kind == "alter_table_stmt" and any(
        unwrap(command).subtype in (pb.AT_DropColumn, pb.AT_DropConstraint) for command in statement.node.cmds
    )


def _is_unclear(statement: Statement) -> bool:
    """Whether the text does not tell which names a statement frees."""
    if statement.kind == "drop_stmt":
        return statement.node.behavior == pb.DROP_CASCADE or statement.node.remove_type in _WITH_OTHERS
    return statement.kind == "drop_owned_stmt" or (statement.kind == "do_stmt" and "EXECUTE" in statement.text.upper())
