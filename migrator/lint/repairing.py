"""From the rewrite of a statement to edits of its file: where each new statement goes, and in which transaction.

What has to commit by itself cannot be written into a transaction of several statements. Whether there is one is said by
BEGIN and COMMIT, by the header of a step in a phase file, or by whatever runs the file: then the file is marked in that
runner's own words, unless other statements rely on being committed together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrator.lint.parts import Part
from migrator.lint.repairs import Repair
from migrator.lint.runners import outside_mark, sent_as_one
from migrator.lint.transactions import Membership
from migrator.model.finding import Edit, Fix
from migrator.sql.lexing import Mark, marks
from migrator.sql.parser import Comment, Statement, pb

_APART = "other statements of the file would no longer commit together with it"
_BEGINS = frozenset({pb.TRANS_STMT_BEGIN, pb.TRANS_STMT_START})
_ENDS = frozenset({pb.TRANS_STMT_COMMIT, pb.TRANS_STMT_PREPARE, pb.TRANS_STMT_ROLLBACK})


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Where a statement stands.

    Attributes:
        index: of the statement in its part.
        membership: whether it runs in a transaction with others.
        begun: whether a BEGIN of the file itself is open.
    """

    index: int
    membership: Membership
    begun: bool


class NotFixable(Exception):
    """The rewrite cannot be put where the statement stands; the message says why, in words that follow "not fixed:"."""


def fix_of(repair: Repair, part: Part, at: Standpoint, alone: Collection[int]) -> Fix:
    """The edits of the file that put a repair into effect.

    Args:
        repair: what is to be written.
        part: where the statement stands.
        at: where in the part.
        alone: statements of the part that are to commit by themselves as well, so that they do not mind.

    Raises:
        NotFixable: it cannot be done there.
    """
    statement = part.script.statements[at.index]
    start, end = statement.offset, statement.offset + len(statement.text)
    text = part.source.text
    if statement.block is not None:
        raise NotFixable("it is run by a DO block or a function")
    if part.source.written_in is not None:
        raise NotFixable("revisions in Python are not edited")
    if not part.literal or text[start:end] != part.script.source[start:end]:
        raise NotFixable("placeholders or comments of the runner stand in it")
    edits = _Edits(part, at.index)
    remark = repair.remark
    claimed = (start, end)
    several = bool(repair.before or repair.after)
    if repair.alone:
        if several and (refusal := sent_as_one(part.source.name, text)):
            raise NotFixable(refusal)
        if part.source.phased:
            edits.leave_group(at.membership, is_concurrent=_is_long(" ".join((statement.text, *_texts(repair.edits)))))
        elif at.begun:
            split, claimed = _left_transaction(edits, part, at.index)
            remark = remark or (_APART if split else "")
            if not split:
                remark = remark or edits.mark_outside(at.index, alone)
        elif at.membership is not Membership.OUTSIDE:
            remark = remark or edits.mark_outside(at.index, alone)
    edits.around(repair.before, repair.after)
    edits.own(repair.edits)
    if repair.removes:
        _take_out(edits, text, statement)
    offset = part.source.offset
    return Fix(edits.of_file(offset), claimed[0] + offset, claimed[1] + offset, not remark, remark, repair.migration)


