"""Trees of the first files, made by a process of its own while this one still loads the rules.

To load them takes as long as to parse hundreds of files, and leaves a second processor idle. As protobuf writes them
trees are small: twice the text. What was parsed by the time the rules are there comes through a pipe, for both
processes of ``migrator.lint.halves``; the rest is parsed where it is needed.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from typing import BinaryIO, Self

from migrator.lint.forks import Fork
from migrator.sql import native

_LENGTH = struct.Struct("<I")

_LEAST = 20_000
"""Characters of SQL for which a process is started: about 200 statements, parsed in 2 ms."""

_ROOM = 1 << 20
"""Bytes of trees waiting to be read: an ordinary user's pipe holds no more (pipe(7)), the rules are loaded before."""


class Ahead:
    """Parses texts in a fork until their trees are asked for."""

    def __init__(self, texts: Sequence[str], *, forks: bool) -> None:
        """Start it, if it is worth it.

        Args:
            texts: in the order in which they will be needed.
            forks: whether there may be a process; see ``migrator.lint.forks.may_fork``.
        """
        self._texts = texts
        self._fork: Fork | None = None
        if forks and sum(map(len, texts)) > _LEAST:
            with contextlib.suppress(OSError):  # there may be no more processes
                self._fork = Fork(self._parse, _ROOM)

    def _parse(self, pipe: BinaryIO) -> None:
        for text in self._texts:
            tree = b""
            if len(text) < native.DEEP_TEXT and "\0" not in text:  # what stands behind one would be passed over
                with contextlib.suppress(native.PgQueryError):
                    tree = native.serialized(text)
            pipe.write(_LENGTH.pack(len(tree)) + tree)

    def trees(self) -> dict[str, bytes]:
        """End the process; the trees that are there, by their texts."""
        if self._fork is None:
            return {}
        with self._fork as fork:
            written = fork.so_far()
        self._fork = None
        return self._read(written)

    def _read(self, written: bytes) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        place = 0
        for text in self._texts:
            begin = place + _LENGTH.size
            if begin > len(written):
                break
            place = begin + _LENGTH.unpack_from(written, place)[0]
            if place > len(written):
                break
            if place > begin:
                found[text] = written[begin:place]
        return found

    def take(self) -> None:
        """End the process; the trees that are there are those that the parser takes for their texts."""
        native.take_known(self.trees())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.trees()
