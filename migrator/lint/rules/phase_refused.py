"""RB019 phase-refused."""

from __future__ import annotations

from migrator.lint.rule import ReportedOfFiles
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode


class PhaseRefused(ReportedOfFiles):
    """A phase has steps that migrator will not run.

    Why it matters
        Two steps of one name, BEGIN or COMMIT, CONCURRENTLY in a transaction group: the command that runs the phase
        refuses it before anything changes, and the deploy stops there.

    What to do
        What the message says. Steps of one group commit together; ``transaction=none`` runs a step by itself.

    Reported of phase files beside a migration.toml, and of the phased operations, ``backfill()`` and ``contract()`` of
    Alembic revisions; what only the database can tell of them is found by ``migrator plan REVISION``.

    Source
        ``migrator expand``, ``backfill``, ``contract`` and ``rollback`` read the files with the same code.
    """

    code = "RB019"
    name = "phase-refused"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    why = "the phase is refused, and the deploy stops there"
