"""Where a clause of a statement ends, without a parser: quotes, comments and brackets are stepped over."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*'                      # text
  | "(?:[^"]|"")*"                      # quoted name
  | (?P<tag>\$[A-Za-z_]*\$).*?(?P=tag)  # dollar-quoted text
  | --[^\n]*
  | /\*.*?\*/
  | [(\[] | [)\]] | , | ;
    """,
    re.VERBOSE | re.DOTALL,
)


def clause_end(text: str, start: int) -> int:
    """Index just behind the clause that starts at ``start``: the next comma outside brackets, or the end."""
    depth = 0
    for match in _TOKEN.finditer(text, start):
        found = match[0]
        if found in "([":
            depth += 1
        elif found in ")]":
            depth -= 1
            if depth < 0:
                return match.start()
        elif found == ";" or (found == "," and depth == 0):
            return _trimmed(text, start, match.start())
    return _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


_NAMING = re.compile(
    r"""
    \b(?:ALTER|DROP|VALIDATE|RENAME|ADD|TO)\s
    (?=\s*(?:COLUMN\s+|CONSTRAINT\s+)?(?:IF\s+EXISTS\s+)?
        (?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>(?:[\w$]+|[^\x00-\x7f])+)))
    """,
    re.VERBOSE | re.IGNORECASE,
)


def naming_clause(text: str, name: str) -> int | None:
    """Index of the keyword of the first clause of a statement that names ``name``; None if there is none.

    One pattern for all names: to compile one for each takes longer than all else that is done for a statement.
    """
    wanted, quoted = name.lower(), name.replace('"', '""').lower()
    for match in _NAMING.finditer(text):
        plain = match["plain"]
        if plain.lower() == wanted if plain is not None else match["quoted"].lower() == quoted:
            return match.start()
    return None
