"""Which tables and columns a statement names, without knowing any schema: an upper bound of what it uses.

Pure. A column with a qualifier belongs to that table, one without to the only table there is; where several could be
meant, it is possible of each. Names of output columns are possible only. What views and functions of the database use
themselves is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from migrator.sql.parser import pb, unwrap, walk

KINDS = frozenset(
    {
        "select_stmt",
        "insert_stmt",
        "update_stmt",
        "delete_stmt",
        "merge_stmt",
        "copy_stmt",
        "truncate_stmt",
        "lock_stmt",
    }
)
"""Statements that read or write rows."""

AROUND = frozenset({"declare_cursor_stmt", "create_table_as_stmt", "explain_stmt", "prepare_stmt"})
"""Statements around a query, which is what counts of them."""

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema", "migrator"})


@dataclass(slots=True)
class Mention:
    """What a statement names of a table.

    Attributes:
        schema: None where it writes none.
        reads: columns that are surely of this table.
        writes: likewise those that it writes.
        possible: columns that may be of this table, or of another one, or of none.
        every: whether all columns are taken at once: ``*``, a whole row, INSERT without a list, NATURAL JOIN.
    """

    schema: str | None
    relation: str
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)
    every: bool = False


def mentions(kind: str, node: Any) -> list[Mention]:
    """The tables that a statement names, with their columns; those of the system are left out.

    Args:
        kind: of the statement, one of ``KINDS`` or ``AROUND``; there are none in others.
        node: its tree.
    """
    if kind in AROUND:
        return _Statement(unwrap(node.query)).found()
    return _Statement(node).found() if kind in KINDS else []


def temporary_tables(node: Any) -> set[str]:
    """The temporary tables that a statement makes."""
    if isinstance(node, pb.CreateStmt):
        made = [node.relation]
    elif isinstance(node, pb.CreateTableAsStmt):
        made = [node.into.rel]
    else:
        made = [each.into_clause.rel for each in walk(node) if isinstance(each, pb.SelectStmt)]
    return {each.relname for each in made if each.relname and each.relpersistence == "t"}


class _Statement:
    """One tree, and whose each name in it is."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._all = list(walk(node))
        self._ctes = {each.ctename for each in self._all if isinstance(each, pb.CommonTableExpr)}
        self._tables: dict[tuple[str | None, str], Mention] = {}
        self._by_alias: dict[str, set[tuple[str | None, str]]] = {}
        self._derived: set[str] = set(self._ctes)
        self._outputs: set[str] = set()

    def found(self) -> list[Mention]:
        for each in self._all:
            self._source(each)
        if not self._tables:
            return []
        alone = len(self._tables) == 1 and not self._derived and not self._has_functions()
        for each in self._all:
            if isinstance(each, pb.SelectStmt):
                self._outputs |= {name for name in (unwrap(one).name for one in each.target_list) if name}
        for each in self._all:
            if isinstance(each, pb.ColumnRef):
                self._column(each, alone=alone)
            elif isinstance(each, (pb.InsertStmt, pb.UpdateStmt, pb.MergeStmt)):
                self._written(each)
            elif isinstance(each, pb.JoinExpr):
                self._join(each)
            elif isinstance(each, pb.CopyStmt):
                self._copied(each)
        return list(self._tables.values())

    def _source(self, node: Any) -> None:
        if isinstance(node, pb.RangeVar):
            if not node.schemaname and node.relname in self._ctes:
                self._derived.add(node.alias.aliasname or node.relname)
                return
            if node.schemaname in _SYSTEM_SCHEMAS or (not node.schemaname and node.relname.startswith("pg_")):
                self._derived.add(node.alias.aliasname or node.relname)
                return
            key = (node.schemaname or None, node.relname)
            self._tables.setdefault(key, Mention(*key))
            for name in (node.alias.aliasname or node.relname, node.relname):
                self._by_alias.setdefault(name, set()).add(key)
            if node.alias.colnames:
                self._tables[key].every = True
        elif isinstance(node, (pb.RangeSubselect, pb.RangeFunction, pb.RangeTableFunc)):
            self._derived.add(node.alias.aliasname)

    def _has_functions(self) -> bool:
        return any(isinstance(each, (pb.RangeFunction, pb.RangeTableFunc, pb.RangeSubselect)) for each in self._all)

    def _of(self, qualifier: str) -> list[Mention]:
        if qualifier == "excluded":
            return [self._tables[key] for key in self._targets()]
        return [self._tables[key] for key in self._by_alias.get(qualifier, ())]

    def _targets(self) -> Iterator[tuple[str | None, str]]:
        for each in self._all:
            if isinstance(each, (pb.InsertStmt, pb.UpdateStmt, pb.MergeStmt, pb.DeleteStmt)):
                yield each.relation.schemaname or None, each.relation.relname

    def _column(self, node: Any, *, alone: bool) -> None:
        parts = [unwrap(each) for each in node.fields]
        names = [each.sval for each in parts if isinstance(each, pb.String)]
        if isinstance(parts[-1], pb.A_Star):
            for mention in self._of(names[-1]) if names else self._tables.values():
                mention.every = True
            return
        name = names[-1]
        if len(names) > 1:
            owners = self._of(names[-2])
            for mention in owners:
                self._add(mention, name, certain=len(owners) == 1)
            if not owners and names[-2] not in self._derived:
                for mention in self._tables.values():  # a field of a row, or a name that nothing here explains
                    mention.possible |= {name, names[-2]}
            return
        if name in self._by_alias:
            for mention in self._of(name):
                mention.every = True  # a whole row, or a column called as its table is
            alone = False
        for mention in self._tables.values():
            self._add(mention, name, certain=alone and name not in self._outputs)

    @staticmethod
    def _add(mention: Mention, name: str, *, certain: bool) -> None:
        if name not in _SYSTEM_COLUMNS:
            (mention.reads if certain else mention.possible).add(name)

    def _written(self, node: Any) -> None:
        key = (node.relation.schemaname or None, node.relation.relname)
        target = self._tables.get(key)
        if target is None:
            return
        if isinstance(node, pb.InsertStmt):
            names = [unwrap(each).name for each in node.cols]
            target.writes |= set(names)
            has_row = node.HasField("select_stmt")
            target.every = target.every or (not names and has_row)
            clause = node.on_conflict_clause
            target.reads |= {unwrap(each).name for each in clause.infer.index_elems if unwrap(each).name}
            target.every = target.every or bool(clause.infer.conname)
            target.writes |= {unwrap(each).name for each in clause.target_list}
        elif isinstance(node, pb.UpdateStmt):
            target.writes |= {unwrap(each).name for each in node.target_list}
        else:
            for clause in map(unwrap, node.merge_when_clauses):
                names = [unwrap(each).name for each in clause.target_list]
                target.writes |= {name for name in names if name}
                target.every = target.every or (clause.command_type == pb.CMD_INSERT and not names)

    def _join(self, node: Any) -> None:
        for mention in self._tables.values():
            mention.every = mention.every or node.is_natural
            mention.possible |= {unwrap(each).sval for each in node.using_clause}

    def _copied(self, node: Any) -> None:
        if not node.HasField("relation"):
            return
        target = self._tables.get((node.relation.schemaname or None, node.relation.relname))
        if target is None:
            return
        names = {unwrap(each).sval for each in node.attlist}
        (target.writes if node.is_from else target.reads).update(names)
        target.every = target.every or not names
