"""The manifest as a file: JSON in a stable order, a column a line: a diff shows what a release began to use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from migrator.errors import UsageError
from migrator.model.manifest import Manifest, UsedTable

VERSION = 1


def text(manifest: Manifest) -> str:
    """The document, with a line end."""
    facts: dict[str, Any] = {
        "schema_version": VERSION,
        "service": manifest.service,
        "level": manifest.level,
        "models": manifest.models,
        "statements": manifest.statements,
        "unseen": manifest.unseen,
        "notes": manifest.notes,
    }
    head = json.dumps(facts, ensure_ascii=False, indent=2).removesuffix("\n}")
    tables = ",\n".join(_table(table) for table in manifest.tables)
    return f'{head},\n  "tables": [\n{tables}\n  ]\n}}\n'


def _table(table: UsedTable) -> str:
    head = _line(
        {"schema": table.schema, "name": table.name, "inserts": table.inserts, "every_column": table.every_column}
    )
    columns = ",\n".join(f"      {_line(msgspec.to_builtins(column))}" for column in table.columns)
    return f'    {head.removesuffix("}")}, "columns": [' + (f"\n{columns}\n    ]}}" if columns else "]}")


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)


def read(path: Path) -> Manifest:
    """The manifest in a file; keys of later versions of the tool are left aside.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    hint = f"make it where the release is built: migrator manifest app.models:Base --output {path}"
    try:
        data = path.read_bytes()
        document = msgspec.json.decode(data)
    except OSError as error:
        raise UsageError(f'cannot read manifest "{path}": {error.strerror}', hint=hint) from None
    except msgspec.DecodeError as error:
        raise UsageError(f'manifest "{path}" is not JSON: {error}', hint=hint) from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != VERSION:
        raise UsageError(
            f'"{path}" is no manifest of schema_version {VERSION}', detail=f"schema_version: {version}", hint=hint
        )
    try:
        return msgspec.convert(document, Manifest)
    except msgspec.ValidationError as error:
        raise UsageError(f'manifest "{path}" is not of the right form: {error}', hint=hint) from None
