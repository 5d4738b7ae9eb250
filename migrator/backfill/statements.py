"""The author's UPDATE to the statements of a batch, by its tree; what cannot be batched is refused with its place.

The author writes ``UPDATE t SET c = f(s) WHERE c IS DISTINCT FROM f(s)``. A batch is the same statement on one leaf
table with a range of row positions added::

    UPDATE ONLY leaf t SET c = f(s) WHERE t.ctid >= '(0,0)'::tid AND t.ctid < '(64,0)'::tid AND c IS DISTINCT FROM f(s)

which PostgreSQL 14 and above reads by a TID range scan. The condition is what makes a sweep repeatable: a row that was
done no longer satisfies it, wherever in the table its new version lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from migrator.backfill.segments import Span
from migrator.errors import Refused
from migrator.model.plan import Step
from migrator.sql.compose import Sql, expression, ident, literal, qualified
from migrator.sql.parser import Script, deparse, deparse_expression, parse_expression, parse_script, pb, unwrap, walk

_VOLATILE = frozenset(
    {"clock_timestamp", "gen_random_uuid", "nextval", "random", "random_normal", "timeofday", "uuidv4", "uuidv7"}
)
_REFUSED_KINDS = {
    "insert_stmt": "INSERT is not batched yet",
    "delete_stmt": "DELETE cannot be undone by a rollback and is not batched",
    "select_stmt": "SELECT changes nothing, or only by side effects",
    "merge_stmt": "MERGE is not batched",
}


@dataclass(frozen=True, slots=True)
class LeafName:
    """A table that has rows itself: a plain table, or a partition that is not partitioned further."""

    schema: str
    name: str

    @property
    def sql(self) -> Sql:
        """Schema-qualified, quoted where needed."""
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class BackfillStatement:
    """An UPDATE that can be run in batches.

    Attributes:
        step: id of its step.
        at: where it is written.
        schema: schema of its table as written, or None.
        table: name of its table.
        only: whether the author wrote ONLY: children are left out.
        columns: the columns it sets.
        condition: SQL of what a row must satisfy to be updated, over ``alias``.
        wrong: SQL of what is true for a row that is still wrong, over ``alias``.
        alias: the name by which its expressions may call the table.
    """

    step: str
    at: str
    schema: str | None
    table: str
    only: bool
    columns: tuple[str, ...]
    condition: str
    wrong: str
    alias: str
    _update: Any = field(repr=False)
    _wrong: Any = field(repr=False)

    @property
    def relation(self) -> Sql:
        """Its table as written, as SQL."""
        return qualified(self.schema, self.table)

    def fill(self, leaf: LeafName, span: Span) -> str:
        """Updates the rows of a span; waits for rows that others have locked."""
        return deparse("update_stmt", self._on(leaf, span))

    def fill_and_check(self, leaf: LeafName, span: Span) -> str:
        """As ``fill``; returns ``rows``, of which ``still`` satisfy the condition after it, and the ctid of one."""
        checked = _tree(
            "WITH done AS (UPDATE x SET a = 1 RETURNING true AS still, ctid AS place)"
            " SELECT count(*) AS rows, count(*) FILTER (WHERE still) AS still,"
            " (array_agg(place) FILTER (WHERE still))[1]::text AS place FROM done"
        )
        update = self._on(leaf, span)
        still, place = pb.Node(), pb.Node()
        still.res_target.name, place.res_target.name = "still", "place"
        still.res_target.val.CopyFrom(self._update.where_clause)
        place.res_target.val.CopyFrom(_column(self.alias, "ctid"))
        update.returning_clause.exprs.extend([still, place])
        unwrap(checked.with_clause.ctes[0]).ctequery.update_stmt.CopyFrom(update)
        return deparse("select_stmt", checked)

    def fill_free(self, leaf: LeafName, span: Span, *, key: bool) -> str:
        """As ``fill``, for rows nobody else has locked; one statement, so that a row cannot change in between.

        Args:
            key: whether a column of a unique index is set, for which PostgreSQL takes the stronger row lock.
        """
        free = _tree(
            "SELECT ctid AS migrator_row FROM x FOR UPDATE SKIP LOCKED"
            if key
            else "SELECT ctid AS migrator_row FROM x FOR NO KEY UPDATE SKIP LOCKED"
        )
        update = self._on(leaf, span)
        free.from_clause[0].range_var.CopyFrom(update.relation)
        free.where_clause.CopyFrom(update.where_clause)
        free.target_list[0].res_target.val.CopyFrom(_column(self.alias, "ctid"))
        joined = _tree("WITH migrator_free AS MATERIALIZED (SELECT 1) UPDATE x SET a = 1 FROM migrator_free")
        unwrap(joined.with_clause.ctes[0]).ctequery.select_stmt.CopyFrom(free)
        update.with_clause.CopyFrom(joined.with_clause)
        update.from_clause.extend(joined.from_clause)
        _add_condition(update, _compare(_column(self.alias, "ctid"), "=", _column("migrator_free", "migrator_row")))
        return deparse("update_stmt", update)

    def count_candidates(self, leaf: LeafName, span: Span) -> str:
        """How many rows of a span a batch would update; returns ``rows``."""
        return self._select("SELECT count(*) AS rows FROM x", leaf, span, self._update.where_clause)

    def count_wrong(self, leaf: LeafName, span: Span) -> str:
        """How many rows of a span are still wrong; returns ``rows``. Reads only."""
        return self._select("SELECT count(*) AS rows FROM x", leaf, span, self._wrong)

    def find_wrong(self, leaf: LeafName, span: Span) -> str:
        """The ``place`` (a tid as text) of one row of a span that is still wrong."""
        query = _tree(self._select("SELECT ctid::text AS place FROM x LIMIT 1", leaf, span, self._wrong))
        unwrap(query.target_list[0]).val.type_cast.arg.CopyFrom(_column(self.alias, "ctid"))
        return deparse("select_stmt", query)

    def _on(self, leaf: LeafName, span: Span) -> Any:
        update = pb.UpdateStmt()
        update.CopyFrom(self._update)
        update.relation.CopyFrom(_range_var(leaf, self.alias))
        condition = pb.Node()
        condition.CopyFrom(update.where_clause)
        update.where_clause.CopyFrom(self._within(span))
        _add_condition(update, self._spared(span, condition))
        return update

    def _select(self, text: str, leaf: LeafName, span: Span, condition: Any) -> str:
        query = _tree(text)
        query.from_clause[0].range_var.CopyFrom(_range_var(leaf, self.alias))
        query.where_clause.CopyFrom(self._within(span))
        _add_condition(query, self._spared(span, condition))
        return deparse("select_stmt", query)

    def _within(self, span: Span) -> Any:
        node = pb.Node()
        node.bool_expr.boolop = pb.AND_EXPR
        for operator, place in ((">=", span.start), ("<", span.stop)):
            node.bool_expr.args.append(_compare(_column(self.alias, "ctid"), operator, _tid(place.tid)))
        if span.parts > 1:
            part = parse_expression(f"(pg_catalog.hashtid(x) & {span.parts - 1}) = {span.part}")
            next(each for each in walk(part) if isinstance(each, pb.FuncCall)).args[0].CopyFrom(
                _column(self.alias, "ctid")
            )
            node.bool_expr.args.append(part)
        return node

    def _spared(self, span: Span, condition: Any) -> Any:
        """A condition that is not evaluated on rows left out, where it may fail: only CASE has a fixed order."""
        if not span.without:
            return condition
        name = ident(self.alias)
        rows = " OR ".join(
            f"({name}.ctid = {literal(tid)}::tid AND {name}.xmin = {literal(version)}::xid)"
            for tid, version in span.without
        )
        node = parse_expression(f"CASE WHEN {rows} THEN false ELSE true END")
        node.case_expr.defresult.CopyFrom(condition)
        return node


def read_step(step: Step) -> BackfillStatement:
    """The statement of a backfill step.

    Raises:
        Refused: it cannot be batched, with the reason and the line; or it does not parse.
    """
    script = parse_script(step.sql, step.at)
    reader = _Reader(step, script)
    if len(script.statements) != 1:
        reader.refuse(f"a step is one statement, this one has {len(script.statements)}")
    statement = script.statements[0]
    if statement.kind != "update_stmt":
        reader.refuse(
            _REFUSED_KINDS.get(statement.kind, "only UPDATE is batched"), hint="write UPDATE t SET c = … WHERE …"
        )
    return reader.read(statement.node)


class _Reader:
    """Checks one statement; every refusal names step, reason and place."""

    def __init__(self, step: Step, script: Script) -> None:
        self._step = step
        self._script = script

    def refuse(self, reason: str, *, node: Any = None, hint: str | None = None) -> NoReturn:
        inner = unwrap(node) if isinstance(node, pb.Node) else node
        location = getattr(inner, "location", 0)
        line = self._step.line + (self._script.position_of(location)[0] - 1 if self._script.source else 0)
        path, separator, _ = self._step.at.rpartition(":")
        raise Refused(
            f'backfill step "{self._step.id}" cannot be run in batches: {reason}',
            at=f"{path}:{line}" if separator else self._step.at or None,
            detail=f"statement: {' '.join(self._step.sql.split())[:400]}",
            hint=hint,
        )

    def read(self, update: Any) -> BackfillStatement:
        self._check_shape(update)
        target = update.relation
        alias = target.alias.aliasname or target.relname
        own = pb.UpdateStmt()
        own.CopyFrom(update)
        condition = own.where_clause
        self._check_expression(condition, target, "WHERE")
        for item in own.target_list:
            self._check_expression(unwrap(item).val, target, "SET")
        columns = tuple(dict.fromkeys(unwrap(item).name for item in own.target_list))
        wrong = pb.Node()
        wrong.CopyFrom(condition)
        if self._step.verify is not None:
            wrong = self._verify(target)
        if not _mentions(condition, columns, alias):
            if self._step.verify is None or not _mentions(wrong, columns, alias):
                self.refuse(
                    f"its WHERE does not mention {_listed(columns)}, so a row that was done would be done again",
                    node=condition,
                    hint=f"add AND {columns[0]} IS DISTINCT FROM (the new value), or a -- verify: comment that does",
                )
            _add_condition(own, wrong)
        for message in (own, wrong):
            _shorten_references(message, target)
        return BackfillStatement(
            step=self._step.id,
            at=self._step.at,
            schema=target.schemaname or None,
            table=target.relname,
            only=not target.inh,
            columns=columns,
            condition=deparse_expression(own.where_clause),
            wrong=deparse_expression(wrong),
            alias=alias,
            _update=own,
            _wrong=wrong,
        )

    def _check_shape(self, update: Any) -> None:
        if update.HasField("with_clause"):
            self.refuse("a WITH query would run again for every batch", node=update.with_clause)
        if update.from_clause:
            self.refuse(
                "UPDATE … FROM is not batched yet",
                node=unwrap(update.from_clause[0]),
                hint="write SET c = (SELECT … FROM other WHERE other.key = t.key)",
            )
        if update.HasField("returning_clause"):
            self.refuse("RETURNING has nobody to return to")
        if not update.HasField("where_clause"):
            self.refuse(
                "it has no WHERE, so a row that was done cannot be told from one that was not",
                hint=f"add WHERE {unwrap(update.target_list[0]).name} IS DISTINCT FROM (the new value)",
            )

    def _check_expression(self, tree: Any, target: Any, part: str) -> None:
        for node in walk(tree):
            if isinstance(node, pb.ParamRef):
                self.refuse(f"it has a parameter, ${node.number}", node=node)
            elif isinstance(node, pb.CurrentOfExpr):
                self.refuse("WHERE CURRENT OF depends on a cursor")
            elif isinstance(node, pb.RangeVar) and _same_table(node, target):
                self.refuse(
                    f'a subquery reads "{target.relname}" itself, whose rows earlier batches have changed', node=node
                )
            elif isinstance(node, pb.LockingClause):
                self.refuse("a subquery locks rows of another table")
            elif part == "SET":
                continue
            elif isinstance(node, pb.SelectStmt) and (node.HasField("limit_count") or node.HasField("limit_offset")):
                self.refuse(f"{part} has a subquery with LIMIT, which may choose other rows for every batch")
            elif isinstance(node, pb.FuncCall) and unwrap(node.funcname[-1]).sval in _VOLATILE:
                name = unwrap(node.funcname[-1]).sval
                self.refuse(f"{part} calls {name}(), which answers differently every time", node=node)

    def _verify(self, target: Any) -> Any:
        text = self._step.verify or ""
        try:
            node = parse_expression(expression(text))
        except Refused as error:
            self.refuse(f"its verify condition does not parse: {error.message}", hint=f"verify: {text}")
        self._check_expression(node, target, "verify")
        return node


def _listed(columns: Sequence[str]) -> str:
    return " or ".join(f'"{column}"' for column in columns)


def _same_table(node: Any, target: Any) -> bool:
    schemas = {node.schemaname, target.schemaname}
    return bool(node.relname == target.relname and (len(schemas) == 1 or "" in schemas))


def _mentions(tree: Any, columns: Sequence[str], alias: str) -> bool:
    """Whether an expression can depend on one of the columns: by name, or through the whole row."""
    for node in walk(tree):
        if isinstance(node, pb.ColumnRef):
            last = unwrap(node.fields[-1])
            if isinstance(last, pb.A_Star) or last.sval in columns or (len(node.fields) == 1 and last.sval == alias):
                return True
    return False


def _shorten_references(message: Any, target: Any) -> None:
    """``schema.table.column`` to ``table.column``: the leaf's own name stands behind an alias."""
    for node in walk(message):
        if isinstance(node, pb.ColumnRef) and len(node.fields) == 3:
            table = unwrap(node.fields[1])
            if isinstance(table, pb.String) and table.sval == target.relname:
                del node.fields[0]


