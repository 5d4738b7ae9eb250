"""What a change of each kind takes, for the page of the kind: read off its structure, so that it cannot fall behind."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from migrator.changes.kind import Kind

_WIDTH = 120
_ENTRY = re.compile(r"    ((?:\w+, )*\w+): (.*)")


def page_of_keys(kind: Kind[Any]) -> str:
    """The section ``Keys`` of the page of a kind: those it needs, then those that may be left out."""
    fields = msgspec.structs.fields(kind.spec)
    about = _attributes(kind.spec)
    # the words of --change may leave it out as well
    needed = [each for each in fields if each.required and each.encode_name != "schema"]
    optional = [each for each in fields if each not in needed]
    lines = [
        "Keys, in --change as KEY=VALUE (of a list each by itself: KEY=A KEY=B) and in [[change]]",
        *(line for each in needed for line in _entry(each, about)),
    ]
    if optional:
        lines += [
            "Keys that may be left out" if needed else "",
            *(line for each in optional for line in _entry(each, about)),
        ]
    return "\n".join(filter(None, lines))


def _entry(field: msgspec.structs.FieldInfo, about: dict[str, str]) -> list[str]:
    form = _form(field.type)
    said = about.get(field.name, "")
    if field.encode_name == "schema" and field.required:
        said = f"{said.rstrip('.')}; with --change, public where it is left out."
    return textwrap.wrap(
        f"{field.encode_name}{f' ({form})' if form else ''}: {said}",
        _WIDTH,
        initial_indent="    ",
        subsequent_indent="        ",
    )


def _form(of: Any) -> str:
    if of is bool:
        return "true or false"
    if get_origin(of) is Literal:
        *first, last = map(str, get_args(of))
        return f"{', '.join(first)} or {last}"
    return "a list" if get_origin(of) is tuple else ""


def _attributes(struct: type[msgspec.Struct]) -> dict[str, str]:
    """What the docstrings of a structure and of those below it say of each attribute."""
    return {name: text for each in reversed(struct.__mro__) for name, text in _documented(each)}


def _documented(owner: type) -> Iterator[tuple[str, str]]:
    section = inspect.cleandoc(owner.__dict__.get("__doc__") or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    for entry in re.split(r"\n(?=    \w)", section):
        found = _ENTRY.fullmatch(
            " ".join([line if not at else line.strip() for at, line in enumerate(entry.splitlines())])
        )
        if found:
            yield from ((name, found[2]) for name in found[1].split(", "))
