"""Templates: found beside the package in a checkout, inside it in a wheel; every value in them passes a filter.

``${x|ident}`` quotes an identifier, ``${x|field}`` one behind NEW or OLD in PL/pgSQL, ``${x|literal}`` a literal,
``${x|sql}`` takes only text known to be SQL, ``${x|comment}`` text for a ``--`` comment, ``${x|toml}`` a TOML string. A
``${x}`` without one of them is refused when the template is compiled, so that no value reaches SQL unquoted by
oversight. A name that is not given is an error. ``<%block filter="dollar_quoted">`` encloses a function body.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from mako.lookup import TemplateLookup

from migrator.errors import MigratorError
from migrator.sql.compose import Sql, dollar_quoted, field, ident, literal

__all__ = ["comment", "dollar_quoted", "field", "ident", "literal", "render", "sql", "templates_folder", "toml"]

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_FILTERED = re.compile(r"\|\s*(ident|field|literal|sql|comment|toml)\s*\Z")


def sql(value: object) -> str:
    """The text unchanged, if it is ``Sql``.

    Raises:
        MigratorError: it is any other text: composing it here would leave it unquoted.
    """
    if not isinstance(value, Sql):
        raise MigratorError(f"a template was given {value!r}, which is not known to be SQL")
    return str(value)


def comment(value: object) -> str:
    """Text on one line, so that it stays inside a ``--`` comment."""
    return " ".join(str(value).split())


def toml(value: object) -> str:
    """A TOML value: string, integer, boolean or list of them; JSON's form of these is TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@cache
def templates_folder() -> Path:
    """Where the templates are: in the package (wheel) or beside it (checkout)."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "templates", package.parent / "templates"):
        if (candidate / "changes").is_dir():
            return candidate
    raise MigratorError(f"templates are neither in {package} nor beside it")


def _require_filters(source: str) -> str:
    for match in _EXPRESSION.finditer(source):
        if not _FILTERED.search(match[1]):
            raise MigratorError(f"template expression {match[0]} names no filter")
    return source


@cache
def _lookup() -> TemplateLookup:
    return TemplateLookup(
        directories=[str(templates_folder())],
        strict_undefined=True,
        default_filters=[],
        preprocessor=_require_filters,
        imports=["from migrator.templating import comment, dollar_quoted, field, ident, literal, sql, toml"],
    )


def render(template: str, **values: Any) -> str:
    """A template filled in, with surrounding blank lines removed.

    Args:
        template: path below the templates folder, ``changes/rename_column/add_column.sql.mako``.
        values: every name the template uses.
    """
    text: str = _lookup().get_template(template).render(**values)
    return text.strip("\n")
