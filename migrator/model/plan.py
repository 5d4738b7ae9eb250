"""A migration as data: phases, each a list of steps, each one SQL statement with the facts about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from migrator.model.effects import Effects, TableLock
from migrator.model.phase import Phase

__all__ = ["Effects", "Migration", "Phase", "ServiceRequirement", "Step", "TableLock"]


@dataclass(frozen=True, slots=True)
class Step:
    """One SQL statement of a phase.

    Attributes:
        id: name within the phase, unique there.
        sql: the statement without a trailing semicolon.
        phase: the phase it belongs to.
        group: steps of one group commit together; None: outside a transaction.
        effects: locks, scans and rewrites, derived from ``sql``.
        locks: the locks in words, where they cannot be read off ``sql``; an empty string: they can.
        reason: why the step is there, for people.
        undoes: for a rollback step, the id of the expand step it undoes.
        undo: for an expand step, the SQL that undoes it.
        verify: for a backfill step, a condition on the table that is true for a row that is still wrong; None: the
            statement's own WHERE is that condition.
        key: for a backfill step, columns in whose order batches go; none: as the table lies.
        loses: for a rollback step, a query that counts the rows whose data exists only in the new shape; None: none.
        timed: whether migrator runs it, with its timeouts; False: it is in a revision, and Alembic does.
        line: 1-based line of the statement in its file.
        at: ``path:line`` for messages.
    """

    id: str
    sql: str
    phase: Phase
    group: str | None
    effects: Effects = field(default_factory=Effects)
    locks: str = ""
    reason: str = ""
    undoes: str | None = None
    undo: str | None = None
    verify: str | None = None
    key: tuple[str, ...] = ()
    loses: str | None = None
    timed: bool = True
    line: int = 1
    at: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequirement:
    """The level a service needs before a contract, when it is not simply the migration's own.

    Attributes:
        level: code of the service at this level or above no longer needs the old shape.
        reason: why it differs; required for an exemption (level 0).
    """

    level: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """What is authored and reviewed together.

    Attributes:
        id: UTC time to the second plus slug, ``20261124T031245_rename_users_name``.
        level: the integer schema level; greater than that of every migration before it.
        title: what the author called it.
        folder: path of the folder, as given; empty when read from the ledger.
        changes: ``[[change]]`` tables: ``kind`` plus the parameters of that kind. Provenance, not what runs.
        steps: all steps of all phases in file order.
        texts: full text of each phase file that exists.
        requires: levels of services that differ from ``level``.
        after_contract: ids that must be contracted first.
        code_is_later: whether the code of this checkout does not use the new shape yet.
        assumed: per relation, the facts the plan relies on (see ``planning.facts``); compared at preflight.
        origin: who keeps it where it has no folder: ``alembic``; its texts are all in the ledger.
        asked: with ``origin``, a hash of what it was asked to do, by which a later change is noticed.
    """

    id: str
    level: int
    title: str
    folder: str = ""
    changes: tuple[dict[str, Any], ...] = ()
    steps: tuple[Step, ...] = ()
    texts: dict[Phase, str] = field(default_factory=dict)
    requires: dict[str, ServiceRequirement] = field(default_factory=dict)
    after_contract: tuple[str, ...] = ()
    code_is_later: bool = False
    assumed: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
    asked: str = ""

    def phase(self, phase: Phase) -> tuple[Step, ...]:
        """The steps of one phase in order."""
        return tuple(step for step in self.steps if step.phase is phase)

    def groups(self, phase: Phase) -> tuple[tuple[Step, ...], ...]:
        """The steps of one phase, bundled as they commit: neighbours of one group together, others alone."""
        bundles: list[list[Step]] = []
        for step in self.phase(phase):
            if bundles and step.group is not None and bundles[-1][0].group == step.group:
                bundles[-1].append(step)
            else:
                bundles.append([step])
        return tuple(tuple(bundle) for bundle in bundles)
