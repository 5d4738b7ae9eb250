"""``migrator new --models``: a revision of what differs between models and database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate.api import RevisionContext
from alembic.operations import ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

import migrator.alembic  # noqa: F401 - leaves what is pending out of the comparison
from migrator.errors import MigratorError, UsageError
from migrator.integrations.alembic.authoring import WrittenRevision, finished, highest_level
from migrator.integrations.alembic.autogenerate import phase
from migrator.integrations.alembic.project import AlembicProject, quiet, translated
from migrator.integrations.alembic.renaming import Answers


def write_differences(
    project: AlembicProject, title: str, metadata: MetaData | None, said: Answers, level_in_ledger: int
) -> WrittenRevision | None:
    """Write a revision of what differs; None: nothing does, and none is written.

    Args:
        project: opened.
        title: its message.
        metadata: of the models; None: the ``target_metadata`` of ``env.py``.
        said: about renames.
        level_in_ledger: as of ``write_revision``.

    Raises:
        UsageError: ``env.py`` has no metadata, the database lacks revisions, or it is not known what was renamed.
        Refused: a difference cannot be made safely.
    """
    level = 1 + max(level_in_ledger, highest_level(project))
    arguments: dict[str, Any] = {
        "message": title, "autogenerate": True, "sql": False, "head": "head", "splice": False, "branch_label": None,
        "version_path": None, "rev_id": None, "depends_on": None,
    }  # fmt: skip

    def phased(context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]) -> None:
        phase(said, context, revision, directives)

    with translated(project.file), quiet():
        revision_context = RevisionContext(
            project.config, project.script, arguments, process_revision_directives=phased
        )

        def compare(revision: Any, context: MigrationContext) -> list[Any]:
            if metadata is not None:
                context.opts["target_metadata"] = metadata
            if context.opts.get("target_metadata") is None:
                raise UsageError(
                    "env.py has no target_metadata",
                    at=str(project.file),
                    hint="--models app.models:Base names the models",
                )
            revision_context.run_autogenerate(revision, context)
            return []

        with EnvironmentContext(
            project.config, project.script, fn=compare, as_sql=False, template_args=revision_context.template_args,
            revision_context=revision_context,
        ):  # fmt: skip
            project.script.run_env()
        found = revision_context.generated_revisions[-1].upgrade_ops
        if found is None or found.is_empty():
            return None
        made = next(iter(revision_context.generate_scripts()), None)
    if made is None or made.path is None:
        raise MigratorError("alembic wrote no revision")
    return finished(made.revision, Path(made.path), level)
