"""Models by their name, ``module:attribute``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData

from migrator.errors import UsageError


def models_of(name: str) -> Any:
    """What a name stands for: a declarative base, a registry, a ``MetaData``, or something that has one.

    Args:
        name: ``module:attribute``; the module is looked for in the current folder as well.

    Raises:
        UsageError: it cannot be imported.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise UsageError(f'"{name}" names no models', hint="models are named by module and attribute: app.models:Base")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # noqa: BLE001 - the module is the user's own, and may fail in any way
        raise UsageError(f"models {name} cannot be imported: {type(error).__name__}: {error}") from None
    return found


def metadata_of(name: str) -> MetaData:
    """The metadata of models.

    Args:
        name: as of ``models_of``; a ``MetaData``, or something that has one as declarative bases do.

    Raises:
        UsageError: it is not there, or is something else.
    """
    found = models_of(name)
    metadata = found if isinstance(found, MetaData) else getattr(found, "metadata", None)
    if not isinstance(metadata, MetaData):
        raise UsageError(f"{name} is neither a MetaData nor a declarative base")
    return metadata
