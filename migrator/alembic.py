"""Phased operations for Alembic revisions: ``from migrator import alembic as phased``.

See ``migrator.integrations.alembic.operations`` for what there is.
"""

from migrator.integrations.alembic import compare  # noqa: F401 - tells autogenerate what is pending
from migrator.integrations.alembic.autogenerate import autogenerate  # noqa: F401 - for env.py
from migrator.integrations.alembic.operations import *  # noqa: F403 - there is one for each kind
from migrator.integrations.alembic.operations import __all__  # noqa: F401 - the names that are exported
