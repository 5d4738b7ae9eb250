"""The schema of a database as SQL, for lint: what ``pg_dump --schema-only`` writes, as far as lint looks at it.

Left out: owners, privileges, comments, settings, rules, publications, event triggers, aggregates, operators. A view
that was replaced may come before one that it selects from.
"""

from __future__ import annotations

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "schema.sql")


def read_schema_sql(session: Session) -> str:
    """Statements that make the schema anew, each on lines of its own.

    Args:
        session: outside a transaction block; what it may not see is not in the result.
    """
    statements = ["SET check_function_bodies = off"]
    with session.transaction(read_only=True):
        session.set_local("search_path", "")
        for query in _SQL.values():
            statements += [row.sql.rstrip().rstrip(";") for row in session.query(query)]
    return "".join(f"{statement};\n" for statement in statements)
