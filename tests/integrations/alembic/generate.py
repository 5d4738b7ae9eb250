"""Writes operations.py of the Alembic integration from the kinds: ``python -m tests.integrations.alembic.generate``."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from migrator.changes.kind import Kind
from migrator.changes.registry import all_kinds
from migrator.integrations.alembic import apply

PAGE = Path(apply.__file__).with_name("operations.py")

HEAD = '''\
"""One function for each kind of change, and what goes with them. Written by ``tests/integrations/alembic/generate.py``.

In a revision::

    from migrator import alembic as phased

    def upgrade() -> None:
        phased.rename_column("users", "name", "full_name")

    def downgrade() -> None:
        phased.rollback()

``upgrade()`` adds the new shape; ``migrator backfill`` and ``migrator contract`` do the rest, when they may. A revision
has one phased operation, or several in a block: ``with phased.together(): …``. ``migrator explain KIND`` tells what
each does. Parameters are as in a ``[[change]]`` table; names are as PostgreSQL keeps them, without quotes.

Beside ``upgrade()`` there may be ``backfill()`` and ``contract()``, written by hand with ``op.*``. They are read when a
phased operation of ``upgrade()`` runs, ``phased.later()`` if there is no other, and run from the ledger::

    def upgrade() -> None:
        phased.later()
        op.add_column("users", sa.Column("full_name", sa.Text))

    def backfill() -> None:
        op.execute("UPDATE users SET full_name = name WHERE full_name IS NULL")

    def contract() -> None:
        op.drop_column("users", "name")
"""

# ruff: noqa: A002 - parameters are called what they are called everywhere else

from __future__ import annotations

from typing import Any, Literal

from alembic.operations import MigrateOperation, Operations

from migrator.integrations.alembic.apply import change, later, require_contracted, rollback, sql
from migrator.integrations.alembic.apply import several as together

'''

TAIL = '''

class _Phased(MigrateOperation):
    """An operation that ``op.phased_KIND`` makes."""

    def __init__(self, kind: str, parameters: dict[str, Any]) -> None:
        self.kind, self.parameters = kind, parameters


@Operations.implementation_for(_Phased)
def _apply(operations: Operations, operation: _Phased) -> None:
    del operations  # its context is the one that is current
    change(operation.kind, operation.parameters)


def _register(kind: str) -> None:
    """``op.phased_KIND(…)``, for those who want everything behind ``op``."""

    def build(cls: Any, operations: Operations, /, **parameters: Any) -> Any:
        return operations.invoke(cls(kind, {**_DEFAULTS[kind], **parameters}))

    made = type(f"Phased_{kind}", (_Phased,), {"build": classmethod(build)})
    Operations.implementation_for(made)(_apply)
    Operations.register_operation(f"phased_{kind}", "build")(made)


for _kind in _DEFAULTS:
    _register(_kind)
'''


def written() -> str:
    kinds = all_kinds()
    parts = [HEAD, "__all__ = [\n"]
    names = sorted([*kinds, "later", "require_contracted", "rollback", "sql", "together"])
    parts += [f'    "{name}",\n' for name in names]
    parts.append("]\n")
    parts.append("\n_DEFAULTS: dict[str, dict[str, str]] = {\n")
    parts += [f'    "{name}": {{{_default(kind)}}},\n' for name, kind in kinds.items()]
    parts.append("}\n")
    for kind in kinds.values():
        parts.append(_function(kind))
    parts.append(TAIL)
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PAGE), "-"],
        input="".join(parts),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _default(kind: Kind[Any]) -> str:
    return '"schema": "public"' if _has_schema(kind) else ""


def _has_schema(kind: Kind[Any]) -> bool:
    return "schema" in kind.spec.__struct_fields__


def _function(kind: Kind[Any]) -> str:
    fields = msgspec.structs.fields(kind.spec)
    needed = [each for each in fields if each.required and each.name != "schema"]
    optional = [each for each in fields if not each.required and each.name != "schema"]
    has_schema = _has_schema(kind)
    arguments = [f"{each.name}: {_type(each.type)}" for each in needed]
    if optional or has_schema:
        arguments.append("*")
    arguments += [f"{each.name}: {_type(each.type)} = {each.default!r}" for each in optional]
    if has_schema:
        arguments.append('schema: str = "public"')
    docs = inspect.cleandoc(type(kind).__doc__ or "").split("\n", 1)[0]
    described = _described(kind)
    names = (["schema"] if has_schema else []) + [each.name for each in (*needed, *optional)]
    lines = [f"def {kind.name}({', '.join(arguments)}) -> None:", f'    """{docs}']
    if described:
        lines += ["", "    Args:", *(f"        {name}: {text}" for name, text in described.items() if name in names)]
        lines += ["    "]
    lines[-1] = '    """' if described else lines[-1] + '"""'
    given = ", ".join(f'"{name}": {name}' for name in names)
    lines += [f'    change("{kind.name}", {{{given}}})']
    return "\n\n" + "\n".join(lines) + "\n"


def _described(kind: Kind[Any]) -> dict[str, str]:
    """What the docstrings of the spec say of its parameters, on one line each where that fits."""
    found: dict[str, str] = {}
    for spec in reversed(kind.spec.__mro__):
        text = inspect.cleandoc(spec.__doc__ or "") if spec.__module__.startswith("migrator") else ""
        _, _, attributes = text.partition("Attributes:\n")
        for match in re.finditer(r"^    (\w+): (.*(?:\n      .*)*)", attributes, re.MULTILINE):
            found[match[1]] = _wrapped(" ".join(match[2].split()))
    return found


def _wrapped(text: str) -> str:
    import textwrap

    first, *rest = textwrap.wrap(text, 100)
    return "\n".join([first, *(f"            {line}" for line in rest)])


def _type(annotation: Any) -> str:
    text = str(annotation).replace("typing.", "") if not isinstance(annotation, type) else annotation.__name__
    return text if getattr(annotation, "__origin__", None) is not tuple else str(annotation)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