def _tree(text: str) -> Any:
    return parse_script(text).statements[0].node


def _range_var(leaf: LeafName, alias: str) -> Any:
    node = pb.RangeVar(schemaname=leaf.schema, relname=leaf.name, inh=False, relpersistence="p")
    node.alias.aliasname = alias
    return node


def _names(*names: str) -> Iterator[Any]:
    for name in names:
        node = pb.Node()
        node.string.sval = name
        yield node


def _column(*names: str) -> Any:
    node = pb.Node()
    node.column_ref.fields.extend(_names(*names))
    return node


def _tid(text: str) -> Any:
    node = pb.Node()
    node.type_cast.arg.a_const.sval.sval = text
    node.type_cast.type_name.names.extend(_names("tid"))
    node.type_cast.type_name.typemod = -1
    return node


def _compare(left: Any, operator: str, right: Any) -> Any:
    node = pb.Node()
    node.a_expr.kind = pb.AEXPR_OP
    node.a_expr.name.extend(_names(operator))
    node.a_expr.lexpr.CopyFrom(left)
    node.a_expr.rexpr.CopyFrom(right)
    return node


def _add_condition(statement: Any, condition: Any) -> None:
    """AND a condition to the WHERE of a statement."""
    present = statement.where_clause
    if unwrap(present).DESCRIPTOR.name != "BoolExpr" or present.bool_expr.boolop != pb.AND_EXPR:
        whole = pb.Node()
        whole.bool_expr.boolop = pb.AND_EXPR
        whole.bool_expr.args.add().CopyFrom(present)
        present.CopyFrom(whole)
    added = pb.Node()
    added.CopyFrom(condition)
    present.bool_expr.args.append(added)
