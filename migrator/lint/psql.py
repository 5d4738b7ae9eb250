"""Commands to psql in a script: which include a file, which run a query, which run no SQL at all."""

from __future__ import annotations

import re

from msgspec import Struct

INCLUDES = frozenset({"i", "ir", "include", "include_relative"})
QUERIES = frozenset({"g", "gx", "gset", "gexec", "gdesc", "crosstabview", "watch", "bind", ";"})
TALK = frozenset({
    "a", "C", "c", "cd", "connect", "conninfo", "copy", "copyright", "echo", "elif", "else", "encoding", "endif",
    "errverbose", "f", "getenv", "H", "help", "html", "if", "o", "out", "p", "password", "print", "prompt", "pset", "q",
    "qecho", "quit", "r", "reset", "restrict", "s", "set", "setenv", "t", "T", "timing", "unrestrict", "unset", "w",
    "warn", "write", "x", "z", ".",
})  # fmt: skip
"""What runs no SQL, or only reads; both ways of ``\\if`` are linted."""


class Command(Struct, frozen=True):
    """A command to psql with its first argument."""

    name: str
    argument: str

    @classmethod
    def of(cls, text: str) -> Command:
        """Of the text from the backslash on."""
        match = re.match(r"\\([A-Za-z_]+|.)\s*(?:'((?:[^']|'')*)'|\"([^\"]*)\"|(\S*))", text, re.DOTALL)
        if match is None:
            return cls(text[1:2], "")
        name = match[1]
        if name.startswith("d"):
            return cls("p", "")  # lists what is there
        return cls(name, match[2] or match[3] or match[4] or "")
