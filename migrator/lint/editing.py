"""Edits put into the bytes of a file: what they do not touch stays byte for byte, whatever it is encoded in."""

from __future__ import annotations

import codecs
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import accumulate

from migrator.model.finding import Edit, Fix

_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class NotEditable(Exception):
    """The bytes cannot be told from the text that was linted."""


def compatible(fixes: Iterable[Fix]) -> list[Fix]:
    """The first of the fixes, and of the others those that rely on no text that one before them changes."""
    taken: list[Fix] = []
    claims: list[tuple[int, int]] = []
    edits: list[tuple[int, int, Edit]] = []
    known: set[tuple[Edit, ...]] = set()
    for fix in fixes:
        if fix.edits not in known:
            if _overlaps(claims, fix) or any(_touches(edits, edit) for edit in fix.edits):
                continue
            known.add(fix.edits)
            insort(claims, (fix.start, fix.end))
            for edit in fix.edits:
                # the same mark at the head of a file may serve several
                if not _is_there(edits, edit):
                    insort(edits, (edit.start, edit.end, edit), key=lambda each: each[:2])
        taken.append(fix)
    return taken


def _overlaps(claims: Sequence[tuple[int, int]], fix: Fix) -> bool:
    """Whether it relies on text of another; those that are there lie apart, in order."""
    place = bisect_left(claims, (fix.start, fix.end))
    before, after = claims[max(place - 1, 0) : place], claims[place : place + 1]
    return any(start < fix.end and fix.start < end for start, end in (*before, *after))


def _is_there(edits: Sequence[tuple[int, int, Edit]], edit: Edit) -> bool:
    place = bisect_left(edits, (edit.start, edit.end), key=lambda each: each[:2])
    return place < len(edits) and edits[place][2] == edit


def _touches(edits: Sequence[tuple[int, int, Edit]], edit: Edit) -> bool:
    """Whether another edit, and not the same one, is at or beside a place."""
    if _is_there(edits, edit):
        return False
    place = bisect_left(edits, (edit.start, edit.end), key=lambda each: each[:2])
    around = edits[max(place - 1, 0) : place + 1]
    return any(edit.start <= end and start <= edit.end for start, end, _ in around)


def edited(data: bytes, fixes: Sequence[Fix]) -> bytes:
    """A file with the edits of compatible fixes in it.

    Args:
        data: the file; the places of the edits are in characters of its text as ``sources.of_bytes`` reads it.
        fixes: what to put in.

    Raises:
        NotEditable: it is UTF-16 that is not well-formed.
    """
    edits = sorted({edit for fix in fixes for edit in fix.edits}, key=lambda edit: (edit.start, edit.end))
    codec = _UTF_16.get(data[:2])
    if codec is not None:
        text = data[2:].decode(codec, errors="replace")
        if text.encode(codec) != data[2:]:
            raise NotEditable
        return data[:2] + _spliced(text, edits).encode(codec)
    has_mark = data.startswith(codecs.BOM_UTF8) and _is_utf_8(data)
    head = len(codecs.BOM_UTF8) if has_mark else 0
    places = _Places(data[head:])
    result, last = [data[:head]], head
    for edit in edits:
        start, end = head + places.byte_of(edit.start), head + places.byte_of(edit.end)
        result += [data[last:start], edit.text.encode()]
        last = end
    return b"".join([*result, data[last:]])


def _spliced(text: str, edits: Sequence[Edit]) -> str:
    result, last = [], 0
    for edit in edits:
        result += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join([*result, text[last:]])


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Places:
    """Characters to bytes, where each run of bytes that is no UTF-8 counts as the character it was read as."""

    def __init__(self, data: bytes) -> None:
        self._lines = [line + b"\n" for line in data.split(b"\n")]
        self._bytes = [0, *accumulate(map(len, self._lines))]
        self._characters = [0, *accumulate(len(line.decode(errors="replace")) for line in self._lines)]

    def byte_of(self, character: int) -> int:
        line = min(bisect_right(self._characters, character), len(self._lines)) - 1
        rest, left, place = self._lines[line], character - self._characters[line], 0
        while True:
            try:
                return self._bytes[line] + place + len(rest[place:].decode()[:left].encode())
            except UnicodeDecodeError as error:
                before = rest[place : place + error.start].decode()
                if left <= len(before):
                    return self._bytes[line] + place + len(before[:left].encode())
                left -= len(before) + 1
                place += error.end
