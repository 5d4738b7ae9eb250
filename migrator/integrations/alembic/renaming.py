"""Which of the columns and tables that autogenerate would drop and add anew were renamed: told or asked, never guessed.

Autogenerate sees one that is gone and one that has come, which is also what a rename looks like. Who may say which it
is, the first that does: the model (``info={"renamed_from": "name"}`` on a column or table; None: it is a new one),
``-x rename=`` and ``-x drop=`` or the options of ``migrator new``, a question at the terminal. If nobody does, there is
no revision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from migrator.errors import UsageError

HINT_KEY = "renamed_from"


@dataclass(frozen=True, slots=True)
class Gone:
    """What the database has and the models do not.

    Attributes:
        path: ``users.name`` for a column, ``users`` for a table; with the schema in front where it is not the default.
        name: the last part of it.
    """

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Came:
    """What the models have and the database does not.

    Attributes:
        name: of the column or table.
        fits: paths of those that it may be, because it is of a compatible shape.
        hinted: whether the model says what it was.
        renamed_from: what the model says; None: it is new.
    """

    name: str
    fits: tuple[str, ...] = ()
    hinted: bool = False
    renamed_from: str | None = None


@dataclass(slots=True)
class Answers:
    """What was said on the command line, and whether somebody can be asked.

    Attributes:
        renamed: paths and the new name of each.
        dropped: paths of those that were not renamed.
        ask: puts a question that is answered by yes or no; None: nobody is there.
        used: answers that were about something.
    """

    renamed: dict[str, str] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    ask: Callable[[str], bool] | None = None
    used: set[str] = field(default_factory=set)

    def require_used(self) -> None:
        """Make sure that no answer was about nothing.

        Raises:
            UsageError: one was, so it is misspelt, or it has been done already.
        """
        unused = sorted((self.renamed.keys() | self.dropped) - self.used)
        if unused:
            raise UsageError(
                f'the models still have "{unused[0]}", or the database never had it',
                detail="it was said to be renamed or dropped",
                hint="name a column as TABLE.COLUMN, a table as TABLE, with its schema in front where it has one",
            )


def answers(renames: Iterable[str], drops: Iterable[str], ask: Callable[[str], bool] | None) -> Answers:
    """Answers from the command line.

    Args:
        renames: ``table.column:new_name`` or ``table:new_name``.
        drops: ``table.column`` or ``table``.
        ask: as of ``Answers``.

    Raises:
        UsageError: one cannot be read, or two contradict one another.
    """
    found = Answers(ask=ask)
    for text in renames:
        path, colon, new = text.partition(":")
        if not (path and colon and new) or ":" in new or "." in new:
            raise UsageError(
                f'"{text}" is no rename',
                hint="rename=users.name:full_name for a column, rename=people:users for a table",
            )
        if found.renamed.setdefault(path, new) != new:
            raise UsageError(f'"{path}" is said to be renamed to both "{found.renamed[path]}" and "{new}"')
    for path in drops:
        if path in found.renamed:
            raise UsageError(f'"{path}" is said to be both renamed and dropped')
        found.dropped.add(path)
    return found


def renamed(what: str, gone: Sequence[Gone], came: Sequence[Came], said: Answers) -> dict[str, str]:
    """New names of those of one place (a table, or a schema) that were renamed, by their old ones.

    Args:
        what: ``column`` or ``table``.
        gone: those that are gone.
        came: those that have come.
        said: what was said; what is used of it is noted there.

    Raises:
        UsageError: nobody says whether something was renamed, all of it at once, or what was said cannot be.
    """
    found: dict[str, str] = {}
    new_names = {each.name for each in came}
    old_names = {each.name for each in gone}
    for new in came:
        if new.hinted and new.renamed_from in old_names:
            if new.renamed_from in found:
                raise UsageError(f'two models of a {what} say that they were "{new.renamed_from}" before')
            found[str(new.renamed_from)] = new.name
    for old in gone:
        _take_said(what, old, new_names, said, found)
    open_questions: list[tuple[Gone, str]] = []
    for old in gone:
        for new in came:
            taken = old.name in found or new.name in found.values()
            if taken or old.path in said.dropped or new.hinted or old.path not in new.fits:
                continue
            if said.ask is None:
                open_questions.append((old, new.name))
            elif said.ask(f"was {what} {old.path} renamed to {new.name}?"):
                found[old.name] = new.name
    if open_questions:
        raise _undecided(what, open_questions)
    return found


def _take_said(what: str, old: Gone, new_names: set[str], said: Answers, found: dict[str, str]) -> None:
    if old.path in said.dropped:
        said.used.add(old.path)
    new = said.renamed.get(old.path)
    if new is None:
        return
    said.used.add(old.path)
    if new not in new_names:
        raise UsageError(
            f'{what} "{old.path}" is said to be renamed to "{new}", which no model has anew',
            detail=f"new in the models: {', '.join(sorted(new_names)) or 'nothing of the kind'}",
        )
    if found.get(old.name, new) != new or (new in found.values() and old.name not in found):
        raise UsageError(f'the model says something else about "{old.path}" than the command line')
    found[old.name] = new


def _undecided(what: str, questions: Sequence[tuple[Gone, str]]) -> UsageError:
    old, new = questions[0]
    return UsageError(
        f"it is not known whether a {what} was renamed, or dropped and another one added",
        detail="\n".join(f"{each.path} may have become {name}" for each, name in questions),
        hint=f'say which: info={{"{HINT_KEY}": "{old.name}"}} (or None) in the model of {new}; '
        f"-x rename={old.path}:{new} or -x drop={old.path} for alembic; --rename {old.path}:{new} or "
        f"--drop {old.path} for migrator new; or run it at a terminal, where it is asked",
    )
