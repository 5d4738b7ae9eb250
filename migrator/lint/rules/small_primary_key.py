"""PO002 small-primary-key."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import is_serial, names_in, type_of
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, retyped
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class SmallPrimaryKey(Rule):
    """A primary key of type integer, smallint or serial (opt-in).

    Why it matters
        When it runs out, every INSERT fails. To widen the key and all that refer to it, on a table that is by then the
        largest of all, is one of the hardest changes there is.

    What to do
        bigint, from the beginning.

    Source
        PostgreSQL documentation, section 8.1.1 "Integer Types".
    """

    code = "PO002"
    name = "small-primary-key"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.WRITES,)
    fixable = Fixable.SAFE
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (id bigint PRIMARY KEY, n int);"),
        Good("CREATE TABLE t (id uuid, n int, PRIMARY KEY (id));"),
    )
    bad = (
        Bad("CREATE TABLE t (id serial PRIMARY KEY);", fix="-- id bigint"),
        Bad("CREATE TABLE t (id int, PRIMARY KEY (id));", fix="-- id bigint"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        elements = [unwrap(element) for element in statement.node.table_elts]
        keys = {
            name
            for element in elements
            if isinstance(element, pb.Constraint) and element.contype == pb.CONSTR_PRIMARY
            for name in names_in(element.keys)
        }
        for element in elements:
            if not isinstance(element, pb.ColumnDef) or not element.HasField("type_name"):
                continue
            own = any(unwrap(one).contype == pb.CONSTR_PRIMARY for one in element.constraints)
            if (own or element.colname in keys) and type_of(element.type_name).name in ("int2", "int4"):
                name = ident(element.colname)
                yield Problem(
                    f"primary key {name} runs out",
                    why="every INSERT fails then, and to widen the key rewrites the table and all that refer to it",
                    fix=f"-- {name} bigint",
                    span=context.span_at(element.location),
                    repair=retyped(context, element, "bigserial" if is_serial(element.type_name) else "bigint"),
                )
