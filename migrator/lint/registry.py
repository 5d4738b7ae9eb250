"""Finds the rules: every class in ``migrator.lint.rules`` that has a code. No list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import ModuleType

from migrator.lint import rules as rules_room
from migrator.lint.rule import Rule


class DuplicateRule(Exception):
    """Two rules share a code or a name: a mistake of whoever added the second."""


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule for PostgreSQL by its code, in the order of codes.

    Raises:
        DuplicateRule: two rules share a code or a name.
    """
    return _in_room(rules_room)


@cache
def dialect_rules() -> Mapping[str, Rule]:
    """Likewise every rule for other dialects; they are loaded when first asked for.

    Raises:
        DuplicateRule: two rules share a code or a name.
    """
    from migrator.lint.dialects import rules as dialects_room

    return _in_room(dialects_room)


def _in_room(room: ModuleType) -> Mapping[str, Rule]:
    found: dict[str, Rule] = {}
    names: dict[str, str] = {}
    for module_info in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{room.__name__}.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__:
                if value.code in found or value.name in names:
                    raise DuplicateRule(f"{module.__name__}: {value.code} {value.name} is taken")
                found[value.code] = value()
                names[value.name] = value.code
    return dict(sorted(found.items()))


def find(code_or_name: str) -> Rule | None:
    """The rule with this code (in any case) or name."""
    wanted = code_or_name.strip()
    for rules in (all_rules, dialect_rules):
        rule = rules().get(wanted.upper()) or next(
            (each for each in rules().values() if each.name == wanted.lower()), None
        )
        if rule is not None:
            return rule
    return None


def nearest(code_or_name: str) -> str | None:
    """The code or name most like a mistyped one."""
    import difflib  # needed only for what was mistyped

    known = [text for rule in all_rules().values() for text in (rule.code, rule.name)]
    close = difflib.get_close_matches(code_or_name, known, n=1) or difflib.get_close_matches(
        code_or_name.upper(), known, n=1
    )
    return close[0] if close else None
