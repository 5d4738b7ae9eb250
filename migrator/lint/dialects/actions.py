"""The actions of ALTER TABLE of MySQL, MariaDB and SQLite, each by what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.sql.dialect import ForeignStatement, Word


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        kind: such as ``add column``; empty if it is not known.
        name: of the column, index or table it is about, if it is about one.
        words: all of it.
        rest: the words behind the name: the definition.
    """

    kind: str
    name: str
    words: tuple[Word, ...]
    rest: tuple[Word, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands in the source."""
        return self.words[0].start, self.words[-1].end

    def has(self, *keys: str) -> bool:
        """Whether these keywords follow each other in it."""
        own = [word.key for word in self.words]
        return any(own[place : place + len(keys)] == list(keys) for place in range(len(own)))


_KINDS = (
    ("add column", r"ADD COLUMN (?!\()(?:IF NOT EXISTS )?(?P<name>\S+)"),
    ("add primary key", r"ADD (?:CONSTRAINT (?:(?!PRIMARY )\S+ )?)?PRIMARY KEY"),
    ("add foreign key", r"ADD (?:CONSTRAINT (?:(?!FOREIGN )\S+ )?)?FOREIGN KEY"),
    ("add check", r"ADD (?:CONSTRAINT (?:(?!CHECK )\S+ )?)?CHECK"),
    ("add unique", r"ADD (?:CONSTRAINT (?:(?!UNIQUE )\S+ )?)?UNIQUE(?: INDEX| KEY)?(?: (?!\()(?P<name>\S+))?"),
    ("add fulltext", r"ADD FULLTEXT(?: INDEX| KEY)?(?: (?!\()(?P<name>\S+))?"),
    ("add spatial", r"ADD SPATIAL(?: INDEX| KEY)?(?: (?!\()(?P<name>\S+))?"),
    ("add index", r"ADD (?:INDEX|KEY)(?: IF NOT EXISTS)?(?: (?!\()(?P<name>\S+))?"),
    ("add partition", r"ADD PARTITION"),
    ("add columns", r"ADD (?:COLUMN )?\("),
    ("add column", r"ADD (?P<name>\S+)"),
    ("drop primary key", r"DROP PRIMARY KEY"),
    ("drop foreign key", r"DROP FOREIGN KEY (?:IF EXISTS )?(?P<name>\S+)"),
    ("drop index", r"DROP (?:INDEX|KEY) (?:IF EXISTS )?(?P<name>\S+)"),
    ("drop check", r"DROP (?:CHECK|CONSTRAINT) (?:IF EXISTS )?(?P<name>\S+)"),
    ("drop partition", r"DROP PARTITION"),
    ("drop column", r"DROP (?:COLUMN )?(?:IF EXISTS )?(?P<name>\S+)"),
    ("change column", r"CHANGE (?:COLUMN )?(?P<name>\S+)"),
    ("modify column", r"MODIFY (?:COLUMN )?(?:IF EXISTS )?(?P<name>\S+)"),
    ("rename column", r"RENAME COLUMN (?P<name>\S+)"),
    ("rename column", r"RENAME (?!TO |AS |INDEX |KEY )(?P<name>\S+) TO"),
    ("rename index", r"RENAME (?:INDEX|KEY)"),
    ("rename table", r"RENAME (?:TO |AS )?(?P<name>\S+)"),
    ("set default", r"ALTER (?:COLUMN )?(?P<name>\S+) (?:SET|DROP) (?:DEFAULT|VISIBLE|INVISIBLE)"),
    ("index visibility", r"ALTER INDEX (?P<name>\S+)"),
    ("enforce check", r"ALTER (?:CHECK|CONSTRAINT) (?P<name>\S+)"),
    ("alter column", r"ALTER (?:COLUMN )?(?P<name>\S+)"),
    ("convert charset", r"CONVERT TO"),
    ("force", r"FORCE"),
    ("engine", r"ENGINE"),
    ("row format", r"(?:ROW_FORMAT|KEY_BLOCK_SIZE|ENCRYPTION)"),
    ("algorithm", r"ALGORITHM =? ?(?P<name>\S+)"),
    ("lock", r"LOCK =? ?(?P<name>\S+)"),
    ("table option", r"(?:COMMENT|AUTO_INCREMENT|DEFAULT|CHARACTER SET|CHARSET|COLLATE|STATS_\w+|M\w+_ROWS)"),
    ("keys", r"(?:DISABLE|ENABLE) KEYS"),
    ("partition by", r"PARTITION BY"),
    ("remove partitioning", r"REMOVE PARTITIONING"),
    ("truncate partition", r"TRUNCATE PARTITION"),
    ("rebuild partitions", r"(?:REORGANIZE|COALESCE|REBUILD|OPTIMIZE) PARTITION"),
    ("exchange partition", r"EXCHANGE PARTITION"),
)  # fmt: skip
_PATTERNS = [(kind, re.compile(pattern + r"(?= |\Z)")) for kind, pattern in _KINDS]


def table_of(statement: ForeignStatement) -> tuple[str, int]:
    """Name of the table that ALTER, DROP or CREATE names first, as written, and the number of words before its end."""
    index = 0
    keys = statement.keys
    while index < len(keys) and keys[index] in _BEFORE_NAME:
        index += 1
    start = index
    index += 1
    while index + 1 < len(keys) and keys[index] == ".":
        index += 2
    return statement.text(statement.words[start:index]), index


_BEFORE_NAME = frozenset({
    "ALTER", "DROP", "CREATE", "TRUNCATE", "OPTIMIZE", "ONLINE", "OFFLINE", "IGNORE", "TABLE", "TABLES", "TEMPORARY",
    "TEMP", "IF", "NOT", "EXISTS", "OR", "REPLACE", "VIRTUAL", "LOCAL", "NO_WRITE_TO_BINLOG",
})  # fmt: skip


def key_of(name: str) -> str:
    """A name as it is held against others: the last part, unquoted, in lower case."""
    parts = _PART.findall(name)
    return parts[-1].strip('`"[]').lower() if parts else ""


_PART = re.compile(r"""`[^`]*`|"[^"]*"|\[[^\]]*\]|[^.\s]+""")


def actions_of(statement: ForeignStatement) -> list[Action]:
    """The actions of ALTER TABLE; what CREATE INDEX and DROP INDEX of MySQL do to their table is one as well."""
    if statement.starts("ALTER TABLE", "ALTER ONLINE TABLE", "ALTER IGNORE TABLE"):
        _, first = table_of(statement)
        return [_action(words) for words in listed(statement.words, first)]
    keys = statement.keys
    if keys[:1] == ("CREATE",) and "INDEX" in keys[:4] and "ON" in keys:
        kind = {"FULLTEXT": "add fulltext", "SPATIAL": "add spatial", "UNIQUE": "add unique"}.get(keys[1], "add index")
        return [Action(kind, "", statement.words), *_options(statement)]
    if statement.starts("DROP INDEX") and "ON" in keys:
        return [Action("drop index", statement.words[2].name, statement.words), *_options(statement)]
    return []


def _options(statement: ForeignStatement) -> Iterator[Action]:
    for place, key in enumerate(statement.keys):
        if key in ("ALGORITHM", "LOCK") and place + 1 < len(statement.keys):
            yield _action(statement.words[place : place + 3])


def listed(words: Sequence[Word], start: int) -> Iterator[tuple[Word, ...]]:
    """What commas part, from a word on."""
    depth = 0
    for index, word in enumerate(words[start:], start):
        if word.key in ("(", ")"):
            depth += 1 if word.key == "(" else -1
        elif word.key == "," and depth <= 0:
            if index > start:
                yield tuple(words[start:index])
            start = index + 1
    if start < len(words):
        yield tuple(words[start:])


def _action(words: tuple[Word, ...]) -> Action:
    # a blank in a quoted name would look like two words
    spelled = " ".join(word.key or _QUOTED for word in words)
    for kind, pattern in _PATTERNS:
        match = pattern.match(spelled)
        if match:
            if match.groupdict().get("name") is None:
                return Action(kind, "", words, words[len(match[0].split()) :])
            place = spelled[: match.start("name")].count(" ")
            return Action(kind, words[place].name, words, words[place + 1 :])
    return Action("", "", words)


_QUOTED = "~"