class _Edits:
    """The edits of one fix as places in the part."""

    def __init__(self, part: Part, index: int) -> None:
        statement = part.script.statements[index]
        self._part = part
        self._number = index + 1
        self._text = part.source.text
        self._statement = statement
        self._start = statement.offset
        self._end = statement.offset + len(statement.text)
        self._found: list[tuple[int, int, Edit]] = []
        self._new_line = "\r\n" if "\r\n" in self._text else "\n"
        line = self._text.rfind("\n", 0, self._start) + 1
        before = self._text[line : self._start]
        self._indent = before if before.isspace() else ""

    def add(self, start: int, end: int, text: str, rank: int = 0) -> None:
        """Take an edit in; of several insertions at one place those of lower rank come first."""
        self._found.append((start, rank, Edit(start, end, text.replace("\n", self._new_line))))

    def own(self, edits: Sequence[Edit]) -> None:
        """Edits inside the statement."""
        for edit in edits:
            self.add(edit.start, edit.end, edit.text, rank=1)

    def around(self, before: Sequence[str], after: Sequence[str]) -> None:
        """New statements before and behind the statement; its semicolon ends the last one."""
        lead = f"\n{self._indent}"
        head = self.head if before else self._start
        steps = iter(self._step_headers((*before, *after)))
        for sql in before:
            step = next(steps)
            self.add(head, head, f"{step}{lead}{sql};\n{lead}" if step else f"{sql};{lead}")
        for sql in after:
            step = next(steps)
            self.add(self._end, self._end, f";\n{lead}{step}{lead}{sql}" if step else f";{lead}{sql}", rank=2)

    def leave_group(self, membership: Membership, *, is_concurrent: bool) -> None:
        """Let a step of a phase file commit by itself; outside any transaction only where it cannot be in one.

        Raises:
            NotFixable: others are in its group.
        """
        header = self._step()
        match = _GROUP.search(header.text) if header else None
        if header is None or match is None or match[1] == "none":
            return
        if membership is Membership.INSIDE and self._shares_group(match[1]):
            raise NotFixable(f"other steps are in transaction={match[1]} as well")
        if is_concurrent:
            self.add(header.offset + match.start(1), header.offset + match.end(1), "none")

    def mark_outside(self, index: int, alone: Collection[int]) -> str:
        """Mark the file so that its runner puts no transaction around it; what becomes different by that.

        Raises:
            NotFixable: the runner has no word for it, or the rest of the file is not known here.
        """
        part, source = self._part, self._part.source
        if source.wrapped is False:
            return ""
        if not part.whole or part.continues:
            raise NotFixable("what else is in its transaction cannot be told: the file is in several parts")
        comments = [(each.text, each.offset) for each in part.script.comments]
        mark = outside_mark(source.name, self._text, comments, is_first=source.offset == 0)
        if isinstance(mark, str):
            raise NotFixable(mark)
        if mark is not None:
            self.add(mark.start, mark.end, mark.text, rank=-2)
        return _APART if _others_mind(part.script.statements, index, alone) else ""

    def of_file(self, offset: int) -> tuple[Edit, ...]:
        """All edits in order, as places in the file; insertions at one place made one."""
        result: list[Edit] = []
        for _, _, edit in sorted(self._found, key=lambda each: each[:2]):
            moved = Edit(edit.start + offset, edit.end + offset, edit.text)
            last = result[-1] if result else None
            if last is not None and last.start == last.end == moved.start:
                result[-1] = Edit(moved.start, moved.end, last.text + moved.text)
            else:
                result.append(moved)
        return tuple(result)

    @cached_property
    def head(self) -> int:
        """Where statements before it go: above comments to migrator that belong to it."""
        if self._part.source.phased and (header := self._step()):
            return header.offset
        place = self._start - len(self._indent)
        lines = 0
        while place > 0:
            above = self._text.rfind("\n", 0, place - 1) + 1
            line = self._text[above:place].strip()
            if not line.startswith("--") or not _ITS_OWN.match(line):
                break
            place = above
            lines += 1
        if not lines:
            return self._start
        line = self._text[place : self._text.find("\n", place)]
        return place + len(line) - len(line.lstrip())

    def _step(self) -> Comment | None:
        own = (each for each in self._statement.comments if each.offset < self._start)
        return next((each for each in own if each.body.startswith("step:")), None)

    def _step_headers(self, added: Sequence[str]) -> Iterator[str]:
        """For each added statement the header that makes a step of it; empty outside phase files."""
        if not self._part.source.phased:
            yield from ("" for _ in added)
            return
        header = self._step()
        words = header.body.split() if header else []
        name = words[1] if len(words) > 1 else f"statement-{self._number}"
        taken = {each.body.split()[1] for each in self._part.script.comments if _NAMED.match(each.body)}
        number = 0
        for sql in added:
            number += 1
            while f"{name}-{number}" in taken:
                number += 1
            yield f"-- step: {name}-{number}" + (" transaction=none" if _is_long(sql) else "")

    def _shares_group(self, group: str) -> bool:
        others = [each for each in self._part.script.comments if each.body.startswith("step:")]
        found = [match[1] for each in others if (match := _GROUP.search(each.text))]
        return found.count(group) > 1


_NAMED = re.compile(r"step:\s+\S")
_GROUP = re.compile(r"\btransaction=([\w.-]+)")
_ITS_OWN = re.compile(r"--\s*(?:migrator:\s*allow\b|step:|locks:|why:|verify:|loses:)")


def _is_long(sql: str) -> bool:
    """Whether a statement runs for long under a lock that hardly anybody minds, so that it gets no timeout."""
    return re.search(r"\b(?:CONCURRENTLY|VALIDATE CONSTRAINT|ANALYZE)\b", sql, re.IGNORECASE) is not None


def _texts(edits: Sequence[Edit]) -> Iterator[str]:
    return (edit.text for edit in edits)


