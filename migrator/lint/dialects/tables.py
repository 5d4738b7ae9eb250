"""What earlier statements of the same history made: tables, and the types of their columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrator.lint.dialects.actions import Action, actions_of, key_of, listed, table_of
from migrator.sql.dialect import ForeignStatement, Word


@dataclass(slots=True)
class Tables:
    """State of a history; the engine moves it forward, rules only read it.

    Attributes:
        dialect: mysql, mariadb or sqlite.
        following: statements behind the current one in its file.
        made: tables that the current file made.
        types: definitions of columns in upper case by their names, by table.
        settings: what the file SET or PRAGMA'd last, by lower-case name.
        in_transaction: whether a BEGIN of the file is open.
    """

    dialect: str
    following: tuple[ForeignStatement, ...] = ()
    made: set[str] = field(default_factory=set)
    types: dict[str, dict[str, str]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    in_transaction: bool = False

    def start_file(self) -> None:
        """Move on to the next file: what earlier ones made is deployed."""
        self.made, self.settings, self.in_transaction = set(), {}, False

    def is_new(self, name: str) -> bool:
        """Whether the current file made this table, so that nobody uses it yet."""
        return key_of(name) in self.made

    def type_of(self, table: str, column: str) -> str | None:
        """The definition of a column as far as it is known."""
        return self.types.get(key_of(table), {}).get(column.lower())

    def apply(self, statement: ForeignStatement) -> None:
        """Take in what a statement does."""
        keys = statement.keys
        if statement.starts("BEGIN", "START TRANSACTION"):
            self.in_transaction = True
        elif statement.starts("COMMIT", "ROLLBACK", "END"):
            self.in_transaction = False
        elif statement.starts("SET", "PRAGMA") and "=" in keys[:-1]:
            place = keys.index("=")
            self.settings[statement.words[place - 1].name.lower()] = statement.words[place + 1].name.lower()
        elif keys[:1] == ("CREATE",) and "TABLE" in keys[:3]:
            self._create(statement)
        elif statement.starts("DROP TABLE"):
            for words in listed(statement.words, table_of(statement)[1] - 1):
                self._forget(statement.text(words))
        elif statement.starts("RENAME TABLE"):
            for words in listed(statement.words, 2):
                place = next((index for index, word in enumerate(words) if word.key == "TO"), 0)
                if 0 < place < len(words) - 1:
                    self._rename(statement.text(words[:place]), statement.text(words[place + 1 :]))
        elif statement.starts("ALTER"):
            table, _ = table_of(statement)
            for action in actions_of(statement):
                self._alter(table, action)

    def _create(self, statement: ForeignStatement) -> None:
        table, place = table_of(statement)
        self.made.add(key_of(table))
        depth = 0
        start = place + 1
        for index in range(place, len(statement.words)):
            key = statement.keys[index]
            depth += (key == "(") - (key == ")")
            if (key == "," and depth == 1) or (key == ")" and depth == 0):
                words = statement.words[start:index]
                if len(words) > 1:
                    self._define(table, words[0].name, words[1:])
                start = index + 1
                if depth == 0:
                    return

    def _alter(self, table: str, action: Action) -> None:
        if action.kind in ("add column", "modify column"):
            self._define(table, action.name, action.rest)
        elif action.kind == "change column" and action.rest:
            self._columns(table).pop(action.name.lower(), None)
            self._define(table, action.rest[0].name, action.rest[1:])
        elif action.kind in ("rename column", "drop column"):
            known = self._columns(table).pop(action.name.lower(), None)
            if known is not None and action.kind == "rename column":
                self._columns(table)[action.words[-1].name.lower()] = known
        elif action.kind == "rename table":
            self._rename(table, action.words[-1].name)

    def _rename(self, old: str, new: str) -> None:
        is_new, columns = self.is_new(old), self._columns(old)
        self._forget(old)
        self._forget(new)
        self.types[key_of(new)] = columns
        if is_new:
            self.made.add(key_of(new))

    def _forget(self, table: str) -> None:
        self.made.discard(key_of(table))
        self.types.pop(key_of(table), None)

    def _define(self, table: str, column: str, words: tuple[Word, ...]) -> None:
        self._columns(table)[column.lower()] = definition(words)

    def _columns(self, table: str) -> dict[str, str]:
        return self.types.setdefault(key_of(table), {})


def definition(words: tuple[Word, ...]) -> str:
    """A type, or the definition of a column, in one spelling."""
    return " ".join(word.key or f"'{word.name}'" for word in words).replace(" ( ", "(").replace(" )", ")")
