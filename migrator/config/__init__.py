"""Settings: ``[tool.migrator]`` in pyproject.toml or ``migrator.toml``, overlaid by the environment.

Order: command-line flag, then environment, then file, then default. The file is the nearest one upwards from the
working folder. Unknown keys are errors that name the nearest known key; the same definitions give the JSON schema.
"""

from migrator.config.project import Project, in_own_words, json_schema, load
from migrator.config.settings import (
    BackfillSettings,
    GateSettings,
    IgnoredRole,
    LintSettings,
    LintSizes,
    ServiceSettings,
    Settings,
    SignalSettings,
    SourceSettings,
)
from migrator.config.units import milliseconds, seconds, size_bytes

__all__ = [
    "BackfillSettings",
    "GateSettings",
    "IgnoredRole",
    "LintSettings",
    "LintSizes",
    "Project",
    "ServiceSettings",
    "Settings",
    "SignalSettings",
    "SourceSettings",
    "in_own_words",
    "json_schema",
    "load",
    "milliseconds",
    "seconds",
    "size_bytes",
]
