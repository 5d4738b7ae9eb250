"""``backfill()`` and ``contract()`` that a revision has beside ``upgrade()``: what they would run, without running it.

They are called once, when the revision is expanded, with Alembic writing SQL instead of executing it. What they write
goes to the ledger, and runs from there weeks later; so nothing in them can depend on what the database answers.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

import alembic.op
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql import visitors

from migrator.errors import MigratorError, Refused
from migrator.integrations.alembic.batch import Batch, Written
from migrator.integrations.alembic.project import quiet
from migrator.lint.written_in import Place
from migrator.model.plan import Phase
from migrator.sql.parser import parse_script

KEEP_HINT = "begin upgrade() with phased.later()"


def never_kept(functions: Iterable[Phase]) -> str:
    """What is wrong with a revision none of whose phased operations is called."""
    names = " and ".join(f"{phase}()" for phase in functions)
    return f"nothing keeps {names}: upgrade() calls no phased operation"


_NO_ANSWERS = "it is called when the revision is expanded, and its SQL runs later: no result of a statement comes back"
_DECIDE_IN_SQL = "write SQL that decides by itself, such as DELETE … WHERE …, or do it outside migrations"

_collecting: ContextVar[tuple[Phase, Batch] | None] = ContextVar("collecting", default=None)
_TRANSACTION = {"BEGIN;": True, "COMMIT;": False}


def collecting() -> tuple[Phase, Batch] | None:
    """Which function is being called, and what it asked for so far; None: none is."""
    return _collecting.get()


def asked_later(functions: dict[Phase, Callable[[], object]], context: MigrationContext) -> Batch:
    """What the functions of a revision ask for.

    Args:
        functions: by phase.
        context: of Alembic; its naming conventions are used, its connection is not.

    Raises:
        Refused: one needs an answer of the database, or fails.
    """
    batch: Batch = []
    for phase, function in functions.items():
        batch += _asked(phase, function, context)
    return batch


def _asked(phase: Phase, function: Callable[[], object], context: MigrationContext) -> Batch:
    batch: Batch = []
    writer = _Writer(phase, function.__code__.co_filename, batch)
    token = _collecting.set((phase, batch))
    try:
        with _written_by(writer, context):
            function()
    except MigratorError:
        raise
    except Exception as error:
        raise Refused(
            f"{phase}() cannot be written down: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            at=f"{writer.file}:{line_of(error, writer.file)}",
            detail="it is called when the revision is expanded, and its SQL runs later: there is no database to ask, "
            "op.get_bind() is None and no result comes back",
            hint='write it as SQL that decides by itself: op.execute("DELETE … WHERE …")',
        ) from error
    finally:
        _collecting.reset(token)
    if not batch:
        raise Refused(f"{phase}() does nothing", at=f"{writer.file}:{writer.first_line(function)}", hint="delete it")
    return batch


class _Writer:
    """Takes statements in the place of a connection, and asks the stack who made them."""

    def __init__(self, phase: Phase, file: str, batch: Batch) -> None:
        self.phase, self.file, self.batch = phase, file, batch
        self._blocks, self._inside = 1, True

    def static_output(self, text: str) -> None:
        """Note where a transaction begins and ends."""
        if text.strip() in _TRANSACTION:
            self._inside = _TRANSACTION[text.strip()]
            self._blocks += self._inside

    def execute(
        self, construct: Any, execution_options: Any = None, multiparams: Any = None, params: Any = None
    ) -> None:
        """Take a statement; arguments as of the method of Alembic that it stands in for, which changes tabs."""
        del execution_options
        if multiparams is not None or params:
            raise TypeError("a statement with parameters of its own is not written down")
        if isinstance(construct, str):
            construct = sa.text(construct)
        for each in visitors.iterate(construct):
            if isinstance(each, sa.BindParameter) and each.required:  # SQLAlchemy would write NULL
                raise TypeError(f"there is no value for :{each.key}")
        binds = {} if isinstance(construct, DDLElement) else {"compile_kwargs": {"literal_binds": True}}
        # By names, since the percent signs of other styles are doubled.
        compiled = construct.compile(dialect=postgresql.dialect(paramstyle="named"), **binds)  # type: ignore[no-untyped-call]
        at = self._at
        group = "" if not self._inside or self.phase is Phase.BACKFILL else self._group
        self.batch.append(Written(str(compiled).strip(), self.phase, at, group))

    def ask(self, construct: Any, multiparams: Any = None, params: Any = None, **more: Any) -> None:
        """Take a statement of ``op.get_bind()``, unless it is a question.

        Raises:
            Refused: what follows would depend on the answer.
        """
        is_text = isinstance(construct, sa.TextClause)
        text = construct.text if is_text else ""
        is_query = all(each.kind == "select_stmt" for each in parse_script(text).statements) if is_text else False
        if is_query or getattr(construct, "is_select", False):
            raise Refused(
                f"{self.phase}() asks the database, and there is no answer when it is called",
                at=self._at,
                detail=_NO_ANSWERS,
                hint=_DECIDE_IN_SQL,
            )
        self.execute(construct, None, multiparams or None, params or more or None)

    @property
    def _at(self) -> str:
        place = place_in(self.file)
        return f"{self.file}:{place.line}" if place is not None else self.file

    @property
    def _group(self) -> str:
        return f"{self.phase}" if self._blocks == 1 else f"{self.phase}-{self._blocks}"

    @staticmethod
    def first_line(function: Callable[[], object]) -> int:
        """Where a function begins."""
        return int(function.__code__.co_firstlineno)


@contextlib.contextmanager
def _written_by(writer: _Writer, context: MigrationContext) -> Iterator[None]:
    """``op.*`` writes to a writer, and so does ``alembic.context``; afterwards both are as they were."""
    with quiet():
        offline = MigrationContext.configure(
            dialect=postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
            environment_context=context.environment_context,
            opts={
                "as_sql": True,
                "output_buffer": io.StringIO(),
                "literal_binds": True,
                "target_metadata": context.opts.get("target_metadata"),
            },
        )
    offline.impl._exec = writer.execute  # type: ignore[method-assign]  # noqa: SLF001 - pinned in test_private
    offline.impl.connection = sa.create_mock_engine("postgresql://", writer.ask)  # type: ignore[assignment]
    offline.impl.static_output = writer.static_output  # type: ignore[method-assign]
    before: Any = getattr(alembic.op, "_proxy", None)
    operations, environment = Operations(offline), context.environment_context
    operations._install_proxy()  # noqa: SLF001 - Operations.context() does not put back what was there before
    if environment is not None:
        environment._migration_context = offline  # noqa: SLF001 - what context.execute() goes by
    try:
        yield
    finally:
        operations._remove_proxy()  # noqa: SLF001 - see above
        if before is not None:
            before._install_proxy()  # noqa: SLF001 - see above
        if environment is not None:
            environment._migration_context = context  # noqa: SLF001 - see above


def place_in(path: str) -> Place | None:
    """Where in a file the call is that is being served."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - nothing else knows who is writing
    while frame is not None:
        if frame.f_code.co_filename == path:
            positions = list(frame.f_code.co_positions())
            line, end_line, column, end_column = positions[frame.f_lasti // 2]
            first = line or frame.f_lineno
            length = (end_column or 0) - (column or 0) if end_line == line else 0
            return Place(first, end_line or first, (column or 0) + 1, max(length, 1))
        frame = frame.f_back
    return None


def line_of(error: BaseException, path: str) -> int:
    """The line of a file that an error comes from; 1: none of it."""
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
