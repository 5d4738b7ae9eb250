"""Whether a row of an UPDATE … FROM can match several rows of the others, which would leave its value to chance.

PostgreSQL takes any of them, and each batch may take another one. So every table or subquery that a value comes from
must be found by a unique key: its columns are equal to something that is known for the row. What cannot be shown to be
so counts as matching several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrator.backfill import trees
from migrator.sql.parser import deparse_expression, pb, unwrap, walk

AGGREGATES = frozenset(
    {"array_agg", "avg", "bool_and", "bool_or", "count", "every", "json_agg", "json_object_agg", "jsonb_agg"}
    | {"jsonb_object_agg", "max", "min", "string_agg", "sum"}
)
_ONE_FOR_A_GROUP = AGGREGATES | {"concat", "date_trunc", "greatest", "least", "length", "lower", "round", "upper"}
"""Any other function of a subquery may give several rows for a group."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a table or subquery.

    Attributes:
        columns: its columns.
        keys: sets of columns of which no two rows have the same values; an empty one: there is one row at most.
        is_open: it may have other columns, too.
    """

    columns: frozenset[str]
    keys: tuple[frozenset[str], ...] = ()
    is_open: bool = False


Equality = tuple[Any, Any, frozenset[str] | None]
"""Two expressions that are equal, and the aliases that may be found by it; None: any."""


def of_several(update: Any, alias: str, look_up: Callable[[Any], Facts]) -> str | None:
    """The alias of an item of FROM that a value comes from, and of which a row can match several rows.

    Args:
        update: the UPDATE.
        alias: the name of its table in it.
        look_up: facts about a table, a RangeVar.
    """
    facts = {alias: look_up(update.relation)}
    equalities: list[Equality] = [(*each, None) for each in _equal(update.where_clause)]
    for item in update.from_clause:
        _read(item, facts, equalities, look_up)
    known = {alias}
    while found := _found_by(facts, equalities, known):
        known |= found
    values = [unwrap(item).val for item in update.target_list]
    return next((each for each in facts if each not in known and _comes_from(values, each, facts)), None)


def _found_by(facts: Mapping[str, Facts], equalities: Sequence[Equality], known: set[str]) -> set[str]:
    """Aliases of which one row at most is left, given those of which that is known."""
    equal: dict[str, set[str]] = {alias: set() for alias in facts if alias not in known}
    for left, right, only in equalities:
        for one, other in ((left, right), (right, left)):
            alias, column = _resolved(unwrap(one), facts)
            if alias in equal and (only is None or alias in only) and _is_known(other, facts, known):
                equal[alias].add(column)
    return {alias for alias, columns in equal.items() if any(key <= columns for key in facts[alias].keys)}


def _is_known(expression: Any, facts: Mapping[str, Facts], known: set[str]) -> bool:
    for node in walk(expression):
        if isinstance(node, pb.SubLink):
            return False
        if isinstance(node, pb.ColumnRef) and _resolved(node, facts)[0] not in known:
            return False
    return True


def _resolved(node: Any, facts: Mapping[str, Facts]) -> tuple[str, str]:
    """Alias and column of a reference; empty: it is none, or not to one column of one of them."""
    if not isinstance(node, pb.ColumnRef) or not isinstance(last := unwrap(node.fields[-1]), pb.String):
        return "", ""
    if len(node.fields) > 1:
        alias = unwrap(node.fields[-2]).sval
        return (alias, last.sval) if alias in facts else ("", "")
    owners = [alias for alias, each in facts.items() if last.sval in each.columns]
    return (owners[0], last.sval) if len(owners) == 1 else ("", "")


def _comes_from(values: Sequence[Any], alias: str, facts: Mapping[str, Facts]) -> bool:
    named = frozenset[str]().union(*(each.columns for each in facts.values()))
    for value in values:
        for node in walk(value):
            if not isinstance(node, pb.ColumnRef):
                continue
            *qualifiers, last = (unwrap(each) for each in node.fields)
            name = getattr(last, "sval", "")
            if qualifiers:
                found = qualifiers[-1].sval == alias
            else:
                found = name in {alias, *facts[alias].columns} or (facts[alias].is_open and name not in named)
            if found:
                return True
    return False


def _equal(condition: Any) -> Iterator[tuple[Any, Any]]:
    for part in trees.conjuncts(condition):
        inner = unwrap(part)
        if isinstance(inner, pb.A_Expr) and inner.kind == pb.AEXPR_OP and unwrap(inner.name[-1]).sval == "=":
            yield inner.lexpr, inner.rexpr


def _read(item: Any, facts: dict[str, Facts], equalities: list[Equality], look_up: Callable[[Any], Facts]) -> None:
    """Add what an item of FROM holds, and what is equal in it."""
    node = unwrap(item)
    if isinstance(node, pb.RangeVar):
        # Other names for its columns hide which of them its keys are about.
        renamed = Facts(frozenset(_names(node.alias.colnames)), is_open=True)
        facts[node.alias.aliasname or node.relname] = renamed if node.alias.colnames else look_up(node)
    elif isinstance(node, pb.RangeSubselect):
        facts[node.alias.aliasname] = _of_subquery(node.subquery.select_stmt, _names(node.alias.colnames))
    elif isinstance(node, pb.JoinExpr):
        before = set(facts)
        _read(node.larg, facts, equalities, look_up)
        left = set(facts) - before
        _read(node.rarg, facts, equalities, look_up)
        right = set(facts) - before - left
        pairs = list(_equal(node.quals)) if node.HasField("quals") else []
        for name in _names(node.using_clause):
            owners = [[each for each in side if name in facts[each].columns] for side in (left, right)]
            if all(len(side) == 1 for side in owners):
                pairs.append((trees.column(owners[0][0], name), trees.column(owners[1][0], name)))
        if node.jointype in (pb.JOIN_INNER, pb.JOIN_LEFT):
            # A row of the left side stays whatever the condition of a LEFT JOIN says.
            only = None if node.jointype == pb.JOIN_INNER else frozenset(right)
            equalities.extend((*pair, only) for pair in pairs)
    else:
        alias = node.alias.aliasname or next(_calls(node), "")
        facts[alias] = Facts(frozenset(_names(node.alias.colnames)), is_open=True)


def _of_subquery(select: Any, names: Sequence[str]) -> Facts:
    if select.values_lists:
        return _of_values([unwrap(row).items for row in select.values_lists], names)
    outputs = [unwrap(item) for item in select.target_list]
    columns = [each.name or _last(each.val) for each in outputs]
    distinct = [each for each in select.distinct_clause if unwrap(each) is not None]
    by_place = {str(number): number for number in range(1, len(outputs) + 1)}
    by_text = {deparse_expression(each.val): number for number, each in enumerate(outputs, 1)}
    # DISTINCT ON (c) means the column that is given under that name, GROUP BY c the one that is read.
    by_name = {column: number for number, column in enumerate(columns, 1)} if distinct else {}
    columns[: len(names)] = names
    facts = Facts(frozenset(columns), is_open=bool({"*", ""} & set(columns)) or not columns)
    if select.op != pb.SETOP_NONE or "*" in columns:
        return facts
    if select.distinct_clause and not distinct:
        return replace(facts, keys=(facts.columns,))
    if any(isinstance(node, pb.GroupingSet) for each in select.group_clause for node in walk(each)):
        return facts
    if not distinct and any(name not in _ONE_FOR_A_GROUP for item in outputs for name in _calls(item.val)):
        return facts
    found = [(by_place | by_text | by_name).get(deparse_expression(each)) for each in distinct or select.group_clause]
    key = frozenset(columns[number - 1] for number in found if number is not None)
    return replace(facts, keys=(key,)) if found and None not in found else facts


def _of_values(rows: Sequence[Any], names: Sequence[str]) -> Facts:
    """Columns of whole numbers or strings that are all different are keys."""
    columns = [*names, *(f"column{number}" for number in range(len(names) + 1, len(rows[0]) + 1))]
    keys = []
    for position, column in enumerate(columns):
        values = [unwrap(row[position]) for row in rows]
        kinds = {each.WhichOneof("val") if isinstance(each, pb.A_Const) else None for each in values}
        texts = {deparse_expression(row[position]) for row in rows}
        if kinds in ({"ival"}, {"sval"}) and len(texts) == len(rows):
            keys.append(frozenset({column}))
    return Facts(frozenset(columns), tuple(keys))


def _calls(expression: Any) -> Iterator[str]:
    for node in walk(expression):
        if isinstance(node, pb.FuncCall):
            yield unwrap(node.funcname[-1]).sval


def _last(value: Any) -> str:
    inner = unwrap(value)
    return getattr(unwrap(inner.fields[-1]), "sval", "*") if isinstance(inner, pb.ColumnRef) else ""


def _names(nodes: Sequence[Any]) -> list[str]:
    return [unwrap(each).sval for each in nodes]