def _others_mind(statements: Sequence[Statement], index: int, alone: Collection[int]) -> bool:
    """Whether other statements of the file rely on a transaction that the runner may put around it."""
    begun = False
    for number, statement in enumerate(statements):
        if statement.kind == "transaction_stmt":
            begun = statement.node.kind in _BEGINS or (begun and statement.node.kind not in _ENDS)
        elif number != index and number not in alone and not begun and not _keeps(statement):
            return True
    return False


def _keeps(statement: Statement) -> bool:
    """Whether a statement is the same outside a transaction: it sets something for the session, or cannot be in one."""
    kind, node = statement.kind, statement.node
    if kind == "variable_set_stmt":
        return not node.is_local
    if kind == "alter_table_stmt":
        return len(node.cmds) == 1 and _checks_later(node.cmds[0].alter_table_cmd)
    if kind in ("index_stmt", "drop_stmt"):
        return bool(node.concurrent)
    return kind in ("vacuum_stmt", "comment_stmt") or (
        kind == "reindex_stmt" and any(each.def_elem.defname == "concurrently" for each in node.params)
    )


def _checks_later(command: Any) -> bool:
    """A constraint that is added NOT VALID, or validated: the one is there to be committed before the other."""
    if command.subtype == pb.AT_AddConstraint:
        return bool(getattr(command, "def").constraint.skip_validation)
    return bool(command.subtype == pb.AT_ValidateConstraint)


def _left_transaction(edits: _Edits, part: Part, index: int) -> tuple[bool, tuple[int, int]]:
    """Take a statement out of its BEGIN and COMMIT; whether that splits them, and the text this relies on.

    Raises:
        NotFixable: the transaction is not all there, or uses savepoints.
    """
    statements = part.script.statements
    first = next((n for n in range(index - 1, -1, -1) if _is(statements[n], _BEGINS)), None)
    last = next((n for n in range(index + 1, len(statements)) if _is(statements[n], _ENDS)), None)
    if first is None or last is None or statements[last].node.kind != pb.TRANS_STMT_COMMIT:
        raise NotFixable("its transaction has no BEGIN and COMMIT in this file")
    opener = next((each for each in reversed(statements[:first]) if each.kind == "transaction_stmt"), None)
    if opener is not None and opener.node.kind in _BEGINS:
        raise NotFixable("its transaction begins twice")
    inside = statements[first + 1 : last]
    if any(each.kind == "transaction_stmt" or each.block is not None for each in inside):
        raise NotFixable("its transaction has savepoints")
    text = part.source.text
    begin, commit, own = statements[first], statements[last], statements[index]
    claimed = (begin.offset, commit.offset + len(commit.text))
    if any(_is_local(each) and not _is_timeout(each) for each in inside[: index - first - 1]):
        raise NotFixable("SET LOCAL before it holds for its transaction only")
    if first + 1 == index:
        _take_out(edits, text, begin)
    else:
        edits.add(edits.head, edits.head, "COMMIT;\n", rank=-1)
    if last - 1 == index:
        _take_out(edits, text, commit)
    else:
        place = own.offset + len(own.text)
        edits.add(place, place, f";\n{begin.text}", rank=3)
    others = (each for each in inside if each is not own)
    return not all(_keeps(each) or (_is_local(each) and _is_timeout(each)) for each in others), claimed


def _is_local(statement: Statement) -> bool:
    return statement.kind == "variable_set_stmt" and bool(statement.node.is_local)


def _is_timeout(statement: Statement) -> bool:
    return statement.node.name.lower() in ("lock_timeout", "statement_timeout")


def _is(statement: Statement, kinds: frozenset[int]) -> bool:
    return statement.kind == "transaction_stmt" and statement.node.kind in kinds


def _take_out(edits: _Edits, text: str, statement: Statement) -> None:
    """Remove a statement with its semicolon, and its line if nothing else is on it."""
    start, end = statement.offset, statement.offset + len(statement.text)
    semicolon = next((each for each in marks(text[end:]) if each.mark is Mark.END), None)
    if semicolon is None:
        edits.add(start, end, "")
        return
    stop = end + semicolon.end
    if text[end : stop - 1].strip():
        edits.add(start, end, "")
        edits.add(stop - 1, stop, "")
        return
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", stop)
    line_end = len(text) if line_end < 0 else line_end + 1
    is_alone = not text[line_start:start].strip() and not text[stop:line_end].strip()
    edits.add(*((line_start, line_end) if is_alone else (start, stop)), "")
