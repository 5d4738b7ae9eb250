"""Phase files: drafts to reviewable SQL, and SQL to steps. What runs is what stands in the file.

Each statement is a step and may have a header of comments::

    -- step: NAME [transaction=GROUP|none] [undoes=STEP]
    -- locks: MODE ON relation …        for the reader; believed only where it cannot be read off the statement
    -- why: …                            for the reader
    -- verify: CONDITION                 backfill: true for a row that is still wrong
    -- key: COLUMN[, COLUMN …]           backfill: go by these columns, where the table has no blocks to go by
    -- loses: SELECT count(*) …          rollback: rows whose data exists only in the new shape

A block comment may stand for a line of it, where a name or a value holds a line break.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from msgspec.structs import replace

from migrator.changes.kind import Draft
from migrator.errors import Refused
from migrator.model.locks import LockMode
from migrator.model.plan import Effects, Phase, Step, TableLock
from migrator.planning.proof import effects_in_order
from migrator.sql.compose import Sql, ident_list
from migrator.sql.parser import Statement, parse_script, pb, unwrap
from migrator.sql.rewrite import column_list
from migrator.sql.subjects import added_key, built_index
from migrator.templating import comment as one_line
from migrator.templating import render

_STEP = re.compile(r"(?P<id>[\w.-]+)(?: +transaction=(?P<group>[\w.-]+))?(?: +undoes=(?P<undoes>[\w.-]+))?\s*\Z")
_HEADER = re.compile(r"(step|locks|why|verify|key|loses):\s*(.*)", re.DOTALL)
_LOCKS = re.compile(r"(?P<mode>[A-Z][A-Z ]*[A-Z]) ON (?P<relation>(?:\"(?:[^\"]|\"\")*\"|[^\s\",:(])+)")
_PURPOSE = {
    Phase.EXPAND: "adds the new shape; safe for code that knows only the old one",
    Phase.BACKFILL: "moves the data; the tool runs it in small batches",
    Phase.CONTRACT: "removes the old shape; runs only when no code needs it any more",
    Phase.ROLLBACK: "undoes expand; refused once contracted",
}

_UNCHECKED = Sql("-- migrator: allow SY002 because it is made of what the catalog says at that moment")
_BY_PARTITIONS = "-- migrator: allow {} because the tool does it on each partition first, while reads and writes go on"


def write(drafts: Sequence[Draft], *, migration: str, level: int, phase: Phase) -> str:
    """The text of a phase file."""
    effects = effects_in_order(parse_script(draft.sql).statements[0] for draft in drafts)
    return (
        render(
            "migration/phase.sql.mako",
            phase=phase.value.capitalize(),
            purpose=_PURPOSE[phase],
            migration=migration,
            level=level,
            command=f"migrator {phase.value} {migration}",
            steps=[
                {
                    "header": _header(draft),
                    "remarks": [
                        _remark(name, text)
                        for name, text in (
                            ("locks", _described(draft, phase, taken)),
                            ("why", one_line(draft.why)),
                            ("verify", draft.verify),
                            ("key", ident_list(draft.key)),
                            ("loses", draft.loses),
                        )
                        if text
                    ]
                    + ([_UNCHECKED] if _runs_what_it_makes(draft.sql) else [])
                    + ([Sql(_BY_PARTITIONS.format(draft.waived))] if draft.waived else []),
                    "sql": draft.sql,
                }
                for draft, taken in zip(drafts, effects, strict=True)
            ],
        )
        + "\n"
    )


def _runs_what_it_makes(sql: str) -> bool:
    """Whether a statement runs SQL that it makes of what the catalog says at that moment."""
    return sql.startswith("DO ") and "EXECUTE " in sql


def _header(draft: Draft) -> str:
    undoes = f" undoes={draft.undoes}" if draft.undoes else ""
    return f"{draft.id} transaction={draft.group or 'none'}{undoes}"


def _remark(name: str, text: str) -> Sql:
    """A comment of the header that gives its text back unchanged; a line break needs a block comment.

    Raises:
        Refused: it has both a line break and a mark that begins or ends a block comment.
    """
    if not re.search(r"[\r\n]", text):
        return Sql(f"-- {name}: {text}")
    if "/*" in text or "*/" in text:
        raise Refused(f"a name or value holds both a line break and a comment mark: {text!r}")
    return Sql(f"/* {name}: {text} */")


def _described(draft: Draft, phase: Phase, effects: Effects) -> str:
    if phase is Phase.BACKFILL:
        return "only the rows of one batch, for as long as the batch takes"
    return draft.locks or describe_locks(effects)


def describe_locks(effects: Effects, unknown: Collection[str] = ()) -> str:
    """Lock, whom it makes wait and for how long, for people; an empty string when no existing table is locked.

    Args:
        effects: of the statement.
        unknown: relations that nobody but the migration knows.
    """
    strongest = effects.strongest
    if effects.relation is None or strongest is LockMode.NONE:
        return ""
    if effects.rewrites_table:
        duration = "while every row is rewritten"
    elif effects.scans_table:
        duration = "while every row is read"
    else:
        duration = "for a moment"
    others = "".join(
        f", {lock.mode.title} ON {lock.relation}" for lock in effects.locks if lock.relation != effects.relation
    )
    if all(lock.relation in unknown for lock in effects.locks):
        return f"{strongest.title} ON {effects.relation}{others}: nobody knows it"
    waiting = "nobody waits" if strongest.blocks == "nobody" else f"{strongest.blocks} wait"
    return f"{strongest.title} ON {effects.relation}{others}: {waiting}, {duration}"


def read(text: str, *, phase: Phase, name: str) -> tuple[Step, ...]:
    """The steps of a phase file.

    Args:
        text: the file's.
        phase: which phase it is.
        name: its path for messages.

    Raises:
        SqlSyntaxError: it does not parse.
        Refused: two steps of one name, a header without one statement, transaction control, a statement in a group that
            cannot run in a transaction.
    """
    script = parse_script(text, name)
    steps: list[Step] = []
    headers = 0
    for number, (statement, effects) in enumerate(
        zip(script.statements, effects_in_order(script.statements), strict=True), start=1
    ):
        at = f"{name}:{statement.line}"
        if statement.kind == "transaction_stmt":
            raise Refused(
                f"{statement.text.split()[0].upper()} does not belong in a phase file",
                at=at,
                hint="steps with the same transaction=GROUP in their header commit together",
            )
        fields = _fields(statement, at)
        headers += "step" in fields
        step = _step(statement, effects, fields, number, phase, at)
        if any(each.id == step.id for each in steps):
            raise Refused(f'two steps are named "{step.id}"', at=at)
        steps.append(step)
    written = sum(1 for comment in script.comments if comment.body.startswith("step:"))
    if written != headers:
        raise Refused(f"{name} has {written} step headers but {headers} of them are followed by one statement", at=name)
    return tuple(steps)


def _fields(statement: Statement, at: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for comment in statement.comments:
        match = _HEADER.fullmatch(comment.body) if comment.offset < statement.offset else None
        if match is None:
            continue
        if match[1] == "step" and "step" in fields:
            raise Refused(f'step "{fields["step"]}" has no statement', at=at)
        fields[match[1]] = match[2].strip()
    return fields


def _step(statement: Statement, effects: Effects, fields: dict[str, str], number: int, phase: Phase, at: str) -> Step:
    header = _STEP.match(fields["step"]) if "step" in fields else None
    if "step" in fields and header is None:
        raise Refused(
            f'step header "{fields["step"]}" is not understood', at=at, hint="-- step: NAME transaction=GROUP"
        )
    if _is_said_to_be_short(statement, fields):
        effects = replace(effects, rewrites_table=False, scans_table=False)
    step_id = header["id"] if header else f"statement-{number}"
    group = header["group"] if header else None
    said = _said_locks(fields.get("locks", "")) if _is_not_told_by_text(statement, group) else ()
    if said:
        effects = replace(effects, locks=said)
    if group == "none" or (group is None and (not effects.transactional or phase is Phase.BACKFILL)):
        group = None
    elif group is None:
        group = step_id
    elif not effects.transactional:
        raise Refused(
            f"{' '.join(statement.text.split()[:3])} cannot run in a transaction",
            at=at,
            hint=f"-- step: {step_id} transaction=none",
        )
    return Step(
        id=step_id,
        sql=statement.text,
        phase=phase,
        group=group,
        effects=effects,
        locks=fields["locks"] if said and statement.kind != "do_stmt" else "",
        reason=fields.get("why", ""),
        undoes=header["undoes"] if header else None,
        verify=fields.get("verify"),
        key=_key(fields["key"], at) if "key" in fields and phase is Phase.BACKFILL else (),
        loses=fields.get("loses"),
        line=statement.line,
        at=at,
    )


def _is_not_told_by_text(statement: Statement, group: str | None) -> bool:
    """Whether what a statement locks cannot be read off it.

    So with what it makes of the catalog, and with what the tool does partition by partition: where a table is not
    partitioned, these are locked by as much at least.
    """
    if statement.kind == "do_stmt":
        return True
    return group == "none" and (built_index(statement) is not None or added_key(statement) is not None)


def _said_locks(text: str) -> tuple[TableLock, ...]:
    """What a header says is locked; what is behind the colon is for people."""
    found: list[TableLock] = []
    match = _LOCKS.match(text)
    while match and match["mode"].replace(" ", "_") in LockMode.__members__:
        found.append(TableLock(LockMode[match["mode"].replace(" ", "_")], match["relation"]))
        match = _LOCKS.match(text, match.end() + 2) if text.startswith(", ", match.end()) else None
    return tuple(found)


def _key(text: str, at: str) -> tuple[str, ...]:
    """The columns that a header names."""
    try:
        return column_list(text)
    except Refused:
        raise Refused(f"key: {text} is not understood", at=at, hint="-- key: COLUMN, COLUMN") from None


def _is_said_to_be_short(statement: Statement, fields: dict[str, str]) -> bool:
    """Whether a statement whose text cannot tell is said to go through no rows; the wall limit holds it to that."""
    return (
        statement.kind == "alter_table_stmt"
        and len(statement.node.cmds) == 1
        and unwrap(statement.node.cmds[0]).subtype in (pb.AT_AlterColumnType, pb.AT_AttachPartition)
        and fields.get("locks", "").endswith("for a moment")
    )
