"""Whether a statement that was seen running needs what is about to go: proof of non-use, three-valued.

The only importer of sqlglot. Unused means proved: either no word of the statement names the relation or column, or
every place where the name of the column stands belongs to another relation and nothing takes all columns at once
(``*``, a whole row, INSERT without a list of columns, COPY, NATURAL JOIN). What is neither proved unused nor found to
be a use is unclear; DO blocks and text that does not parse always are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from migrator.sql import native
from migrator.sql.words import scan

if TYPE_CHECKING:
    from sqlglot import exp

Catalog = Mapping[str, Mapping[str, frozenset[str]]]
"""Relation name to schema to its columns; of the relations an application can see."""


class Use(StrEnum):
    """What is known about a statement."""

    UNUSED = "unused"
    USED = "used"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer and, where it is not ``UNUSED``, the reason for people."""

    use: Use
    why: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A relation or column that goes, with its schema resolved; ``column`` None: the whole relation."""

    schema: str
    relation: str
    column: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.relation, self.column) if part)


_NOTHING = Finding(Use.UNUSED)
_READABLE = frozenset({"select", "with", "insert", "update", "delete", "values"})
"""First words of statements whose names can be followed; the parser makes little of others, COPY among them."""


def needs(statement: str, targets: frozenset[Target], catalog: Catalog) -> Finding:
    """Whether a statement, as ``pg_stat_statements`` shows it, needs any of the targets.

    Args:
        statement: with ``$1`` for constants.
        targets: what goes; partitions and children that lose an inherited column are targets of their own.
        catalog: columns of the relations in the database, those that go included.
    """
    try:
        words, text = scan(statement)
    except (native.PgQueryError, ValueError) as error:
        return Finding(Use.UNCLEAR, f"it cannot be read: {error}")
    if not words:
        return _NOTHING
    if words[0] == "do":
        return Finding(Use.UNCLEAR, "what a DO block runs cannot be seen")
    named = set(words)
    concerned = {target for target in targets if target.relation in named}
    if not concerned:
        return _NOTHING
    from sqlglot.errors import SqlglotError

    try:
        return _analysed(text, words[0], concerned, named, catalog)
    except (SqlglotError, RecursionError, AttributeError, KeyError, ValueError) as error:
        return Finding(
            Use.UNCLEAR, f"it cannot be analysed: {str(error).splitlines()[0] if str(error) else 'too deep'}"
        )


def _analysed(text: str, verb: str, targets: set[Target], named: set[str], catalog: Catalog) -> Finding:
    import sqlglot
    from sqlglot import exp

    if verb not in _READABLE:
        return Finding(Use.UNCLEAR, f"{verb.upper()} names {_one(targets)}")
    trees = sqlglot.parse(text, dialect="postgres", error_level=sqlglot.ErrorLevel.RAISE)
    if len(trees) != 1 or trees[0] is None:
        return Finding(Use.UNCLEAR, "it is not one statement")
    tree = trees[0]
    if not isinstance(tree, (exp.Query, exp.Insert, exp.Update, exp.Delete)):
        return Finding(Use.UNCLEAR, f"{verb.upper()} cannot be analysed and names {_one(targets)}")
    reader = _Reader(tree, catalog)
    worst = _NOTHING
    for target in sorted(targets, key=str):
        found = reader.relation(target)
        if found.use is Use.USED and target.column is not None:
            found = reader.column(target, named)
        if found.use is Use.USED:
            return found
        if found.use is Use.UNCLEAR:
            worst = found
    return worst


def _one(targets: set[Target]) -> str:
    return str(min(targets, key=str))


@dataclass(frozen=True, slots=True)
class _Source:
    """What stands in a FROM clause: a relation (``places`` are the schemas it may be in), or something derived."""

    alias: str
    name: str
    places: tuple[str, ...]
    columns: frozenset[str] | None
    """None: not known."""

    def may_be(self, target: Target) -> bool:
        return self.name == target.relation and target.schema in self.places

    def is_surely(self, target: Target) -> bool:
        return self.name == target.relation and self.places == (target.schema,)


class _Reader:
    """One statement's tree with the sources of each of its queries."""

    def __init__(self, tree: Any, catalog: Catalog) -> None:
        self._tree, self._catalog = tree, catalog
        self._sources: dict[int, list[_Source]] = {}

    def relation(self, target: Target) -> Finding:
        """Whether the relation stands anywhere as a relation."""
        from sqlglot import exp

        if not any(_folded(one) == target.relation for one in self._tree.find_all(exp.Identifier)):
            return Finding(Use.UNCLEAR, f'what "{target.relation}" stands for is not clear')
        if any(_names(one, target.relation) for one in self._tree.find_all(exp.DataType)):
            return Finding(Use.UNCLEAR, f"uses the row type of {target.relation}")
        unsure = False
        for table in self._tree.find_all(exp.Table):
            source = self._source_of(table)
            if source.is_surely(target):
                return Finding(Use.USED, f"uses {target}")
            unsure = unsure or source.may_be(target)
        if unsure:
            return Finding(Use.UNCLEAR, f'"{target.relation}" may be {target} or another relation of that name')
        return _NOTHING

    def column(self, target: Target, named: set[str]) -> Finding:
        """Whether a statement that uses the relation uses the column."""
        if every := self._takes_everything(target):
            return Finding(Use.UNCLEAR, f"{every} of {target.relation}")
        if target.column not in named:
            return _NOTHING
        from sqlglot import exp

        worst = _NOTHING
        for identifier in self._tree.find_all(exp.Identifier):
            if _folded(identifier) != target.column:
                continue
            found = self._place(identifier, target)
            if found.use is Use.USED:
                return found
            if found.use is Use.UNCLEAR:
                worst = found
        return worst

    def _takes_everything(self, target: Target) -> str:
        """How the statement may take all columns of the target's relation at once; empty: it does not."""
        from sqlglot import exp

        for node in self._tree.walk():
            if isinstance(node, exp.Star) and self._star_reaches(node, target):
                return "*"
            if isinstance(node, exp.Join) and str(node.args.get("method") or "").upper() == "NATURAL":
                return "NATURAL JOIN"
            if isinstance(node, exp.Merge):
                return "MERGE"
            if isinstance(node, exp.OnConflict) and node.args.get("constraint"):
                return "ON CONFLICT ON CONSTRAINT"
            if (
                isinstance(node, exp.TableAlias)
                and node.columns
                and not isinstance(node.parent, (exp.CTE, exp.Subquery))
            ):
                return "renamed columns"
            if (
                isinstance(node, exp.Insert)
                and not isinstance(node.this, exp.Schema)
                and isinstance(node.this, exp.Table)
                and self._source_of(node.this).may_be(target)
            ):
                return "INSERT without a list of columns"
            if isinstance(node, exp.Column) and not node.args.get("table"):
                name = _folded(node.this)
                for query in self._enclosing(node):
                    if any(name in (source.alias, source.name) and source.may_be(target) for source in self._of(query)):
                        return "a whole row"
        return ""

    def _star_reaches(self, star: exp.Expression, target: Target) -> bool:
        from sqlglot import exp

        if isinstance(star.parent, exp.Count):
            return False
        qualifier = star.parent.args.get("table") if isinstance(star.parent, exp.Column) else None
        if qualifier is None:
            return True
        wanted = _folded(qualifier)
        for query in self._enclosing(star):
            if matching := [source for source in self._of(query) if source.alias == wanted]:
                return any(source.may_be(target) for source in matching)
        return True

    def _place(self, identifier: exp.Expression, target: Target) -> Finding:
        from sqlglot import exp

        parent = identifier.parent
        unclear = Finding(Use.UNCLEAR, f'what "{target.column}" stands for is not clear')
        if isinstance(parent, exp.Column) and identifier is parent.this:
            if isinstance(parent.parent, exp.Dot):
                return unclear
            return self._column(parent, target)
        if isinstance(parent, exp.Alias) and identifier is parent.args.get("alias"):
            return _NOTHING
        if isinstance(parent, exp.Schema) and isinstance(parent.parent, exp.Insert):
            table = parent.this
            source = self._source_of(table) if isinstance(table, exp.Table) else None
            if source is None or (source.may_be(target) and not source.is_surely(target)):
                return unclear
            return Finding(Use.USED, f"writes {target}") if source.is_surely(target) else _NOTHING
        return unclear

    def _column(self, column: exp.Expression, target: Target) -> Finding:
        """Which relation a column belongs to: the innermost query that has one of that name, as PostgreSQL does."""
        name, qualifier = target.column, column.args.get("table")
        unclear = Finding(Use.UNCLEAR, f'it is not clear whose column "{name}" is')
        for query in self._enclosing(column):
            sources = self._of(query)
            if qualifier is not None:
                wanted = _folded(qualifier)
                matching = [source for source in sources if source.alias == wanted]
                if not matching:
                    continue
            else:
                if _is_output_name(column, str(name)):
                    return unclear
                matching = [source for source in sources if source.columns is None or name in source.columns]
                if not matching:
                    continue
            if len(matching) != 1 or matching[0].columns is None:
                if qualifier is None or len(matching) != 1 or matching[0].may_be(target):
                    return unclear
                return _NOTHING if matching[0].name != target.relation else unclear
            source = matching[0]
            if source.is_surely(target):
                return Finding(Use.USED, f"uses {target}")
            return unclear if source.may_be(target) else _NOTHING
        return unclear

    def _enclosing(self, node: exp.Expression) -> Iterator[exp.Expression]:
        """The queries around a node, innermost first."""
        from sqlglot import exp

        parent = node.parent
        while parent is not None:
            if isinstance(parent, (exp.Select, exp.SetOperation, exp.Insert, exp.Update, exp.Delete)):
                yield parent
            parent = parent.parent

    def _of(self, query: exp.Expression) -> list[_Source]:
        """What stands in the FROM clause of a query, its own target included."""
        from sqlglot import exp

        known = self._sources.get(id(query))
        if known is None:
            known = self._sources[id(query)] = []
            for node in query.walk(prune=lambda inner: inner is not query and isinstance(inner, _scopes(exp))):
                if node is query:
                    continue
                if isinstance(node, exp.Table):
                    known.append(self._source_of(node))
                elif isinstance(node, (exp.Subquery, exp.Lateral, exp.Unnest, exp.Values)) and not _is_value(node, exp):
                    known.append(_Source(_folded_text(node.alias), "", (), _outputs(node)))
            if isinstance(query, exp.Insert):
                known.extend(_Source("excluded", one.name, one.places, one.columns) for one in tuple(known[:1]))
        return known

    def _source_of(self, table: exp.Table) -> _Source:
        from sqlglot import exp

        if not isinstance(table.this, exp.Identifier):  # a function
            return _Source(_folded_text(table.alias_or_name), "", (), None)
        name = _folded(table.this)
        alias_node = table.args.get("alias")
        alias = _folded(alias_node.this) if alias_node is not None and alias_node.this is not None else name
        schemas = self._catalog.get(name, {})
        if written := table.args.get("db"):
            places: tuple[str, ...] = (_folded(written),)
        elif (cte := self._cte(table, name)) is not None:
            return _Source(alias, "", (), _outputs(cte))
        else:
            places = tuple(sorted(schemas))
        columns = [schemas[place] for place in places if place in schemas]
        # Which of several relations of one name is meant depends on the session's search_path.
        return _Source(alias, name, places, frozenset().union(*columns) if len(columns) == 1 else None)

    def _cte(self, table: exp.Expression, name: str) -> exp.Expression | None:
        from sqlglot import exp

        parent = table.parent
        while parent is not None:
            with_ = parent.args.get("with_") or parent.args.get("with")
            for cte in with_.expressions if isinstance(with_, exp.With) else ():
                if _folded(cte.args["alias"].this) == name:
                    return cte  # type: ignore[no-any-return]
            parent = parent.parent
        return None


