"""A manifest with the statements that an application was seen to send. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from migrator.integrations.sqlalchemy.mapping import NO_RAW_SQL_SEEN
from migrator.model.manifest import Manifest, UsedColumn, UsedTable
from migrator.sql.mentions import AROUND, KINDS, Mention, mentions, temporary_tables
from migrator.sql.parser import pb, unwrap, walk

Columns = Mapping[tuple[str, str], frozenset[str]]
"""By schema and table, the columns that models know."""


class Recorded(Protocol):
    """A statement, parsed."""

    @property
    def at(self) -> str:
        """``file:line``."""
        ...

    @property
    def kind(self) -> str:
        """Of the statement; empty: it does not parse."""
        ...

    @property
    def node(self) -> Any:
        """Its tree."""
        ...

    @property
    def problem(self) -> str:
        """Why it does not parse."""
        ...


_OF_NO_TABLE = frozenset(
    f"{name}_stmt"
    for name in (
        "transaction", "variable_set", "variable_show", "constraints_set", "listen", "notify", "unlisten", "fetch",
        "close_portal", "deallocate", "discard", "execute", "vacuum", "check_point",
    )
)  # fmt: skip
"""Statements that use no table, or only by another one that is recorded as well."""


@dataclass(slots=True)
class _Added:
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    every: bool = False


def with_recorded(manifest: Manifest, statements: Sequence[Recorded], columns: Columns, schema: str) -> Manifest:
    """What models and statements use together.

    A column that may be of several tables counts for each whose models know it; of a table without models, any column
    counts then. What takes all columns at once, such as ``*``, counts for every column.

    Args:
        manifest: of the models.
        statements: those that were recorded.
        columns: of the tables of the models, those that are not mapped too.
        schema: where tables are that name none.
    """
    added: dict[tuple[str, str], _Added] = {}
    temporary = {name for statement in statements if statement.kind for name in temporary_tables(statement.node)}
    unread: list[str] = []
    for statement in statements:
        if not statement.kind:
            unread.append(f"the statement at {statement.at}: {statement.problem}")
        elif statement.kind == "do_stmt":
            unread.append(f"what the DO block at {statement.at} runs")
        elif statement.kind not in KINDS | AROUND | _OF_NO_TABLE and not _is_about(statement.node, temporary):
            unread.append(f"what the statement at {statement.at} uses ({statement.kind.removesuffix('_stmt')})")
        for mention in mentions(statement.kind, statement.node):
            if mention.relation in temporary and mention.schema in (None, "pg_temp"):
                continue
            key = mention.schema or schema, mention.relation
            _add(added.setdefault(key, _Added()), mention, columns.get(key))
    tables = {(table.schema, table.name): table for table in manifest.tables}
    for key, what in added.items():
        tables[key] = _merged(tables.get(key) or UsedTable(*key), what)
    text_in_models = tuple(each for each in manifest.unseen if each != NO_RAW_SQL_SEEN)
    recorded = "1 recorded statement shows" if len(statements) == 1 else f"{len(statements)} recorded statements show"
    note = f"of SQL written as text, what {recorded}; what was not run is not in it"
    return replace(
        manifest,
        tables=tuple(tables[key] for key in sorted(tables)),
        statements=len(statements),
        unseen=tuple(unread),
        notes=(*manifest.notes, *(f"{each}: as far as it was recorded" for each in text_in_models), note),
    )


def _is_about(node: Any, temporary: set[str]) -> bool:
    """Whether a statement names temporary tables and nothing else."""
    if isinstance(node, pb.DropStmt):
        names = {unwrap(unwrap(each).items[-1]).sval for each in node.objects if isinstance(unwrap(each), pb.List)}
    else:
        names = {each.relname for each in walk(node) if isinstance(each, pb.RangeVar)}
    return bool(names) and names <= temporary


def _add(added: _Added, mention: Mention, known: frozenset[str] | None) -> None:
    added.reads |= mention.reads
    added.writes |= mention.writes
    added.every |= mention.every
    if known is not None:
        added.reads |= mention.possible & known
    elif mention.possible:
        added.every = True


def _merged(table: UsedTable, what: _Added) -> UsedTable:
    columns = {column.name: column for column in table.columns}
    for name in what.reads | what.writes:
        known = columns.get(name) or UsedColumn(name, reads=False, writes=False)
        columns[name] = replace(
            known, reads=known.reads or name in what.reads, writes=known.writes or name in what.writes
        )
    ordered = tuple(columns[name] for name in sorted(columns))
    return replace(table, columns=ordered, every_column=table.every_column or what.every)
