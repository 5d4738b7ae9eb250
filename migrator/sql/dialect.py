"""Statements of MySQL, MariaDB and SQLite as words with positions; the only importer of sqlglot besides ``lineage``.

sqlglot's tokenizer knows each dialect's quotes and comments; its parser tells what it understands from what it only
keeps as text (research: about 80 of 100 statements of MySQL). Rules look at words, which are there in either case.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrator.sql.lexing import blank
from migrator.sql.parser import Comment, Script, Statement, position

DIALECTS = ("mysql", "mariadb", "sqlite")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number, text or sign.

    Attributes:
        key: in upper case if it may be a keyword or is a sign; empty for quoted names and texts.
        name: without quotes.
        start: index of its first character in the source.
        end: index behind its last.
    """

    key: str
    name: str
    start: int
    end: int


@dataclass(frozen=True)
class ForeignStatement:
    """A statement of another dialect.

    Attributes:
        statement: its text and place; without a node.
        words: what it consists of, without the semicolon.
        is_understood: whether sqlglot's parser gives it a meaning.
    """

    statement: Statement
    words: tuple[Word, ...]
    is_understood: bool

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of its words."""
        return tuple(word.key for word in self.words)

    def starts(self, *heads: str) -> bool:
        """Whether it starts with one of these lists of keywords."""
        return any(self.keys[: len(head.split())] == tuple(head.split()) for head in heads)

    def text(self, words: Sequence[Word]) -> str:
        """The source of some of its words."""
        if not words:
            return ""
        start = self.statement.offset
        return self.statement.text[words[0].start - start : words[-1].end - start]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A source of another dialect.

    Attributes:
        script: its comments, and its statements without nodes.
        statements: the same with their words.
        unread: places of what could not even be taken apart, with what is said about it.
    """

    script: Script
    statements: tuple[ForeignStatement, ...]
    unread: tuple[tuple[int, int, str], ...]


_ROUTINES = re.compile(
    r"^[ \t]*DELIMITER[ \t]+(?!;[ \t\r]*$)(\S+).*?(?:^[ \t]*DELIMITER[ \t]+;[ \t\r]*$|\Z)", re.M | re.S | re.I
)
_QUOTED_OR_COMMENT = (
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.)*+"|`[^`]*+`)|(?P<comment>--[^\n]*+{hash}|/\*.*?(?:\*/|\Z))"""
)
_EXECUTED = re.compile(
    r"/\*M?!\d*\s*(?:ALTER|DROP|RENAME|TRUNCATE|UPDATE|DELETE)\b.*?(?:\*/|\Z)", re.DOTALL | re.IGNORECASE
)
_OPAQUE = frozenset({"Command", "Alias", "Column"})


def read(source: str, dialect: str, name: str = "", first_line: int = 1) -> Foreign:
    """The statements of a source; what cannot be taken apart is in ``unread``.

    Args:
        source: the text.
        dialect: one of ``DIALECTS``.
        name: file name for messages.
        first_line: the line of the file that the text starts with.
    """
    unread: list[tuple[int, int, str]] = []
    text = source
    if dialect != "sqlite":
        programs = "the programs between DELIMITER lines were not checked"
        unread += [(*match.span(), programs) for match in _ROUTINES.finditer(source)]
        text = _ROUTINES.sub(lambda match: blank(match[0]), source)
        executed = "this comment, which the server runs, was not checked"
        unread += [(*match.span(), executed) for match in _EXECUTED.finditer(text)]
    text = text.replace("\0", " ")
    statements: list[ForeignStatement] = []
    for words in _statements(text, dialect, unread):
        start, end = words[0].start, words[-1].end
        line, column = position(source, start)
        line += first_line - 1
        statement = Statement(
            source[start:end], "foreign", None, start, line, column, line + source.count("\n", start, end)
        )
        statements.append(ForeignStatement(statement, tuple(words), _is_understood(text[start:end], dialect)))
    comments = tuple(_comments(text, dialect, first_line))
    script = Script(source, name, tuple(each.statement for each in statements), comments, first_line)
    return Foreign(script, tuple(statements), tuple(unread))


def _statements(text: str, dialect: str, unread: list[tuple[int, int, str]]) -> Iterator[list[Word]]:
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import SqlglotError

    language: Any = Dialect.get_or_raise("mysql" if dialect == "mariadb" else dialect)
    # sqlglot keeps what follows some words, such as RENAME, as one text; here it is taken apart as well
    tokenizer: Any = type("Tokenizer", (language.tokenizer_class,), {"COMMANDS": set()})
    try:
        tokens = tokenizer(dialect=language).tokenize(text)
    except SqlglotError as error:
        start = len(text) - len(text.lstrip())
        reason = str(error).split("\n", 1)[0].strip()
        unread.append((start, max(len(text.rstrip()), start), f"nothing here was checked: {reason[:100]}"))
        return
    words: list[Word] = []
    for token in tokens:
        start, end = token.start, token.end + 1
        if token.token_type.name == "SEMICOLON":
            if words and not _goes_on(words):
                yield words
                words = []
            continue
        written = text[start:end]
        if written[:1] in "'\"`[" and len(written) > 1:
            words.append(Word("", token.text, start, end))
            continue
        # some keywords of several words are one token
        words.extend(
            Word(each[0].upper(), each[0], start + each.start(), start + each.end()) for each in _WORD.finditer(written)
        )
    if words:
        yield words


_WORD = re.compile(r"\S+")


def _goes_on(words: Sequence[Word]) -> bool:
    """Whether a semicolon stands inside a trigger of SQLite, which holds statements between BEGIN and END."""
    keys = [word.key for word in words[:4]]
    return keys[0] == "CREATE" and "TRIGGER" in keys and words[-1].key != "END"


def _is_understood(text: str, dialect: str) -> bool:
    import sqlglot
    from sqlglot.errors import SqlglotError

    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        tree: Any = sqlglot.parse_one(text, read="mysql" if dialect == "mariadb" else dialect)
    except (SqlglotError, RecursionError):
        return False
    finally:
        logger.setLevel(level)
    return type(tree).__name__ not in _OPAQUE


def _comments(text: str, dialect: str, first_line: int) -> Iterator[Comment]:
    pattern = _QUOTED_OR_COMMENT.replace("{hash}", "" if dialect == "sqlite" else r"|\#[^\n]*+")
    for match in re.finditer(pattern, text, re.DOTALL):
        if match["comment"]:
            words = match[0].rstrip()
            start = match.start()
            if words.startswith("#"):
                words = "--" + words[1:]
            yield Comment(words, first_line + text.count("\n", 0, start), start)
