"""RB018 contract-without-expand."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class ContractWithoutExpand(ReportedOfFiles):
    """The contract of a migration stands there without a phase that was generated before it.

    Why it matters
        The contract removes the old shape and relies on the new one. Without the expand there is no new shape; without
        the backfill it holds no data. The gate cannot tell: code of the right level may run all the same.

    What to do
        Bring the file back from the version control, or write the migration anew with ``migrator new``. If the phase
        has nothing to do any more, take its checksum out of ``[generated]`` in migration.toml.

    A folder that never had an expand, as that of a column that is only dropped, is not reported.

    Source
        migration.toml lists in ``[generated]`` the phase files that were made together.
    """

    code = "RB018"
    name = "contract-without-expand"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "it removes the old shape, and nothing made the new one or filled it"
