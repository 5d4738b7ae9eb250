"""PO047 wasteful-column-order."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class WastefulColumnOrder(Rule):
    """Columns in an order that wastes space (opt-in).

    Why it matters
        Each value starts at a multiple of its size: an integer between two bigints costs eight bytes in every row.

    What to do
        Wide types of fixed length first, then narrow ones, then text.

    Source
        PostgreSQL documentation, section 66.6 "Database Page Layout".
    """

    code = "PO047"
    name = "wasteful-column-order"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (a bigint, b timestamptz, c int, d boolean, e text);"),
        Good("CREATE TABLE t (a int, b text);"),
    )
    bad = (Bad("CREATE TABLE t (a boolean, b bigint, c boolean, d bigint);", fix="-- b, d, a, c"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        columns = [one.column_def for one in statement.node.table_elts if one.HasField("column_def")]
        if any(not column.HasField("type_name") for column in columns):
            return
        sizes = [(_SIZES.get(type_of(column.type_name).name, (0, 0)), column.colname) for column in columns]
        best = sorted(sizes, key=lambda sized: -sized[0][0])
        waste = _length(sizes) - _length(best)
        if waste >= _LEAST:
            yield Problem(
                f"another order of columns saves {waste} bytes in each row",
                why="each value starts at a multiple of its size",
                fix=f"-- {', '.join(str(ident(name)) for _, name in best)}",
            )


_LEAST = 8
"""Rows are rounded up to multiples of eight bytes: less may save nothing."""
_SIZES = {
    "int8": (8, 8), "float8": (8, 8), "timestamptz": (8, 8), "timestamp": (8, 8), "time": (8, 8),
    "interval": (8, 16), "int4": (4, 4), "float4": (4, 4), "date": (4, 4), "int2": (2, 2), "bool": (1, 1),
    "uuid": (1, 16),
}  # fmt: skip
"""Alignment and length in bytes; what is not here has no fixed length."""


def _length(sizes: list[tuple[tuple[int, int], str]]) -> int:
    """Bytes that the leading columns of fixed length take, up to the first of another kind, with padding."""
    at = 0
    for (alignment, length), _ in sizes:
        if alignment:
            at = -(-at // alignment) * alignment + length
    return at
