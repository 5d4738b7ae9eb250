"""Views, routines and what else hangs on a table, read off the statements that create them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from migrator.sql.parser import pb, unwrap, walk

if TYPE_CHECKING:
    from migrator.lint.catalog import Catalog, Key


class View(msgspec.Struct, frozen=True, gc=False):
    """A view or materialized view.

    Attributes:
        columns: names in order; None where the text alone does not tell.
        reads: relations it selects from.
        uses: names of columns that it mentions, of whichever relation.
        uses_all: whether it selects ``*``, which stands for every column there was when it was created.
        file: number of the file that created it.
    """

    columns: tuple[str, ...] | None
    reads: frozenset[Key]
    uses: frozenset[str]
    uses_all: bool
    file: int


class Routine(msgspec.Struct, frozen=True, gc=False):
    """One function or procedure of a name that may be overloaded.

    Attributes:
        names: of the parameters that callers give, in order; empty ones have no name.
        types: of these parameters, as ``format_type`` would write them, without length.
        defaults: how many of the last of them have a default.
        returns: result type, with OUT parameters; an empty string for a procedure.
        raises: whether its body raises an exception.
        file: number of the file that created it.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    defaults: int
    returns: str
    raises: bool
    file: int

    @property
    def least(self) -> int:
        """Fewest arguments that a call may give."""
        return len(self.types) - self.defaults


def view_of(catalog: Catalog, aliases: Any, query: Any, file: int) -> View:
    """What CREATE VIEW makes.

    Args:
        catalog: what the names in the query stand for.
        aliases: ``String`` nodes of the column list, if it has one.
        query: the SELECT.
        file: number of the current file.
    """
    own: set[str] = set()
    reads: set[Key] = set()
    uses: set[str] = set()
    uses_all = False
    ranges: list[Any] = []
    for node in walk(query):
        if isinstance(node, pb.RangeVar):
            ranges.append(node)
        elif isinstance(node, pb.CommonTableExpr):
            own.add(node.ctename)
        elif isinstance(node, pb.ColumnRef):
            last = unwrap(node.fields[-1])
            if isinstance(last, pb.String):
                uses.add(last.sval)
            else:
                uses_all = True
    for node in ranges:
        if node.schemaname or node.relname not in own:
            reads.add(catalog.resolve(node.schemaname, node.relname))
    named = tuple(alias.string.sval for alias in aliases)
    found = _columns(catalog, query)
    columns = None if found is None else (*named, *found[len(named) :])
    return View(columns, frozenset(reads), frozenset(uses), uses_all, file)


def _columns(catalog: Catalog, query: Any) -> tuple[str, ...] | None:
    select = unwrap(query)
    while isinstance(select, pb.SelectStmt) and select.op != pb.SETOP_NONE:
        select = select.larg
    if not isinstance(select, pb.SelectStmt) or select.values_lists:
        return None
    names: list[str] = []
    for target in map(unwrap, select.target_list):
        value = unwrap(target.val)
        if target.name:
            names.append(target.name)
        elif isinstance(value, pb.ColumnRef):
            last = unwrap(value.fields[-1])
            if isinstance(last, pb.String):
                names.append(last.sval)
                continue
            source = unwrap(select.from_clause[0]) if len(select.from_clause) == 1 else None
            table = catalog.table(source) if isinstance(source, pb.RangeVar) else None
            if table is None or not table.complete:
                return None
            names.extend(table.columns)
        elif isinstance(value, pb.FuncCall):
            names.append(unwrap(value.funcname[-1]).sval)
        else:
            return None
    return tuple(names)


def routine_of(node: Any, file: int) -> Routine:
    """What a ``CreateFunctionStmt`` makes."""
    names, types, outs = [], [], []
    defaults = 0
    for parameter in map(unwrap, node.parameters):
        if parameter.mode in (pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE):
            outs.append(f"{parameter.name} {type_words(parameter.arg_type)}")
            continue
        if parameter.mode == pb.FUNC_PARAM_INOUT:
            outs.append(f"{parameter.name} {type_words(parameter.arg_type)}")
        names.append(parameter.name)
        types.append(type_words(parameter.arg_type))
        defaults += parameter.HasField("defexpr")
    result = type_words(node.return_type) if node.HasField("return_type") else ""
    setof = "setof " if node.HasField("return_type") and node.return_type.setof else ""
    body = _body(node).lower()
    raises = "raise exception" in body or "raise sqlstate" in body
    returns = f"{setof}{result} {', '.join(outs)}".strip()
    return Routine(tuple(names), tuple(types), defaults, returns, raises, file)


def _body(node: Any) -> str:
    for option in map(unwrap, node.options):
        if option.defname == "as":
            items = unwrap(option.arg).items
            return str(items[0].string.sval) if items else ""
    return ""


def type_words(node: Any) -> str:
    """A ``TypeName`` without its schema, if that is PostgreSQL's own, and without length: ``int4[]``."""
    names = [part.string.sval for part in node.names]
    if len(names) > 1 and names[0] == "pg_catalog":
        names.pop(0)
    return ".".join(names) + "[]" * len(node.array_bounds)


CREATE_OBJECTS = (
    "create_function_stmt",
    "create_enum_stmt",
    "create_domain_stmt",
    "create_seq_stmt",
    "composite_type_stmt",
    "define_stmt",
    "create_extension_stmt",
)
"""Kinds of statements that create what is neither table, view nor index."""


def created_name(node: Any) -> str:
    """Name, without its schema, of what a statement of ``CREATE_OBJECTS`` creates."""
    if isinstance(node, pb.CreateFunctionStmt):
        return str(node.funcname[-1].string.sval)
    if isinstance(node, pb.CreateEnumStmt):
        return str(node.type_name[-1].string.sval)
    if isinstance(node, pb.CreateDomainStmt):
        return str(node.domainname[-1].string.sval)
    if isinstance(node, pb.CreateSeqStmt):
        return str(node.sequence.relname)
    if isinstance(node, pb.CompositeTypeStmt):
        return str(node.typevar.relname)
    if isinstance(node, pb.DefineStmt):
        return str(node.defnames[-1].string.sval)
    return str(node.extname)


def parts_of_object(item: Any) -> tuple[str, ...]:
    """The parts of the name of an object, as DROP and ALTER … RENAME carry it."""
    if isinstance(item, pb.ObjectWithArgs):
        parts = item.objname
    elif isinstance(item, pb.TypeName):
        parts = item.names
    elif isinstance(item, pb.List):
        parts = item.items
    else:
        return (str(item.sval),)
    return tuple(part.string.sval for part in parts)