def _scopes(exp: Any) -> tuple[type, ...]:
    return (exp.Select, exp.SetOperation, exp.Insert, exp.Update, exp.Delete)


def _is_value(node: Any, exp: Any) -> bool:
    """A subquery or VALUES that is no source of rows for names: a scalar subquery, the rows of INSERT."""
    return not isinstance(node.parent, (exp.From, exp.Join, exp.Lateral, exp.Update, exp.Delete))


def _is_output_name(column: Any, name: str) -> bool:
    """Whether an unqualified name may be an output column, as ORDER BY and GROUP BY allow, rather than one of FROM."""
    from sqlglot import exp

    select = column.find_ancestor(exp.Select)
    return (
        select is not None
        and column.find_ancestor(exp.Order, exp.Group) is not None
        and any(isinstance(one, exp.Alias) and _folded(one.args["alias"]) == name for one in select.expressions)
    )


def _outputs(node: Any) -> frozenset[str] | None:
    """Names of the columns of a subquery or CTE; None: not known."""
    from sqlglot import exp

    alias = node.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return None
    query = node.this
    if not isinstance(query, exp.Select):
        return None
    names: set[str] = set()
    for one in query.expressions:
        if isinstance(one, exp.Alias):
            names.add(_folded(one.args["alias"]))
        elif isinstance(one, exp.Column) and not isinstance(one.this, exp.Star):
            names.add(_folded(one.this))
        else:
            return None
    return frozenset(names)


def _folded(identifier: Any) -> str:
    text = str(identifier.this if hasattr(identifier, "this") else identifier)
    return text if identifier.args.get("quoted") else text.lower()


def _names(data_type: Any, relation: str) -> bool:
    """Whether a type is, or is made of, the row type of a relation."""
    return relation.lower() in data_type.sql(dialect="postgres").lower()


def _folded_text(text: str) -> str:
    return text.lower()
