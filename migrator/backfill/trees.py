"""Pieces of statement trees that batches are made of: a leaf table behind the author's name for it, a span of its rows.

Identifiers and literals stand in the tree as such, so nothing is quoted by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.backfill.keys import KeySpan
from migrator.backfill.segments import Held, Span
from migrator.sql.compose import ident, literal
from migrator.sql.parser import parse_expression, parse_script, pb, unwrap, walk


def tree(text: str) -> Any:
    """The tree of one statement."""
    return parse_script(text).statements[0].node


def table(schema: str, name: str, alias: str) -> Any:
    """``ONLY schema.name alias`` in a FROM clause."""
    node = pb.RangeVar(schemaname=schema, relname=name, inh=False, relpersistence="p")
    node.alias.aliasname = alias
    return node


def names(*words: str) -> Iterator[Any]:
    """Nodes of strings, as qualified names consist of."""
    for word in words:
        node = pb.Node()
        node.string.sval = word
        yield node


def column(*words: str) -> Any:
    """A reference to a column, qualified or not."""
    node = pb.Node()
    node.column_ref.fields.extend(names(*words))
    return node


def compare(left: Any, operator: str, right: Any) -> Any:
    """``left operator right``."""
    node = pb.Node()
    node.a_expr.kind = pb.AEXPR_OP
    node.a_expr.name.extend(names(operator))
    node.a_expr.lexpr.CopyFrom(left)
    node.a_expr.rexpr.CopyFrom(right)
    return node


def conjunction(conditions: Iterator[Any] | list[Any]) -> Any:
    """All of the conditions; of one, itself."""
    parts = list(conditions)
    node = pb.Node()
    if len(parts) == 1:
        node.CopyFrom(parts[0])
    else:
        node.bool_expr.boolop = pb.AND_EXPR
        node.bool_expr.args.extend(parts)
    return node


def conjuncts(condition: Any) -> list[Any]:
    """The conditions that are joined by AND at the top."""
    inner = unwrap(condition)
    if isinstance(inner, pb.BoolExpr) and inner.boolop == pb.AND_EXPR:
        return [part for each in inner.args for part in conjuncts(each)]
    return [condition]


def add_condition(statement: Any, condition: Any) -> None:
    """AND a condition to the WHERE of a statement, which may have none."""
    if not statement.HasField("where_clause"):
        statement.where_clause.CopyFrom(condition)
        return
    present = statement.where_clause
    if unwrap(present).DESCRIPTOR.name != "BoolExpr" or present.bool_expr.boolop != pb.AND_EXPR:
        whole = pb.Node()
        whole.bool_expr.boolop = pb.AND_EXPR
        whole.bool_expr.args.add().CopyFrom(present)
        present.CopyFrom(whole)
    added = pb.Node()
    added.CopyFrom(condition)
    present.bool_expr.args.append(added)


def within(alias: str, span: Span | KeySpan | Held) -> Any:
    """Whether a row of ``alias`` lies in a span, by its ctid or its key."""
    if isinstance(span, Held):
        places = ",".join(f'"{tid}"' for tid, _ in span.rows[span.start : span.stop])
        return parse_expression(f"{ident(alias)}.ctid = ANY ({literal('{' + places + '}')}::tid[])")
    if isinstance(span, KeySpan):
        return span.condition(alias)
    node = pb.Node()
    node.bool_expr.boolop = pb.AND_EXPR
    for operator, place in ((">=", span.start), ("<", span.stop)):
        node.bool_expr.args.append(compare(column(alias, "ctid"), operator, _tid(place.tid)))
    if span.parts > 1:
        node.bool_expr.args.append(_part(alias, span))
    return node


def _part(alias: str, span: Span) -> Any:
    if span.parting is None:
        number = f"pg_catalog.hashtid({ident(alias)}.ctid)"
    else:
        number = f"{ident(alias)}.{ident(span.parting.column)}"
        if span.parting.step > 1:
            number = f"({number} / {span.parting.step})"
    return parse_expression(f"({number} & {span.parts - 1}) = {span.part}")


def spared(alias: str, span: Span | KeySpan | Held, condition: Any) -> Any:
    """A condition that is not evaluated on rows left out, where it may fail: only CASE has a fixed order.

    Comparisons of two columns cannot fail, and stay outside: tables are joined by them.
    """
    if not span.without:
        return condition
    name = ident(alias)
    rows = " OR ".join(
        f"({name}.ctid = {literal(tid)}::tid AND {name}.xmin = {literal(version)}::xid)"
        for tid, version in span.without
    )
    parts = conjuncts(condition)
    plain = [part for part in parts if _joins(part)]
    guarded = [part for part in parts if not _joins(part)]
    node = parse_expression(f"CASE WHEN {rows} THEN false ELSE true END")
    if guarded:
        node.case_expr.defresult.CopyFrom(conjunction(guarded))
    return conjunction([*plain, node])


def mentions(expression: Any, columns: tuple[str, ...], alias: str) -> bool:
    """Whether an expression can depend on one of the columns of ``alias``: by name, or through the whole row."""
    for node in walk(expression):
        if not isinstance(node, pb.ColumnRef):
            continue
        *qualifiers, last = (unwrap(each) for each in node.fields)
        if qualifiers and qualifiers[-1].sval != alias:
            continue
        if isinstance(last, pb.A_Star) or last.sval in columns or (not qualifiers and last.sval == alias):
            return True
    return False


def shorten_references(message: Any, table_name: str) -> None:
    """``schema.table.column`` to ``table.column``: the leaf's own name stands behind an alias."""
    for node in walk(message):
        if isinstance(node, pb.ColumnRef) and len(node.fields) == 3:
            name = unwrap(node.fields[1])
            if isinstance(name, pb.String) and name.sval == table_name:
                del node.fields[0]


def _joins(condition: Any) -> bool:
    inner = unwrap(condition)
    return (
        isinstance(inner, pb.A_Expr)
        and inner.kind == pb.AEXPR_OP
        and [unwrap(name).sval for name in inner.name] == ["="]
        and isinstance(unwrap(inner.lexpr), pb.ColumnRef)
        and isinstance(unwrap(inner.rexpr), pb.ColumnRef)
    )


def _tid(text: str) -> Any:
    node = pb.Node()
    node.type_cast.arg.a_const.sval.sval = text
    node.type_cast.type_name.names.extend(names("tid"))
    node.type_cast.type_name.typemod = -1
    return node
