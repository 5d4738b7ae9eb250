"""The statement of a step as its author wrote it; what cannot be batched is refused with its reason and place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from migrator.backfill import trees
from migrator.backfill.matching import AGGREGATES
from migrator.backfill.move import MoveStatement, is_missing, swept
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.update import UpdateStatement, of_row
from migrator.errors import Refused
from migrator.model.plan import Step
from migrator.sql.compose import expression
from migrator.sql.parser import Script, deparse_expression, parse_expression, parse_script, pb, unwrap, walk

_VOLATILE = frozenset(
    {"clock_timestamp", "gen_random_uuid", "nextval", "random", "random_normal", "timeofday", "uuidv4", "uuidv7"}
)
_REFUSED_KINDS = {
    "delete_stmt": "DELETE cannot be undone by a rollback and is not batched",
    "select_stmt": "SELECT changes nothing, or only by side effects",
    "merge_stmt": "MERGE is not batched",
}
_KEY_HINT = "write INSERT INTO n (k, …) SELECT … FROM t ON CONFLICT (k) DO NOTHING, with k a unique key of n"
_VERIFY_HINT = "add a -- verify: comment that is true for a row of the table while it is missing in the other one"
_GROUPS_HINT = "select from the table that has one row for each row of n, and put the rest into a subquery"


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
    if statement.kind == "insert_stmt":
        return reader.move(statement.node)
    if statement.kind != "update_stmt":
        reader.refuse(
            _REFUSED_KINDS.get(statement.kind, "only UPDATE and INSERT … SELECT are batched"),
            hint="write UPDATE t SET c = … WHERE …, or INSERT INTO n (…) SELECT … FROM t ON CONFLICT …",
        )
    return reader.update(statement.node)


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

    def update(self, update: Any) -> UpdateStatement:
        self._check_update(update)
        target = update.relation
        alias = target.alias.aliasname or target.relname
        own = pb.UpdateStmt()
        own.CopyFrom(update)
        condition = own.where_clause
        self._check_expression(condition, target, "WHERE")
        for item in own.from_clause:
            self._check_expression(item, target, "FROM")
        for item in own.target_list:
            self._check_expression(unwrap(item).val, target, "SET")
        columns = tuple(dict.fromkeys(unwrap(item).name for item in own.target_list))
        verify = None if self._step.verify is None else self._verify(target)
        if not trees.mentions(condition, columns, alias):
            if verify is None or not trees.mentions(verify, columns, alias):
                self.refuse(
                    f"its WHERE does not mention {_listed(columns)}, so a row that was done would be done again",
                    node=condition,
                    hint=f"add AND {_qualified(update, columns[0])} IS DISTINCT FROM (the new value),"
                    " or a -- verify: comment that does",
                )
            trees.add_condition(own, verify)
        trees.shorten_references(own, target.relname)
        if verify is None:
            wrong = pb.Node()
            wrong.CopyFrom(of_row(own.from_clause, own.where_clause))
        else:
            wrong = verify
            trees.shorten_references(wrong, target.relname)
        return UpdateStatement(
            step=self._step.id,
            at=self._step.at,
            schema=target.schemaname or None,
            table=target.relname,
            only=not target.inh,
            columns=columns,
            condition=deparse_expression(own.where_clause),
            wrong=deparse_expression(wrong),
            alias=alias,
            key=self._step.key,
            _update=own,
            _wrong=wrong,
        )

    def move(self, insert: Any) -> MoveStatement:
        self._check_insert(insert)
        own = pb.InsertStmt()
        own.CopyFrom(insert)
        select = own.select_stmt.select_stmt
        target = self._swept(select)
        if _same_table(target, insert.relation):
            self.refuse(f'it reads "{target.relname}" itself, which grows meanwhile', node=target)
        alias = target.alias.aliasname or target.relname
        for part, items in (("SELECT", select.target_list), ("FROM", select.from_clause)):
            for item in items:
                self._check_expression(item, target, part)
        if select.HasField("where_clause"):
            self._check_expression(select.where_clause, target, "WHERE")
        trees.shorten_references(own, target.relname)
        wrong = pb.Node()
        if self._step.verify is None:
            wrong.CopyFrom(self._missing(own))
            self._check_expression(wrong, target, "ON CONFLICT")
        else:
            wrong.CopyFrom(self._verify(target))
            trees.shorten_references(wrong, target.relname)
        trees.add_condition(select, wrong)
        wrong.CopyFrom(select.where_clause)
        condition = deparse_expression(wrong)
        return MoveStatement(
            step=self._step.id,
            at=self._step.at,
            schema=target.schemaname or None,
            table=target.relname,
            only=not target.inh,
            columns=(),
            condition=condition,
            wrong=condition,
            alias=alias,
            key=self._step.key,
            _insert=own,
            _wrong=wrong,
        )

    def _check_update(self, update: Any) -> None:
        if update.HasField("with_clause"):
            self.refuse("a WITH query would run again for every batch", node=update.with_clause)
        if update.HasField("returning_clause"):
            self.refuse("RETURNING has nobody to return to")
        if not update.HasField("where_clause"):
            column = _qualified(update, unwrap(update.target_list[0]).name)
            self.refuse(
                "it has no WHERE, so a row that was done cannot be told from one that was not",
                hint=f"add WHERE {column} IS DISTINCT FROM (the new value)",
            )

    def _check_insert(self, insert: Any) -> None:
        select = insert.select_stmt.select_stmt
        if not insert.HasField("select_stmt") or select.values_lists:
            self.refuse(
                "INSERT … VALUES reads no table",
                hint='rows that are always the same belong into expand.sql, under "-- migrator: phase = expand"',
            )
        if insert.HasField("with_clause") or select.HasField("with_clause"):
            self.refuse("a WITH query would run again for every batch")
        if insert.HasField("returning_clause"):
            self.refuse("RETURNING has nobody to return to")
        if not insert.HasField("on_conflict_clause"):
            self.refuse(
                "it has no ON CONFLICT, so a row that was done could be inserted again, by a trigger or a further pass",
                hint=_KEY_HINT,
            )
        for found, words in (
            (select.op != pb.SETOP_NONE, "UNION, INTERSECT and EXCEPT"),
            (bool(select.distinct_clause), "DISTINCT"),
            (bool(select.group_clause) or select.HasField("having_clause"), "GROUP BY"),
            (any(call.HasField("over") for call in walk(select) if isinstance(call, pb.FuncCall)), "a window function"),
            (bool(select.sort_clause), "ORDER BY"),
            (select.HasField("limit_count") or select.HasField("limit_offset"), "LIMIT"),
        ):
            if found:
                self.refuse(f"{words} would be about the rows of each batch instead of all", hint=_GROUPS_HINT)
        for item in select.target_list:
            for call in _own_calls(unwrap(item).val):
                if unwrap(call.funcname[-1]).sval in AGGREGATES:
                    name = unwrap(call.funcname[-1]).sval
                    self.refuse(
                        f"{name}() would be about the rows of each batch instead of all", node=call, hint=_GROUPS_HINT
                    )
        if select.locking_clause:
            self.refuse("it locks rows, which the batches do themselves", node=select.locking_clause[0])

    def _swept(self, select: Any) -> Any:
        """The table whose rows are moved: the first one."""
        if not select.from_clause:
            self.refuse("it reads no table", hint=_KEY_HINT)
        item = select.from_clause[0]
        while isinstance(join := unwrap(item), pb.JoinExpr):
            if join.jointype not in (pb.JOIN_INNER, pb.JOIN_LEFT):
                self.refuse("RIGHT and FULL JOIN have rows that are of no block of the first table")
            if join.HasField("alias"):
                self.refuse("a join has an alias, behind which the position of a row cannot be seen")
            item = join.larg
        table = unwrap(swept(item))
        if not isinstance(table, pb.RangeVar):
            self.refuse("its FROM does not begin with a table, whose rows would be moved", hint=_KEY_HINT)
        if table.alias.colnames:
            self.refuse("it gives other names to the columns of the table it reads", node=table)
        return table

    def _missing(self, insert: Any) -> Any:
        """The condition for a row to be inserted, from what ON CONFLICT says."""
        conflict, columns = insert.on_conflict_clause, [unwrap(column).name for column in insert.cols]
        values = [unwrap(item).val for item in insert.select_stmt.select_stmt.target_list]
        if not columns or len(columns) != len(values) or any(_is_star(value) for value in values):
            self.refuse(
                "which value is for which column is not written in it",
                hint="name the columns and the values: INSERT INTO n (a, b) SELECT t.a, t.b FROM t",
            )
        elements = [unwrap(element) for element in conflict.infer.index_elems]
        if not elements or any(not each.name for each in elements) or conflict.infer.HasField("where_clause"):
            self.refuse(
                "its ON CONFLICT does not name columns, by which a row that was done could be told",
                hint=f"{_KEY_HINT}; or {_VERIFY_HINT}",
            )
        compared = [each.name for each in elements]
        if conflict.HasField("where_clause"):
            self.refuse(
                "DO UPDATE has a WHERE, so it cannot be told which rows are done",
                node=conflict.where_clause,
                hint=_VERIFY_HINT,
            )
        for item in conflict.target_list:
            fields = [unwrap(each) for each in unwrap(unwrap(item).val).fields] if _is_column(unwrap(item).val) else []
            same = [getattr(each, "sval", "") for each in fields] == ["excluded", unwrap(item).name]
            if not same or unwrap(item).name not in columns:
                self.refuse(
                    f'DO UPDATE sets "{unwrap(item).name}" to something else than EXCLUDED.{unwrap(item).name}, so it'
                    " cannot be told which rows are done",
                    node=item,
                    hint=_VERIFY_HINT,
                )
            compared.append(unwrap(item).name)
        for name in compared:
            if name not in columns:
                self.refuse(f'ON CONFLICT names "{name}", which it does not insert', hint=_KEY_HINT)
        return is_missing(insert, values, columns, tuple(dict.fromkeys(compared)))

    def _check_expression(self, tree: Any, target: Any, part: str) -> None:
        for node in walk(tree):
            if isinstance(node, pb.ParamRef):
                self.refuse(f"it has a parameter, ${node.number}", node=node)
            elif isinstance(node, pb.CurrentOfExpr):
                self.refuse("WHERE CURRENT OF depends on a cursor")
            elif isinstance(node, pb.RangeVar) and _same_table(node, target):
                if part == "FROM" and node.location == target.location:
                    continue
                where = "FROM" if part == "FROM" else "a subquery"
                self.refuse(
                    f'{where} reads "{target.relname}" itself, whose rows earlier batches have changed', node=node
                )
            elif isinstance(node, pb.LockingClause):
                self.refuse("a subquery locks rows of another table")
            elif isinstance(node, pb.RangeTableSample):
                self.refuse("TABLESAMPLE may choose other rows for every batch")
            elif part in ("SET", "SELECT"):
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


def _qualified(update: Any, column: str) -> str:
    """A column as it can be written in the condition of an UPDATE, beside other tables too."""
    name = update.relation.alias.aliasname or update.relation.relname
    return f"{name}.{column}" if update.from_clause else str(column)


def _same_table(node: Any, target: Any) -> bool:
    schemas = {node.schemaname, target.schemaname}
    return bool(node.relname == target.relname and (len(schemas) == 1 or "" in schemas))


def _is_column(node: Any) -> bool:
    return isinstance(unwrap(node), pb.ColumnRef)


def _is_star(node: Any) -> bool:
    return _is_column(node) and isinstance(unwrap(unwrap(node).fields[-1]), pb.A_Star)


def _own_calls(node: Any) -> list[Any]:
    """The functions an expression calls, those of subqueries left out."""
    inner = unwrap(node) if isinstance(node, pb.Node) else node
    if inner is None or isinstance(inner, pb.SelectStmt):
        return []
    calls = [inner] if isinstance(inner, pb.FuncCall) else []
    for descriptor, value in inner.ListFields():
        if descriptor.message_type is not None:
            for item in value if descriptor.is_repeated else (value,):
                calls += _own_calls(item)
    return calls
