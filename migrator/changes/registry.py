"""The kinds there are: every module of ``migrator.changes.kinds``, found, not registered."""

from __future__ import annotations

import difflib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from migrator.changes import kinds
from migrator.changes.kind import Kind, Spec
from migrator.errors import MigratorError, UsageError


@cache
def all_kinds() -> dict[str, Kind[Any]]:
    """Every kind by name.

    Raises:
        MigratorError: a module defines no kind, or one of another name.
    """
    found: dict[str, Kind[Any]] = {}
    for module_info in pkgutil.iter_modules(kinds.__path__):
        module = import_module(f"{kinds.__name__}.{module_info.name}")
        classes = [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, Kind) and each.__module__ == module.__name__
        ]
        if len(classes) != 1 or classes[0].name != module_info.name:
            raise MigratorError(f"{module.__name__} must define one kind, named like the module")
        found[classes[0].name] = classes[0]()
    return found


def kind_named(name: str) -> Kind[Any]:
    """The kind of that name.

    Raises:
        UsageError: there is none; the nearest is named.
    """
    known = all_kinds()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(
            f'there is no kind of change named "{name}"',
            hint=f'did you mean "{near[0]}"?' if near else "kinds: " + ", ".join(known),
        )
    return known[name]


def spec_from(table: dict[str, Any], at: str) -> tuple[Kind[Any], Spec]:
    """Kind and parameters of a ``[[change]]`` table.

    Raises:
        UsageError: unknown kind, a parameter missing, unknown or of the wrong form.
    """
    parameters = dict(table)
    kind = kind_named(str(parameters.pop("kind", "")))
    try:
        return kind, msgspec.convert(parameters, kind.spec)
    except msgspec.ValidationError as error:
        raise _unfit(error, f"[[change]] of kind {kind.name}", kind, parameters, at) from None


def spec_from_words(words: Sequence[str], at: str) -> tuple[Kind[Any], Spec]:
    """Kind and parameters of a change given as words: ``add_check table=orders constraint=c definition="CHECK (…)"``.

    A schema that is not given is ``public``; a list is several words with the same key.

    Raises:
        UsageError: no kind, a word without ``=``, or as ``spec_from``.
    """
    if not words:
        raise UsageError("a change needs a kind", at=at, hint="kinds: " + ", ".join(all_kinds()))
    kind = kind_named(words[0])
    known = msgspec.structs.fields(kind.spec)
    lists = {each.encode_name for each in known if getattr(each.type, "__origin__", None) is tuple}
    switches = {each.encode_name for each in known if each.type is bool}
    table: dict[str, Any] = {"schema": "public"} if any(each.encode_name == "schema" for each in known) else {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f'"{word}" is not KEY=VALUE', at=at)
        if key in lists:
            table.setdefault(key, []).append(value)
        elif key in switches and value.lower() not in ("true", "false", "1", "0"):
            raise UsageError(f'{key}: "{value}" is neither true nor false', at=at)
        else:
            table[key] = value
    try:
        return kind, msgspec.convert(table, kind.spec, strict=False)
    except msgspec.ValidationError as error:
        raise _unfit(error, f"change of kind {kind.name}", kind, table, at) from None


def _unfit(error: msgspec.ValidationError, what: str, kind: Kind[Any], given: Mapping[str, Any], at: str) -> UsageError:
    """As ``wrong_value``; all keys that are missing are named at once, and where they are told."""
    wrong = wrong_value(error, what, {"": kind.spec}, at)
    message = wrong.message
    if re.fullmatch(r"Object missing required field `\w+`", str(error)):
        known = msgspec.structs.fields(kind.spec)
        missing = [f"`{each.encode_name}`" for each in known if each.required and each.encode_name not in given]
        message = f"{what}: missing key{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
    return UsageError(message, at=at, hint=wrong.hint or f'"migrator explain {kind.name}" tells its keys')


def wrong_value(
    error: msgspec.ValidationError, what: str, structs: Mapping[str, type[msgspec.Struct]], at: str
) -> UsageError:
    """An error of msgspec in our words; for an unknown key the nearest known one is named.

    Args:
        error: msgspec's.
        what: was converted.
        structs: the structure at each path, ``""`` for the outermost; ``[...]`` stands for any key of a table.
        at: where it stands.
    """
    reason, _, path = str(error).partition(" - at `$")
    path = path.removesuffix("`").removeprefix(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", reason)
    struct = structs.get(path)
    if unknown is None or struct is None:
        place = f"{path}: " if path else ""
        reason = reason.replace("Object missing required field", "missing key").replace("`object`", "a table")
        return UsageError(f"{what}: {place}{reason[:1].lower()}{reason[1:]}", at=at)
    known = [each.encode_name for each in msgspec.structs.fields(struct)]
    near = difflib.get_close_matches(unknown[1], known, n=1, cutoff=0.4)
    hint = f'did you mean "{near[0]}"?' if near else "known keys: " + ", ".join(sorted(known))
    return UsageError(f'{what}: unknown key "{unknown[1]}"', at=at, hint=hint)
