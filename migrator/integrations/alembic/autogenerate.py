"""Autogenerate with phases: ``process_revision_directives=phased.autogenerate`` in ``context.configure()`` of env.py.

What Alembic found is written as the phased operations of one block: drops wait for contract, indexes are built
concurrently, constraints and types change in phases, and what was renamed is told or asked (``renaming``). A revision
that only creates tables stays as Alembic writes it, and so do operations of plugins, after the block: it commits, so
that what stands behind it is in a transaction of its own and a run that was cut off can be repeated.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import alembic.command
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext

from migrator.authoring.new import asked_changes
from migrator.authoring.recognise import recognise
from migrator.integrations.alembic.apply import as_command_error
from migrator.integrations.alembic.authoring import call
from migrator.integrations.alembic.database import database_at
from migrator.integrations.alembic.found import MODELS, Found, found_in
from migrator.integrations.alembic.on_added import enforced_at_expand
from migrator.integrations.alembic.renaming import Answers, answers
from migrator.integrations.alembic.rendering import sql_of
from migrator.planning.planner import Change
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, objects_in
from migrator.sql.parser import parse_script

IMPORT = "from migrator import alembic as phased"
_HARMLESS = frozenset({"create_enum", "raw_sql"})


class PhasedOps(MigrateOperation):
    """The phased operations of a revision.

    Attributes:
        changes: in order.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = tuple(changes)

    def reverse(self) -> MigrateOperation:
        """What undoes them."""
        return UndonePhases()

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """As ``alembic check`` prints them."""
        return ("phased", *(call(change) for change in self.changes))


class UndonePhases(MigrateOperation):
    """``phased.rollback()``, for ``downgrade()``."""

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """As ``alembic check`` would print it."""
        return ("phased", "rollback")


@renderers.dispatch_for(PhasedOps)
def _render(context: AutogenContext, operation: PhasedOps) -> list[str]:
    context.imports.add(IMPORT)
    return block([call(change) for change in operation.changes])


@renderers.dispatch_for(UndonePhases)
def _render_undone(context: AutogenContext, operation: UndonePhases) -> str:
    del operation
    context.imports.add(IMPORT)
    return "phased.rollback()"


def block(calls: Sequence[str]) -> list[str]:
    """Lines for Alembic's printer, which indents after a colon and ends that at an empty line."""
    return [calls[0]] if len(calls) == 1 else ["with phased.together():", *calls, ""]


def autogenerate(context: MigrationContext, revision: object, directives: list[ops.MigrationScript]) -> None:
    """Put phased operations into a revision of ``alembic revision --autogenerate``; ``alembic check`` is left alone.

    Args:
        context: of Alembic.
        revision: where the database is.
        directives: the revision that Alembic is about to write; changed in place.
    """
    if _is_check() or not directives:
        return
    with as_command_error():
        environment = context.environment_context
        given = environment.get_x_argument() if environment is not None else []
        renames = [text.removeprefix("rename=") for text in given if text.startswith("rename=")]
        drops = [text.removeprefix("drop=") for text in given if text.startswith("drop=")]
        phase(answers(renames, drops, questioner()), context, revision, directives)


def phase(said: Answers, context: MigrationContext, revision: object, directives: list[ops.MigrationScript]) -> None:
    """As ``autogenerate``, with what was said about renames.

    Raises:
        UsageError: it is not known what was renamed.
        Refused: a difference cannot be made safely.
    """
    del revision
    connection = context.connection
    if connection is None or connection.dialect.name != "postgresql":
        return
    for directive in directives:
        upgrade = directive.upgrade_ops
        if upgrade is None or any(isinstance(each, PhasedOps) for each in upgrade.ops):
            continue
        found = found_in(upgrade, context, said)
        with database_at(connection.engine.url, "new").connect("autogenerate") as session:
            changes, plain = _split(found, context, session)
        if not changes:
            continue
        upgrade.ops = [PhasedOps(changes), *plain]
        undone = [each.reverse() for each in reversed(plain)]
        directive.downgrade_ops = ops.DowngradeOps(
            [UndonePhases(), *undone],
            downgrade_token=directive.downgrade_ops.downgrade_token if directive.downgrade_ops else "downgrades",
        )
    said.require_used()


def _split(found: Found, context: MigrationContext, session: Session) -> tuple[tuple[Change, ...], list[Any]]:
    """The changes of the phased block, and the operations that stay as they are."""
    text = "".join([*found.types, *(sql_of(each, context) for each in found.phased)])
    if not found.renames and not _changes_what_is_there(text, session):
        return (), []
    plain = found.plain
    needed = found.created & found.referenced
    moved = [each for each in plain if found.table_of(each) in needed]
    text = "".join(sql_of(each, context) for each in moved) + text
    changes = [*found.renames, *_recognised(text, session)]
    asked_changes(changes, session)
    return tuple(changes), [each for each in plain if each not in moved]


def _recognised(text: str, session: Session) -> list[Change]:
    if not text:
        return []
    script = parse_script(text, MODELS)
    names = dict.fromkeys(name for action in actions_of(script) for name in objects_in(action))
    schema = read_schema(session, names)
    found = [replace(change, at=MODELS) for change in recognise(script, schema)[0]]  # its lines are nobody's
    return enforced_at_expand(found, schema)


def _changes_what_is_there(text: str, session: Session) -> bool:
    """Whether it does more than to comment and to create types: those harm nobody, and stay as Alembic has them."""
    return any(change.kind.name not in _HARMLESS for change in _recognised(text, session))


def _is_check() -> bool:
    """Whether ``alembic check`` is running, which writes no revision: Alembic tells the hook nothing about it."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if frame.f_code is alembic.command.check.__code__:
            return True
        frame = frame.f_back
    return False


def questioner() -> Callable[[str], bool] | None:
    """Asks at the terminal; None: there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import click

    return functools.partial(click.confirm, default=False, err=True)
