"""Operations of autogenerate as the SQL that they would run, which the kinds of changes recognise."""

from __future__ import annotations

import copy

from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql

from migrator.errors import Refused, UsageError

FILL_KEY = "fill"


def sql_of(operation: ops.MigrateOperation, context: MigrationContext) -> str:
    """The statements of an operation, each ended by a semicolon.

    Args:
        operation: of Alembic's own.
        context: the one that autogenerate runs in; its naming conventions are used, its connection is not.

    Raises:
        Refused: it adds a column that old code could not insert into.
        UsageError: what it would run cannot be said without running it.
    """
    written = _Statements()
    offline = MigrationContext.configure(
        # By names, since the percent signs of other styles are doubled.
        dialect=postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
        opts={"as_sql": True, "output_buffer": written, "target_metadata": context.opts.get("target_metadata")},
    )
    try:
        Operations(offline).invoke(_alone(operation))
    except (AttributeError, TypeError, NotImplementedError) as error:
        raise UsageError(f"{type(operation).__name__} of autogenerate cannot be written as SQL: {error}") from None
    return _fill_of(operation) + "".join(f"{each}\n" for each in written.all)


def _fill_of(operation: ops.MigrateOperation) -> str:
    """The directive that says what rows of old code hold in an added column, from ``info={"fill": SQL}``.

    Raises:
        Refused: nothing gives them a value, and NULL is refused.
    """
    if not isinstance(operation, ops.AddColumnOp):
        return ""
    column = operation.column
    fill = column.info.get(FILL_KEY)
    if fill is not None:
        return f"-- migrator: fill = {' '.join(str(fill).splitlines())}\n"
    has_value = column.server_default is not None or column.identity is not None or column.computed is not None
    if not column.nullable and not has_value:
        raise Refused(
            f'column "{column.name}" of table "{operation.table_name}" would be NOT NULL without a default: every '
            "insert of old code fails",
            hint=f'server_default=…, nullable=True, or info={{"{FILL_KEY}": "SQL over the row"}} in the model',
        )
    return ""


class _Statements:
    """What Alembic writes offline to: one statement at a time."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def write(self, text: str) -> None:
        """Keep a statement."""
        self.all.append(text.strip())

    def flush(self) -> None:
        """Nothing: there is nowhere to write to."""


def _alone(operation: ops.MigrateOperation) -> ops.MigrateOperation:
    """An added column without the index and the unique constraint that it brings: they are operations of their own."""
    if not isinstance(operation, ops.AddColumnOp):
        return operation
    alone = copy.copy(operation)
    alone.column = operation.column._copy()  # noqa: SLF001 - as Alembic does; a column belongs to one table
    alone.column.index = alone.column.unique = None
    return alone
